"""The input pipeline: what a batch holds is what the records say, cut by the crop's matrix."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from simplebase import Crop, KeypointDataset, Skeleton, load_dataset
from simplebase.data.pipeline import BatchSource
from simplebase.errors import DataError, MissingFileError
from simplebase.geometry import transform_points
from simplebase.images import read_image, warp_image

SIZE = (64, 64)
CROP = Crop()


def source(
    dataset: KeypointDataset, batch_size: int = 4, **options: tuple[int, int]
) -> BatchSource:
    return BatchSource(dataset, CROP, SIZE, batch_size, **options)


def test_a_batch_is_the_crop_of_each_image_and_its_keypoints(figures: KeypointDataset) -> None:
    batch = next(source(figures).batches())
    assert batch["images"].shape == (4, 64, 64, 3) and batch["images"].dtype == "uint8"
    assert batch["keypoints"].shape == (4, 16, 3) and batch["keypoints"].dtype == "float32"
    records = figures.records
    for index in range(4):
        x, y = records.centers[index]
        magnification = 64 / (200 * records.scales[index] * 1.25)
        matrix = np.array(
            [
                [magnification, 0, 31.5 - x * magnification],
                [0, magnification, 31.5 - y * magnification],
            ]
        )
        # The crop lies on whole pixels: within half of one of where the records put it.
        np.testing.assert_allclose(batch["matrices"][index], matrix, atol=0.5 + 1e-9)
        matrix = batch["matrices"][index]
        image = warp_image(read_image(figures.images.path(index)), matrix, SIZE)
        inner = np.abs(batch["images"][index].astype(int) - image)[2:-2, 2:-2]
        assert inner.mean() < 1
        expected = transform_points(matrix, records.keypoints[index, :, :2])
        np.testing.assert_allclose(batch["keypoints"][index, :, :2], expected, atol=1e-4)
        np.testing.assert_array_equal(
            batch["keypoints"][index, :, 2], records.keypoints[index, :, 2]
        )


def test_a_dot_in_the_image_lies_at_its_keypoint_in_the_batch(tmp_path: Path) -> None:
    rows, columns = np.indices((200, 300))
    x, y = 120.3, 88.6
    blob = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 4**2))
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "dot.png"), np.repeat(blob[..., None], 3, 2).round())
    record = {
        "dataset": "dot",
        "isValidation": 0.0,
        "img_paths": "dot.png",
        "objpos": [130.0, 95.0],
        "joint_self": [[x, y, 2]],
        "scale_provided": 0.5,
        "origin": 0,
    }
    (tmp_path / "annotations.json").write_text(json.dumps([record]))
    dataset = load_dataset(tmp_path, Skeleton("dot", ("dot",)))
    batch = next(source(dataset, 1).batches())
    mass = batch["images"][0].sum(axis=-1).astype(float)
    rows, columns = np.indices(mass.shape)
    centroid = np.array([(columns * mass).sum(), (rows * mass).sum()]) / mass.sum()
    np.testing.assert_allclose(batch["keypoints"][0, 0, :2], centroid, atol=0.05)


def test_without_an_order_all_records_come_in_theirs(figures: KeypointDataset) -> None:
    batches = list(source(figures, 16).batches())
    assert [len(batch["images"]) for batch in batches] == [16, 16, 8]
    keypoints = np.concatenate([batch["keypoints"] for batch in batches])
    np.testing.assert_array_equal(keypoints[..., 2], figures.records.keypoints[..., 2])


def test_an_order_is_followed_and_may_repeat(figures: KeypointDataset) -> None:
    everything = source(figures, 40)
    in_order = next(everything.batches())
    order = np.array([7, 3, 3, 39, 0])
    batch = next(everything.batches(order))
    np.testing.assert_array_equal(batch["images"], in_order["images"][order])
    np.testing.assert_array_equal(batch["keypoints"], in_order["keypoints"][order])


def test_drop_remainder_leaves_out_the_batch_that_is_not_full(figures: KeypointDataset) -> None:
    batches = list(source(figures, 16).batches(drop_remainder=True))
    assert [len(batch["images"]) for batch in batches] == [16, 16]


def test_a_larger_canvas_shows_more_at_the_same_magnification(figures: KeypointDataset) -> None:
    plain = next(source(figures).batches())
    roomy = next(source(figures, canvas_size=(96, 80)).batches())
    assert roomy["images"].shape == (4, 96, 80, 3)
    # The input lies in the middle, 16 rows above it and 8 columns to its left, but for less than a
    # pixel by which either canvas is moved to whole pixels.
    moved = roomy["matrices"] - plain["matrices"]
    np.testing.assert_allclose(moved[:, :, :2], 0, atol=1e-12)
    np.testing.assert_allclose(moved[:, :, 2], [[8, 16]] * 4, atol=1)
    shift = roomy["keypoints"] - plain["keypoints"]
    np.testing.assert_allclose(shift[..., :2], moved[:, None, :, 2].repeat(16, 1), atol=1e-4)
    np.testing.assert_array_equal(shift[..., 2], 0)


def test_what_lies_outside_the_image_is_black(figures: KeypointDataset) -> None:
    image = read_image(figures.images.path(0))
    far = source(figures, 1, canvas_size=(640, 640))
    batch = next(far.batches())
    canvas = batch["images"][0]
    corners = transform_points(
        batch["matrices"][0], np.array([[0, 0], np.array(image.shape[1::-1]) - 1])
    )
    (left, top), (right, bottom) = np.round(corners).astype(int)
    assert 0 < left < right < 640 and 0 < top < bottom < 640
    assert canvas[: top - 3].max() == canvas[:, : left - 3].max() == 0
    assert canvas[bottom + 4 :].max() == canvas[:, right + 4 :].max() == 0
    assert canvas[top:bottom, left:right].max() > 0


@pytest.fixture
def copied(figures_folder: Path, tmp_path: Path) -> KeypointDataset:
    """A dataset to damage."""
    return load_dataset(shutil.copytree(figures_folder, tmp_path / "copy"))


def test_a_missing_image_is_told_with_its_path(copied: KeypointDataset) -> None:
    copied.images.path(5).unlink()
    with pytest.raises(MissingFileError, match=r"copy/images/000005\.jpg: the image does"):
        list(source(copied).batches())


def test_an_unreadable_image_is_told_with_its_path(copied: KeypointDataset) -> None:
    copied.images.path(9).write_bytes(b"not a jpeg")
    with pytest.raises(DataError, match=r"copy/images/000009\.jpg cannot be read as an image"):
        list(source(copied).batches())


def test_batches_before_a_broken_image_are_delivered(copied: KeypointDataset) -> None:
    copied.images.path(39).unlink()
    batches = source(copied, 4).batches()
    assert next(batches)["images"].shape == (4, 64, 64, 3)
