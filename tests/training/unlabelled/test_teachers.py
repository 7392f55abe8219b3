"""What teachers find in views and their mirror images: in the graph, and from a file."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from coloured_dots import SKELETON, TRIANGLE, DotModel, dots

from simplebase import Crop, HeatmapCodec, ModelMetadata, SimpleBaseline, Skeleton
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.presets.unlabelled_settings import UnlabelledSettings
from simplebase.training.unlabelled.file_teacher import label_pool, require_pseudo_keypoints
from simplebase.training.unlabelled.flip_consistency import average_flipped
from simplebase.training.unlabelled.mean_teacher import MeanTeacher
from simplebase.training.unlabelled.pool import UnlabelledPool

SIZE, CANVAS = (64, 96), (84, 120)
PLACES = np.array([[[30, 40], [60, 35.5], [70.25, 50]], [[28, 30], [50, 60], [80, 20]]])


def test_views_and_their_mirror_images_are_averaged_where_they_agree() -> None:
    found = np.array([[[10, 20, 0.8], [30, 40, 0.6], [5, 5, 0.5]]])
    # In a view 64 pixels wide x is mirrored to 63 - x, and the first two swap their names.
    mirrored = np.array([[[63 - 33, 44, 0.4], [63 - 12, 20, 0.6], [63 - 5, 11, 0.5]]])
    result = average_flipped(found, mirrored, np.array([1, 0, 2]), 64, 5.0)
    np.testing.assert_allclose(result, [[[11, 20, 0.7], [31.5, 42, 0.5], [5, 8, 0.0]]])


def colour_model(skeleton: Skeleton) -> SimpleBaseline:
    """Its heatmaps are the three colours of the image, over cells of four pixels."""
    images = keras.Input((*SIZE, 3))
    backbone = keras.Model(images, keras.layers.AveragePooling2D(4)(images))
    features = keras.Input((SIZE[0] // 4, SIZE[1] // 4, 3))
    head = keras.Model(features, keras.layers.Rescaling(1 / 255)(features))
    metadata = ModelMetadata("colours", SIZE, Crop(), HeatmapCodec(SIZE), skeleton)
    return SimpleBaseline(backbone, head, metadata, "none")


def canvases(heights: np.ndarray) -> np.ndarray:
    """`(2, Hc, Wc, 3)` uint8 with a soft dot of each colour at `PLACES`, so high of 255."""
    y, x = np.indices(CANVAS)
    distance = (x - PLACES[..., :1, None]) ** 2 + (y - PLACES[..., 1:, None]) ** 2
    maps = heights[..., None, None] * 255 * np.exp(-distance / (2 * 8**2))
    return np.moveaxis(maps, 1, -1).round().astype(np.uint8)


@pytest.mark.parametrize("mirror", [None, 0.05])
def test_the_average_finds_places_in_the_canvas_and_masks_low_scores(mirror: float | None) -> None:
    heights = np.array([[0.9, 0.5, 0.9], [0.9, 0.9, 0.2]])
    settings = UnlabelledSettings(threshold=0.3, mirror=mirror)
    teacher = MeanTeacher(colour_model(SKELETON), settings)
    keypoints, scores = teacher.pseudo_keypoints(canvases(heights))
    np.testing.assert_array_equal(keypoints[..., 2], np.where(heights > 0.3, 2, 0))
    np.testing.assert_allclose(keypoints[..., :2], PLACES, atol=0.3)
    assert float(scores) == pytest.approx(heights.sum(), rel=0.05)


def test_what_the_mirrored_view_denies_is_masked() -> None:
    # Colours do not change before a mirror, so the names of a pair are exchanged wrongly.
    pairs = Skeleton("pair", ("left", "right", "nose"), horizontal_pairs=(("left", "right"),))
    images = canvases(np.full((2, 3), 0.9))
    for mirror, expected in ((0.05, [0, 0, 2]), (None, [2, 2, 2])):
        settings = UnlabelledSettings(threshold=0.3, mirror=mirror)
        keypoints, _ = MeanTeacher(colour_model(pairs), settings).pseudo_keypoints(images)
        np.testing.assert_array_equal(keypoints[..., 2], [expected] * 2)


@pytest.fixture
def photos(tmp_path: Path) -> UnlabelledPool:
    """Two photographs of dots; in the second no green one is to be seen."""
    paths = [str(tmp_path / f"{number}.png") for number in range(2)]
    for path, places in zip(paths, (TRIANGLE, (TRIANGLE[0], None, TRIANGLE[2])), strict=True):
        cv2.imwrite(path, dots([places])[..., ::-1])
    return UnlabelledPool.from_boxes(paths, [(0, 0, 160, 120), (0, 0, 160, 120)])


def test_a_teacher_from_a_file_labels_by_name_in_image_pixels(photos: UnlabelledPool) -> None:
    mine = Skeleton("mine", ("blue", "nose", "red", "green"))
    with pytest.warns(
        SimplebaseWarning,
        match="does not know nose: the student learns it from labelled images only",
    ):
        keypoints = label_pool(photos, DotModel(), mine, 0.05).keypoints
    expected = np.array([TRIANGLE[2], TRIANGLE[0], TRIANGLE[1]])
    np.testing.assert_allclose(keypoints[0, [0, 2, 3], :2], expected, atol=2)
    sure = keypoints[..., 2] > 0.9
    np.testing.assert_array_equal(sure, [[True, False, True, True], [True, False, True, False]])


def test_a_teacher_of_other_keypoints_and_one_that_finds_nothing_are_refused(
    photos: UnlabelledPool,
) -> None:
    with pytest.raises(ArgumentError, match="none of the keypoints .* red, green, blue.* tail"):
        label_pool(photos, DotModel(), Skeleton("cow", ("tail", "horn")), None)
    labelled = label_pool(photos, DotModel(), SKELETON, None)
    require_pseudo_keypoints(labelled, 0.5, "dots.tflite", "")
    nothing = labelled.with_keypoints(labelled.keypoints * [1, 1, 0.1])
    with pytest.raises(
        DataError, match=r"dots.tflite finds no keypoint with a score of at least 0\.5 in the"
    ):
        require_pseudo_keypoints(nothing, 0.5, "dots.tflite", "")
