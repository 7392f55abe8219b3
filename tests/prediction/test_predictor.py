"""`PosePredictor`, as `map_batches` calls it; detectors."""

import json
from pathlib import Path

import numpy as np
import pytest

import simplebase
from simplebase.demo.run import run_demo
from simplebase.demo.settings import DemoSettings
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.images import read_image
from simplebase.prediction import PosePredictor


def test_batches_of_paths_and_of_images_give_the_rows_of_predict(
    colour_model_file: Path, dot_photos: Path
) -> None:
    paths = np.array([str(dot_photos / f"{number}.png") for number in range(4)], object)
    images = np.stack([read_image(path) for path in paths])
    (expected,) = simplebase.predict(list(paths), colour_model_file)
    predictor = PosePredictor(colour_model_file)
    for batch in ({"path": paths}, {"image": images}, {"image": images, "path": paths}):
        rows = predictor(batch)
        np.testing.assert_array_equal(rows["keypoints"], expected["keypoints"])
        assert (rows["frame"] == -1).all()
        assert rows["path"].tolist() == ([""] * 4 if "path" not in batch else paths.tolist())


def test_a_box_of_each_image_is_looked_into(colour_model_file: Path, dot_photos: Path) -> None:
    boxes = np.array([[10.0, 5, 90, 100], [40, 20, 60, 70]])
    paths = np.array([str(dot_photos / "0.png")] * 2, object)
    rows = PosePredictor(colour_model_file)({"path": paths, "box": boxes})
    np.testing.assert_array_equal(rows["box"], boxes)
    poses = simplebase.load(colour_model_file)(read_image(paths[0]), [tuple(box) for box in boxes])
    expected = np.stack([pose.keypoints[:, :2].ravel() for pose in poses])
    np.testing.assert_allclose(rows["keypoints"], expected, atol=1e-4)


def test_what_cannot_be_read_is_left_out_or_an_error(
    colour_model_file: Path, dot_photos: Path
) -> None:
    paths = np.array([str(dot_photos / "none.png"), str(dot_photos / "0.png")], object)
    with pytest.warns(SimplebaseWarning, match="none.png"):
        assert len(PosePredictor(colour_model_file)({"path": paths})["path"]) == 1
    with pytest.raises(DataError, match="none.png"):
        PosePredictor(colour_model_file, strict=True)({"path": paths})
    with pytest.raises(ArgumentError, match="`path` or `image`. Received: file"):
        PosePredictor(colour_model_file)({"file": paths})


def test_a_detector_finds_what_it_finds_in_the_demo(
    colour_model_file: Path, shared: Path, tmp_path: Path
) -> None:
    detector = shared / "weights" / "yolox_nano.onnx"
    photos = shared / "data" / "coco" / "images"
    paths = sorted(photos.rglob("*.jpg"))[:6]
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in paths:
        (folder / path.name).symlink_to(path)
    settings = DemoSettings(detector=detector)
    run_demo(colour_model_file, folder, [tmp_path / "demo.json"], settings=settings)
    frames = json.loads((tmp_path / "demo.json").read_text())["frames"]
    theirs = [(frame["file"], pose) for frame in frames for pose in frame["poses"]]
    (ours,) = simplebase.predict(folder, colour_model_file, detector=detector)
    assert len(theirs) == len(ours["file"]) > 6
    for row, (file, pose) in enumerate(theirs):
        assert ours["file"][row] == file
        np.testing.assert_allclose(np.round(ours["box"][row], 2), pose["box"], atol=1e-4)
        points = np.round(ours["keypoints"][row].reshape(-1, 2), 2)
        np.testing.assert_allclose(points, np.array(pose["keypoints"])[:, :2], atol=1e-4)
