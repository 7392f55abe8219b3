"""What is drawn on an image."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from coloured_dots import SKELETON, dots

from simplebase import Crop, HeatmapCodec, ModelMetadata, Pose, draw
from simplebase.demo.drawing import heat_of, side_by_side

IMAGE = np.full((200, 300, 3), 90, np.uint8)
PLACES = np.array([[80, 50], [150, 120], [240, 60]], np.float32)


def pose(scores: Any = (0.9, 0.9, 0.9), size: float = 200.0) -> Pose:
    keypoints = np.concatenate([PLACES, np.array(scores, np.float32)[:, None]], axis=1)
    return Pose(keypoints, (10.0, 10.0, size, 150.0), SKELETON)


def changed(drawn: np.ndarray, x: float, y: float) -> int:
    """How far a pixel is from what it was, in the channel that changed most."""
    return int(abs(drawn[round(y), round(x)].astype(int) - 90).max())


def test_keypoints_and_links_are_where_they_belong_and_the_rest_is_left() -> None:
    drawn = draw(IMAGE, [pose()])
    for x, y in PLACES:
        assert changed(drawn, x, y) > 50
    middle = PLACES[:2].mean(axis=0)
    np.testing.assert_array_equal(drawn[round(middle[1]), round(middle[0])], (235, 64, 52))
    assert (drawn[:, :60] == 90).all() and (drawn[140:] == 90).all() and (IMAGE == 90).all()


def test_what_scores_too_low_is_left_out_with_its_links() -> None:
    drawn = draw(IMAGE, [pose((0.05, 0.9, 0.9))])
    assert changed(drawn, *PLACES[0]) == 0 == changed(drawn, *PLACES[:2].mean(axis=0))
    assert changed(drawn, *PLACES[1]) > 50


def test_what_is_uncertain_is_drawn_faint() -> None:
    sure, unsure = draw(IMAGE, [pose()]), draw(IMAGE, [pose((0.2, 0.9, 0.9))])
    for place in (PLACES[0], PLACES[:2].mean(axis=0)):
        assert 0 < changed(unsure, *place) < 0.6 * changed(sure, *place)
    # Its neighbour is as sure as before.
    np.testing.assert_array_equal(sure[:, 170:], unsure[:, 170:])


def test_edges_are_smooth() -> None:
    colours = np.unique(draw(IMAGE, [pose()]).reshape(-1, 3), axis=0)
    assert len(colours) > 50


def test_lines_grow_with_the_object() -> None:
    small, large = (draw(IMAGE, [pose(size=size)]) for size in (60.0, 290.0))
    assert (large != 90).any(axis=-1).sum() > 1.3 * (small != 90).any(axis=-1).sum()


@pytest.mark.parametrize("x", [-40.0, 0.0, 299.0, 5000.0])
def test_keypoints_outside_of_the_image_do_no_harm(x: float) -> None:
    odd = pose((0.9, 0.2, 0.2))
    odd.keypoints[:, 0] = x
    draw(IMAGE, [odd], labels=True)


def test_labels_write_beside_the_keypoints_and_box() -> None:
    plain, labelled = draw(IMAGE, [pose()]), draw(IMAGE, [pose()], labels=True)
    differs = (plain != labelled).any(axis=-1)
    assert differs[10:160, 10].all() and differs[159, 10:210].all()
    x, y = PLACES[2].astype(int)
    assert differs[y - 10 : y + 10, x + 6 : x + 40].any()
    # The number of a tracked object is written as well.
    numbered = draw(IMAGE, [replace(pose(), identity=3)], labels=True)
    assert (numbered != labelled).any()


def test_heat_lies_over_the_image_where_it_is_hot() -> None:
    heat = np.zeros(IMAGE.shape[:2], np.uint8)
    heat[40:60, 70:90] = 255
    drawn = draw(IMAGE, [], heat=heat)
    assert abs(drawn[50, 80].astype(int) - 90).max() > 30
    assert abs(drawn[150, 200].astype(int) - 90).max() <= 1


@pytest.mark.parametrize("alignment", ["center", "corner", "upstream"])
def test_heat_is_laid_where_the_keypoints_are(alignment: Any) -> None:
    codec = HeatmapCodec((64, 64), alignment=alignment)
    metadata = ModelMetadata("x", (64, 64), Crop(), codec, SKELETON)
    matrix = metadata.crop.box_matrix(np.array([[60.0, 20.0, 120.0, 120.0]]), (64, 64))
    where = np.array([[110.0, 70.0]])
    inside = where @ matrix[0, :, :2].T + matrix[0, :, 2]
    keypoints = np.concatenate([np.tile(inside, (3, 1)), np.full((3, 1), 2.0)], axis=1)
    heatmaps, _ = codec.encode(keypoints[None].astype(np.float32))
    heat = heat_of(IMAGE, heatmaps, matrix, metadata).astype(float)
    rows, columns = np.indices(heat.shape)
    center = (heat * columns).sum() / heat.sum(), (heat * rows).sum() / heat.sum()
    np.testing.assert_allclose(center, where[0], atol=0.5)


def test_side_by_side_the_image_comes_first() -> None:
    image = dots([])
    both = side_by_side(image, image + 1)
    np.testing.assert_array_equal(both[:, :160], image)
    np.testing.assert_array_equal(both[:, 160:], image + 1)
