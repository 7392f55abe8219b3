"""The labels that `data suggest` proposes: each format, opened again by our reader of it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coloured_dots import SKELETON, TRIANGLE, DotModel, dots, write_video

from simplebase import load_dataset
from simplebase.cli.options import progress_bar
from simplebase.converters import Conversion, read_coco, read_cvat, read_labelme, write_dataset
from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.inference import PoseEstimator
from simplebase.suggesting import suggest_frames

WIDE = (120, 320)
LEFT, RIGHT = [10.0, 5.0, 110.0, 105.0], [170.0, 10.0, 112.5, 100.25]


def _objects(number: int) -> list[list[tuple[float, float]]]:
    """Two triangles, one a little lower; the left one of frame 2 has no blue dot."""
    places = [
        [(x + 3 * number, y) for x, y in TRIANGLE],
        [(x + 150 - 4 * number, y + 5) for x, y in TRIANGLE],
    ]
    if number == 2:
        places[0][2] = None  # type: ignore[call-overload]
    return places


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Four frames with two objects, and one without."""
    images = [dots(_objects(number), WIDE) for number in range(4)]
    return write_video(tmp_path / "clip.mp4", [*images, dots([], WIDE)])


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """Where they are, as `demo --boxes` takes it."""
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({str(number): [LEFT, RIGHT] for number in range(4)}))
    return file


def _suggest(*sources: Path, output: Path, **options: Any) -> Any:
    options = {"alike": -1, **options}
    return suggest_frames("m.tflite", sources, output, 9, progress=progress_bar, **options)


READERS: dict[str, Callable[[Path], Conversion]] = {
    "labelme": lambda folder: read_labelme(folder, val_split=0),
    "coco": lambda folder: read_coco(
        folder / "images", train_annotations=folder / "annotations" / "train.json", val_split=0
    ),
    "cvat": lambda folder: read_cvat(
        folder / "annotations.xml", image_folder=folder / "images", val_split=0
    ),
}


def _opened(folder: Path, labels: str) -> KeypointDataset:
    dataset = folder.with_name(f"{folder.name}_dataset")
    write_dataset(READERS[labels](folder), dataset)
    return load_dataset(dataset)


@pytest.mark.parametrize("labels", list(READERS))
def test_each_format_gives_back_the_keypoints_and_boxes(
    labels: Any, clip: Path, boxes: Path, tmp_path: Path, model: DotModel
) -> None:
    out = tmp_path / "out"
    said = _suggest(clip, output=out, labels=labels, boxes=boxes)
    assert (said.count, said.compared, said.without_object) == (4, 4, 1)
    dataset = _opened(out, labels)
    records = dataset.records
    assert dataset.skeleton.keypoints == SKELETON.keypoints and len(records) == 8
    with (out / "suggestions.csv").open(newline="") as file:
        rows = {row["file"].removeprefix("images/"): row for row in csv.DictReader(file)}
    assert set(records.paths) == set(rows)
    estimator = PoseEstimator(model)
    for path, row in rows.items():
        image = dots(_objects(int(row["frame"])), WIDE)
        own = [index for index, name in enumerate(records.paths) if name == path]
        for index, box, pose in zip(
            own, (LEFT, RIGHT), estimator(image, [tuple(LEFT), tuple(RIGHT)]), strict=True
        ):
            found = pose.keypoints[:, 2] >= 0.1
            np.testing.assert_array_equal(records.keypoints[index, :, 2], 2 * found)
            # The video is compressed, which moves the middle of a dot a little.
            np.testing.assert_allclose(
                records.keypoints[index, found, :2], pose.keypoints[found, :2], atol=0.5
            )
            np.testing.assert_allclose(records.boxes[index], box, atol=0.01)
    assert (records.keypoints[:, :, 2] == 0).sum() == 1


def test_all_formats_hold_the_same_numbers(clip: Path, boxes: Path, tmp_path: Path) -> None:
    opened = []
    for labels in READERS:
        _suggest(clip, output=tmp_path / labels, labels=labels, boxes=boxes)
        opened.append(_opened(tmp_path / labels, labels).records)
    first, *others = opened
    for other in others:
        np.testing.assert_array_equal(first.paths, other.paths)
        np.testing.assert_allclose(first.keypoints, other.keypoints, atol=1e-4)
        np.testing.assert_allclose(first.boxes, other.boxes, atol=1e-4)


def test_keypoints_are_better_where_boxes_say_where_objects_are(
    clip: Path, boxes: Path, tmp_path: Path
) -> None:
    _suggest(clip, output=tmp_path / "whole", every=5)
    # In the whole frame the model takes the middle of both dots of a colour.
    whole = _opened(tmp_path / "whole", "labelme").records.keypoints
    assert len(whole) == 1 and 120 < whole[0, 0, 0] < 150
    for name, place in (("boxes", {"boxes": boxes}), ("box", {"box": tuple(LEFT)})):
        _suggest(clip, output=tmp_path / name, every=5, **place)
        found = _opened(tmp_path / name, "labelme").records.keypoints
        np.testing.assert_allclose(found[0, :, :2], TRIANGLE, atol=0.5)


def test_boxes_by_name_are_those_of_images(clip: Path, tmp_path: Path) -> None:
    _suggest(clip, output=tmp_path / "frames", every=2)
    folder = tmp_path / "frames" / "clip"
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({"clip_000002.jpg": [RIGHT], "other.jpg": [LEFT]}))
    with pytest.warns(SimplebaseWarning, match="1 of 2 entries match no frame.*other.jpg"):
        said = _suggest(folder, output=tmp_path / "out", boxes=file)
    assert (said.count, said.without_object) == (1, 2)


def test_boxes_that_fit_no_frame_are_refused(clip: Path, tmp_path: Path) -> None:
    file = tmp_path / "boxes.json"
    for content, error, message in [
        ([[900, 10, 20, 20]], ArgumentError, r"clip.mp4, clip_000000.jpg: the box .* outside"),
        ({"0": [], "x.jpg": []}, DataError, "no object was found in any of 5 frames"),
    ]:
        file.write_text(json.dumps(content))
        with pytest.raises(error, match=message):
            _suggest(clip, output=tmp_path / "out", boxes=file)
        assert not (tmp_path / "out").exists()
