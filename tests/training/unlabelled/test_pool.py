"""The list of a run's unlabelled images."""

from pathlib import Path

import numpy as np
import pytest

from simplebase import Crop, KeypointDataset, Skeleton
from simplebase.errors import DataError, MissingFileError
from simplebase.training.unlabelled.pool import UnlabelledPool

SKELETON = Skeleton("two", ("a", "b"))


def pool() -> UnlabelledPool:
    keypoints = np.array([[[10, 20, 0.9], [30, 40, 0.2]], [[1, 2, 0.3], [5, 6, 0.0]]])
    boxes = [(10, 20, 30, 60), (0, 0, 100, 50)]
    return UnlabelledPool.from_boxes(["/a/x.jpg", "/a/y.jpg"], boxes).with_keypoints(keypoints)


def test_a_pool_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "unlabelled.npz"
    pool().save(path)
    assert UnlabelledPool.load(path) == pool()
    assert UnlabelledPool.load(path).digest == pool().digest != pool().select(np.array([0])).digest


def test_a_box_is_cut_out_as_in_the_demo_and_a_record_as_in_training(
    figures: KeypointDataset,
) -> None:
    crop, size = Crop(), (64, 64)
    records = pool().to_dataset(SKELETON, crop, size).records
    expected = crop.box_matrix(np.array([10, 20, 30, 60]), size)
    np.testing.assert_allclose(crop.matrix(records.centers, records.scales, size)[0], expected)
    of_figures = UnlabelledPool.from_dataset(figures).to_dataset(figures.skeleton, crop, size)
    np.testing.assert_array_equal(of_figures.records.scales, figures.records.scales)
    assert of_figures.images.read(3) == figures.images.read(3)
    assert not of_figures.records.keypoints.any()


def test_keypoints_from_the_threshold_on_are_visible() -> None:
    keypoints = pool().to_dataset(SKELETON, Crop(), (64, 64), threshold=0.25).records.keypoints
    np.testing.assert_array_equal(keypoints[..., 2], [[2, 0], [2, 0]])
    np.testing.assert_array_equal(keypoints[0], [[10, 20, 2], [0, 0, 0]])
    nothing = pool().to_dataset(SKELETON, Crop(), (64, 64)).records.keypoints
    assert not nothing.any()


def test_a_list_that_is_gone_or_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "unlabelled.npz"
    with pytest.raises(MissingFileError, match="the run has no list of unlabelled images"):
        UnlabelledPool.load(path)
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match="a file of unlabelled images"):
        UnlabelledPool.load(path)
    with path.open("wb") as file:
        columns = {name: np.zeros(2) for name in ("boxes", "centers", "scales", "keypoints")}
        np.savez(file, paths=np.array(["a"]), **columns)
    with pytest.raises(DataError, match="do not form one table"):
        UnlabelledPool.load(path)
