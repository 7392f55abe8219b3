"""The sheet of samples and the page of charts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simplebase import load_recipe
from simplebase.codec import HeatmapCodec
from simplebase.data.dataset import KeypointDataset
from simplebase.data.viewing import (
    Sample,
    augmented_samples,
    choose_records,
    cut_samples,
    draw_sheet,
    plot_statistics,
)
from simplebase.drawing import draw_skeleton
from simplebase.errors import ArgumentError, DataError, OutputExistsError
from simplebase.geometry import Crop, invert, transform_points
from simplebase.images import read_image
from simplebase.skeletons import Link, Skeleton

TWO = Skeleton("two", ("a", "b"), links=(Link("a", "b", "#00ff00"), Link("b", "a", "#00ff00")))
SIZE = (96, 64)


def test_samples_are_chosen_by_seed_and_split(figures: KeypointDataset) -> None:
    first, again, other = (choose_records(figures, "train", 6, seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() == sorted(first) and len(set(first)) == 6
    assert first.tolist() != other.tolist()
    assert not figures.records.validation[first].any()
    held_out = choose_records(figures, "val", 100, 0)
    assert held_out.tolist() == [4, 9, 14, 19, 24, 29, 34, 39]
    assert choose_records(figures, "all", 100, 0).tolist() == list(range(40))


def test_an_empty_split_and_wrong_numbers_are_refused(figures: KeypointDataset) -> None:
    with pytest.raises(DataError, match="val split is empty; --image-set all"):
        choose_records(figures.train, "val", 1, 0)
    with pytest.raises(ArgumentError, match="count must be at least 1"):
        choose_records(figures, "val", 0, 0)
    with pytest.raises(ArgumentError, match="seed must be 0 or above"):
        choose_records(figures, "val", 1, -1)


def test_a_cut_sample_is_the_crop_of_its_record(figures: KeypointDataset) -> None:
    rows = np.array([7, 3, 21, 30, 31, 32, 33, 34, 35, 36])  # more than are read at once
    samples = cut_samples(figures, rows, Crop(), SIZE)
    assert [sample.record for sample in samples] == rows.tolist()
    assert [sample.path for sample in samples] == [f"{row:06d}.jpg" for row in rows]
    records = figures.records
    for row, sample in zip(rows, samples, strict=True):
        assert sample.image.shape == (*SIZE, 3) and sample.image.dtype == np.uint8
        matrix = Crop().matrix(records.centers[row], records.scales[row], SIZE)
        back = transform_points(invert(matrix), sample.keypoints[:, :2])
        labelled = records.keypoints[row, :, 2] > 0
        # The pipeline may move a canvas by half a pixel to read faster.
        distance = np.abs(back - records.keypoints[row, :, :2])[labelled] * matrix[0, 0]
        assert distance.max() <= 0.51
        np.testing.assert_array_equal(sample.keypoints[:, 2], records.keypoints[row, :, 2])


def test_augmented_samples_follow_from_the_seed_and_move(figures: KeypointDataset) -> None:
    rows = np.arange(3)
    recipe = load_recipe("default")
    first, again, other = (
        augmented_samples(figures, rows, Crop(), (64, 64), recipe, seed) for seed in (1, 1, 2)
    )
    plain = cut_samples(figures, rows, Crop(), (64, 64))
    for one, two, three, cut in zip(first, again, other, plain, strict=True):
        assert one.image.shape == (64, 64, 3) and one.image.dtype == np.uint8
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.keypoints, two.keypoints)
        assert np.abs(one.keypoints - three.keypoints).max() > 1
        assert np.abs(one.keypoints - cut.keypoints).max() > 1


def sample(keypoints: list[list[float]], value: int = 128) -> Sample:
    return Sample(0, "a.jpg", np.full((*SIZE, 3), value, np.uint8), np.array(keypoints, float))


def count(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(image.astype(int) - colour).max(axis=-1) < 8).sum())


def test_the_sheet_shows_links_and_leaves_unlabelled_keypoints_out() -> None:
    green = (0, 255, 0)
    both = draw_sheet([sample([[10, 10, 2], [50, 80, 2]])], TWO, "title")
    one = draw_sheet([sample([[10, 10, 2], [50, 80, 0]])], TWO, "title")
    none = draw_sheet([sample([[10, 10, 0], [50, 80, 0]])], TWO, "title")
    assert both.shape == one.shape == none.shape
    assert count(both, green) > 20 * count(one, green) > 0
    assert count(none, green) == 0


def test_hidden_keypoints_are_drawn_with_a_hole() -> None:
    grey = np.full((60, 60, 3), 128, np.uint8)
    points = np.array([[30.0, 30.0], [0.0, 0.0]])
    shown = np.array([True, False])
    visible, hidden = grey.copy(), grey.copy()
    draw_skeleton(visible, points, TWO, shown=shown, width=4)
    draw_skeleton(hidden, points, TWO, shown=shown, width=4, hollow=shown)
    assert visible[30, 30].tolist() == [0, 255, 0] and hidden[30, 30].tolist() == [0, 0, 0]
    assert count(hidden, (0, 255, 0)) > 0 and count(hidden, (255, 255, 255)) == 0


def test_keypoints_at_which_links_only_end_have_their_colour() -> None:
    canvas = np.full((60, 60, 3), 128, np.uint8)
    skeleton = Skeleton("one link", ("a", "b"), links=(Link("a", "b", "#00ff00"),))
    points = np.array([[10.0, 30.0], [50.0, 30.0]])
    draw_skeleton(canvas, points, skeleton, shown=np.array([True, True]), width=4)
    assert canvas[30, 10].tolist() == canvas[30, 50].tolist() == [0, 255, 0]


def test_keypoints_without_links_are_drawn_in_the_colour_of_their_side() -> None:
    names = ("left_eye", "right_eye", "nose")
    skeleton = Skeleton("face", names, horizontal_pairs=(("left_eye", "right_eye"),))
    face = sample([[10, 10, 2], [50, 20, 2], [30, 80, 2]], value=255)
    tile = draw_sheet([face], skeleton, "title").astype(int)
    for x, y, colour in ((10, 10, "b"), (50, 20, "r"), (30, 80, "g")):
        red, green, blue = Link("a", "b", colour).rgb
        matches = np.argwhere(np.abs(tile - (red, green, blue)).max(axis=-1) < 8)
        # The header is 64 pixels high, the margin 10, and a tile 272 for the 96 of the image.
        place = 64 + (y + 0.5) * 272 / 96, 10 + (x + 0.5) * 272 / 96
        assert len(matches) > 3
        np.testing.assert_allclose(np.median(matches, axis=0), place, atol=3)


def test_the_sheet_has_a_cell_for_each_sample() -> None:
    cells = [replace(sample([[10, 10, 0], [50, 80, 0]]), path="x" * 200) for _ in range(7)]
    sheet = draw_sheet(cells, TWO, "seven")
    tile = draw_sheet(cells[:1], TWO, "one")
    per_tile = count(tile, (128, 128, 128))
    # The captions' smoothed edges may be of the same grey; a long name must not leave its cell.
    assert count(sheet, (128, 128, 128)) == pytest.approx(7 * per_tile, rel=0.02)
    assert sheet.shape[1] > tile.shape[1] and sheet.shape[0] > tile.shape[0]


def test_the_heatmaps_lie_where_the_keypoints_are() -> None:
    codec = HeatmapCodec(SIZE)
    black = [sample([[20, 30, 2], [50, 80, 0]], value=0)]
    plain, warm = (draw_sheet(black, TWO, "t", chosen) for chosen in (None, codec))
    # Below the header, whose legend grows by the heatmaps, and the paper with it.
    warm = warm[:, : plain.shape[1]]
    changed = np.abs(warm.astype(int) - plain).max(axis=-1)[60:] > 40
    rows, columns = np.nonzero(changed)
    scale = 272 / SIZE[0]
    assert np.mean(columns) == pytest.approx(10 + 20.5 * scale, abs=3)
    assert np.mean(rows) + 60 == pytest.approx(64 + 30.5 * scale, abs=3)


def test_the_charts_are_an_image_and_replace_nothing(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    path = tmp_path / "charts.png"
    plot_statistics(figures, path, Crop())
    assert read_image(path).std() > 10
    with pytest.raises(OutputExistsError):
        plot_statistics(figures, path, Crop())
    with pytest.raises(ArgumentError, match=r"charts\.txt"):
        plot_statistics(figures, tmp_path / "charts.txt", Crop())


def test_records_without_labels_can_be_charted(figures: KeypointDataset, tmp_path: Path) -> None:
    one = figures.select(np.array([0]))
    records = replace(
        one.records,
        keypoints=np.zeros((1, 16, 3)),
        boxes=np.array([[1.0, 2.0, 30.0, 40.0]]),
    )
    plot_statistics(replace(one, records=records), tmp_path / "charts.png", Crop())
    assert read_image(tmp_path / "charts.png").std() > 10
