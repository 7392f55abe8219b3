"""Objects without a usable box count alike in a COCO file and in the dataset converted from it."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from simplebase.converters import read_coco, write_dataset
from simplebase.data.loading import load_dataset
from simplebase.errors import SimplebaseWarning
from simplebase.evaluation import dataset_target, with_annotations

SIZE = {"height": 100, "width": 120}
OBLIQUE = [10, 10, 2, 29, 49, 2]
IN_A_ROW = [10, 20, 2, 50, 20, 1]
SINGLE = [30, 30, 2, 0, 0, 0]


def cows(*keypoints: list[int], size: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
    """An image an object; no box, and an area of 0, as tools write it with a box that has none."""
    return {
        "images": [
            {"id": index, "file_name": f"{index}.png", **(SIZE if size is None else size)}
            for index in range(len(keypoints))
        ],
        "categories": [{"id": 1, "name": "cow", "keypoints": ["nose", "tail"]}],
        "annotations": [
            {"id": index + 1, "image_id": index, "category_id": 1, "area": 0, "keypoints": each}
            | more
            for index, each in enumerate(keypoints)
        ],
    }


def areas(folder: Path, content: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Of the file itself, and of the val split of a dataset that was converted from it."""
    path = folder / "val.json"
    path.write_text(json.dumps(content))
    for image in content["images"]:
        cv2.imwrite(str(folder / image["file_name"]), np.zeros((100, 120, 3), np.uint8))
    conversion = read_coco(folder, val_annotations=path, val_split=0)
    for record in conversion.records:
        record["isValidation"] = 1.0
    write_dataset(conversion, folder / "out")
    converted = dataset_target(load_dataset(folder / "out"), "val").areas
    truth = with_annotations(path).ground_truth
    return [each["area"] for each in truth["annotations"]], converted.tolist()


@pytest.mark.filterwarnings("ignore:.*with an area of 0:simplebase.errors.SimplebaseWarning")
@pytest.mark.parametrize(
    ("keypoints", "expected"),
    [
        # 20 x 40 pixels; a square of 1.1 x 40 pixels.
        ([OBLIQUE, IN_A_ROW], [800, 44**2]),
        # The median of 1.1 x 39 and 1.1 x 40 pixels.
        ([OBLIQUE, IN_A_ROW, SINGLE], [800, 44**2, (1.1 * 39.5) ** 2]),
        # No object has a size: the whole image.
        ([SINGLE, SINGLE], [120**2, 120**2]),
    ],
)
@pytest.mark.parametrize("box", [{}, {"bbox": None}, {"bbox": []}, {"bbox": [9, 9, 0, 3]}])
def test_file_and_dataset_have_the_same_areas(tmp_path, keypoints, expected, box) -> None:
    of_file, of_dataset = areas(tmp_path, cows(*keypoints, **box))
    assert of_file == pytest.approx(expected)
    assert of_dataset == pytest.approx(of_file)


@pytest.mark.filterwarnings("ignore:.*with an area of 0:simplebase.errors.SimplebaseWarning")
def test_a_single_keypoint_is_as_large_as_the_objects_with_boxes(tmp_path) -> None:
    content = cows(OBLIQUE, OBLIQUE, SINGLE)
    for each, side in zip(content["annotations"], (30, 50), strict=False):
        each.update(bbox=[0, 0, 10, side], area=70.0)
    assert areas(tmp_path, content) == ([70, 70, 40**2], [70, 70, 40**2])


def test_an_area_of_0_is_replaced_with_a_warning(tmp_path) -> None:
    path = tmp_path / "val.json"
    path.write_text(json.dumps(cows(IN_A_ROW, [0] * 6)))
    with pytest.warns(SimplebaseWarning, match="labelled objects with an area of 0: 1"):
        truth = with_annotations(path).ground_truth
    # Nothing is labelled in the second, which does not count.
    assert [each["area"] for each in truth["annotations"]] == [pytest.approx(44**2), 0]


def test_a_size_that_nothing_tells_is_warned_of(tmp_path) -> None:
    path = tmp_path / "val.json"
    path.write_text(json.dumps(cows(SINGLE, size={})))
    with pytest.warns(SimplebaseWarning, match="one labelled keypoint and an unknown size: 1"):
        truth = with_annotations(path).ground_truth
    assert truth["annotations"][0]["area"] == 0


@pytest.mark.parametrize("box", [[9, 9, -3, 3], [9, 9, float("nan"), 3]])
def test_a_broken_box_is_as_none(tmp_path, box) -> None:
    path = tmp_path / "val.json"
    path.write_text(json.dumps(cows(OBLIQUE, bbox=box, area=50)))
    (annotation,) = with_annotations(path).ground_truth["annotations"]
    assert (annotation["bbox"], annotation["area"]) == ([10, 10, 20, 40], 50)
