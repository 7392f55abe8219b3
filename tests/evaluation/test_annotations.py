"""COCO files of real tools as labels, alone and joined with a dataset of the same images."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_people import by_hand
from labelled import dataset_of, records_of, three

from simplebase import KeypointDataset, Skeleton
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.evaluation import (
    Detections,
    MetricSettings,
    Target,
    dataset_target,
    evaluate_results,
    read_detected_boxes,
    with_annotations,
)
from simplebase.evaluation.results_file import write_results
from simplebase.metrics import oks_sigmas

AP = MetricSettings(("coco-ap",))


def points(index: int) -> np.ndarray:
    """`(3, 3)` keypoints of object `index`, unlike those of all others."""
    return np.array([[20, 30, 2], [90, 40 + index, 2], [50 + 7 * index, 140, 2]], float)


def herd(paths: Sequence[str], ids: Sequence[int], val: Sequence[bool]) -> KeypointDataset:
    """An object an image."""
    keypoints = np.stack([points(index) for index in range(len(paths))])
    return dataset_of(
        records_of(keypoints, list(paths), image_ids=np.array(ids), validation=np.array(val, bool))
    )


def two_exports() -> KeypointDataset:
    """Both splits count from 1, as `convert coco` leaves it; val's 1 and 2 have no object."""
    paths = ["train/train_1.jpg", "train/train_2.jpg", "val/val_3.jpg", "val/val_4.jpg"]
    return herd(paths, [1, 2, 3, 4], [False, False, True, True])


def val_file(folder: Path, **more: Any) -> Path:
    """The file of the val split: four images, objects in two."""
    content = {
        "images": [{"id": number, "file_name": f"val_{number}.jpg"} for number in (1, 2, 3, 4)],
        "annotations": [annotation(number, points(number - 1)) for number in (3, 4)],
        "categories": [{"id": 1, "name": "cow", "keypoints": list(three().keypoints)}],
    }
    path = folder / "val.json"
    path.write_text(json.dumps(content | more))
    return path


def annotation(image: int, keypoints: np.ndarray, **more: Any) -> dict[str, Any]:
    fields = {"id": image, "image_id": image, "category_id": 1, "keypoints": flat(keypoints)}
    return fields | {"bbox": [10, 20, 100, 130], "area": 9000.0, "iscrowd": 0} | more


def flat(keypoints: np.ndarray) -> list[float]:
    return keypoints.ravel().tolist()


def result(image: Any, index: int, **more: Any) -> dict[str, Any]:
    """Object `index`, found exactly."""
    found = np.column_stack([points(index)[:, :2], [0.9, 0.8, 0.7]])
    return {"image_id": image, "category_id": 1, "keypoints": flat(found), "score": 0.9} | more


def save(folder: Path, *results: Any) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(results))
    return path


def ap(results: Path, target: Target) -> float:
    value = evaluate_results(results, target, AP).scores[0].figures[0].value
    assert value is not None
    # pycocotools divides by a little more than 1.
    return round(value, 12)


def pck(results: Path, target: Target) -> float | None:
    return evaluate_results(results, target).scores[0].figures[0].value


def test_a_split_keeps_the_ids_that_the_other_split_has_too() -> None:
    dataset = herd(["a.jpg", "b.jpg", "c.jpg"], [1, 2, 1], [False, False, True])
    assert dataset_target(dataset, "val").image_ids == {1}
    assert dataset_target(dataset, "train").image_ids == {1, 2}
    with pytest.warns(SimplebaseWarning, match="train and val splits together are not unique"):
        whole = dataset_target(dataset, "all")
    assert whole.image_ids == {1, 2, 3}


def test_perfect_results_are_perfect_against_dataset_and_file(tmp_path: Path) -> None:
    val = dataset_target(two_exports())
    results = save(tmp_path, result(3, 2), result(4, 3))
    for target in (val, with_annotations(val_file(tmp_path)), joined(tmp_path, val)):
        assert ap(results, target) == 1
    assert pck(results, joined(tmp_path, val)) == 1


def joined(folder: Path, target: Target) -> Target:
    return with_annotations(val_file(folder), target, categories=())


def test_images_without_an_object_count_though_the_other_split_has_their_ids(
    tmp_path: Path,
) -> None:
    target = joined(tmp_path, dataset_target(two_exports()))
    assert target.image_ids == {1, 2, 3, 4}
    # Found in an image where nothing is: half of all results are wrong.
    wrong = [result(number, 0, score=0.95) for number in (1, 2)]
    results = save(tmp_path, result(3, 2), result(4, 3), *wrong)
    alone = with_annotations(val_file(tmp_path))
    assert ap(results, target) == ap(results, alone) == pytest.approx(0.5, abs=0.01)


def test_a_dataset_of_other_ids_takes_those_of_the_file(tmp_path: Path) -> None:
    """As one that numbered the images of both splits anew."""
    paths = ["train/train_1.jpg", "val/val_3.jpg", "val/val_4.jpg"]
    dataset = herd(paths, [1, 3 + 1, 4 + 1], [False, True, True])
    dataset.records.keypoints[1:] = [points(2), points(3)]
    with pytest.warns(SimplebaseWarning, match=r"val_3\.jpg is 3 and 4\. They are matched by file"):
        target = joined(tmp_path, dataset_target(dataset))
    assert target.dataset is not None
    assert target.dataset.records.image_ids.tolist() == [3, 4]
    results = save(tmp_path, result(3, 2), result(4, 3))
    assert ap(results, target) == pck(results, target) == 1
    # What was written for the dataset says its files.
    results = save(tmp_path, *(result(n + 1, n - 1, file_name=f"val/val_{n}.jpg") for n in (3, 4)))
    with pytest.warns(SimplebaseWarning, match="matched by file_name instead"):
        assert ap(results, target) == 1


def test_a_dataset_without_ids_is_matched_by_file_name(tmp_path: Path) -> None:
    dataset = herd(["val/val_4.jpg", "val/val_3.jpg"], [-1, -1], [True, True])
    dataset.records.keypoints[:] = [points(3), points(2)]
    target = joined(tmp_path, dataset_target(dataset))
    assert target.dataset is not None
    assert target.dataset.records.image_ids.tolist() == [4, 3]
    dataset = herd(["val/cow_4.jpg", "val/cow_3.jpg"], [-1, -1], [True, True])
    # The numbers that it got, 1 and 2, are those of images of the file: by chance.
    with pytest.raises(DataError, match=r"lacks 2 of the 2 images .* such as val/cow_4\.jpg"):
        joined(tmp_path, dataset_target(dataset))


def test_a_dataset_that_renamed_its_images_is_matched_by_its_ids_with_a_warning(
    tmp_path: Path,
) -> None:
    dataset = herd(["0.jpg", "1.jpg"], [3, 4], [True, True])
    dataset.records.keypoints[:] = [points(2), points(3)]
    with pytest.warns(SimplebaseWarning, match="No image has the same file name"):
        target = joined(tmp_path, dataset_target(dataset))
    assert ap(save(tmp_path, result(3, 2), result(4, 3)), target) == 1


def test_a_file_of_the_other_split_is_refused_though_it_has_the_same_ids(tmp_path: Path) -> None:
    path = val_file(tmp_path)
    train = dataset_target(herd(["train_3.jpg", "train_4.jpg"], [3, 4], [True, True]))
    with pytest.raises(DataError, match=r"other file names \(val_1\.jpg, not train_3\.jpg\) and"):
        with_annotations(path, train)
    # Without names in the file there is nothing to the contrary.
    path = val_file(tmp_path, images=[{"id": 3}, {"id": 4}])
    assert with_annotations(path, train).image_ids == {3, 4}


def test_the_other_splits_images_are_known_by_their_names(tmp_path: Path) -> None:
    """A file of both splits, whose ids are not those of the dataset."""
    content = {
        "images": [{"id": 10 + n, "file_name": f"{n}.jpg"} for n in range(4)],
        "annotations": [annotation(10 + n, points(n)) for n in range(3)],
    }
    path = val_file(tmp_path, **content)
    dataset = herd(["0.jpg", "1.jpg", "2.jpg"], [-1] * 3, [False, True, False])
    target = with_annotations(path, dataset_target(dataset))
    # 3.jpg has no object, so it is no image of the train split.
    assert target.image_ids == {11, 13}
    assert ap(save(tmp_path, result(11, 1)), target) == 1


def test_two_images_of_one_name_are_told_apart_by_their_ids_or_not_at_all(tmp_path: Path) -> None:
    images = [{"id": 3, "file_name": "0.jpg"}, {"id": 4, "file_name": "0.jpg"}]
    path = val_file(tmp_path, images=images)
    dataset = herd(["a/0.jpg", "b/0.jpg"], [3, 4], [True, True])
    target = with_annotations(path, dataset_target(dataset))
    assert target.dataset is not None
    assert target.dataset.records.image_ids.tolist() == [3, 4]
    path = val_file(tmp_path, images=images[:1], annotations=[])
    with pytest.raises(DataError, match="several images of labelled match the same image"):
        with_annotations(path, dataset_target(dataset))


def test_ids_that_tell_nothing_need_file_names(tmp_path: Path) -> None:
    dataset = herd(["a.jpg", "b.jpg"], [1, 1], [False, True])
    with pytest.warns(SimplebaseWarning, match="are not unique or not complete"):
        target = dataset_target(dataset, "all")
    with pytest.raises(DataError, match="image_id 1 does not identify an image.*file_name"):
        ap(save(tmp_path, result(1, 0)), target)
    # As we write them ourselves.
    found = Detections(
        np.array([1, 2]),
        np.stack([points(0), points(1)]) * [1, 1, 0.4],
        np.ones(2),
        np.full(2, -1),
    )
    write_results(tmp_path / "ours.json", found, names=target.names)
    assert json.loads((tmp_path / "ours.json").read_text())[1]["file_name"] == "b.jpg"
    assert ap(tmp_path / "ours.json", target) == 1


def test_results_name_images_by_stems(tmp_path: Path) -> None:
    target = dataset_target(two_exports())
    with pytest.warns(SimplebaseWarning, match="'val_3' is read as the name of an image file"):
        assert ap(save(tmp_path, result("val_3", 2), result("val_4", 3)), target) == 1
    with pytest.raises(DataError, match=r"result 1: image_id 'val_5' is not among the 2 images"):
        ap(save(tmp_path, result("val_3", 2), result("val_5", 3)), target)


@pytest.mark.filterwarnings("ignore:.*read as the name of an image file")
def test_results_of_a_whole_folder_are_measured_in_the_val_split_alone(tmp_path: Path) -> None:
    """As tools write them that know of no splits."""
    target = dataset_target(herd(["a.jpg", "b.jpg", "c.jpg"], [1, 2, 3], [False, True, True]))
    by_id = [result(image, place) for place, image in enumerate((1, 2, 3))]
    by_stem = [result(name, place) for place, name in enumerate("abc")]
    for results in (by_id, by_stem):
        with pytest.warns(SimplebaseWarning, match="1 of 3 results are in images of the other"):
            assert ap(save(tmp_path, *results), target) == 1
    with pytest.raises(DataError, match=r"result 3: image_id 4 is not among the 2 images"):
        ap(save(tmp_path, *by_id, result(4, 0)), target)
    with pytest.raises(DataError, match=r"result 0: image_id 1 is not among the 2 images"):
        ap(save(tmp_path, by_id[0]), target)


def test_a_file_name_of_the_other_split_counts_more_than_an_id_of_both(tmp_path: Path) -> None:
    target = dataset_target(herd(["a.jpg", "b.jpg", "c.jpg"], [1, 1, 2], [False, True, True]))
    rows = [
        result(image, place) | {"file_name": f"{name}.jpg"}
        for place, (image, name) in enumerate([(1, "a"), (1, "b"), (2, "c")])
    ]
    with pytest.warns(SimplebaseWarning, match="1 of 3 results are in images of the other split"):
        assert ap(save(tmp_path, *rows), target) == 1


def test_boxes_name_images_as_results_do(tmp_path: Path) -> None:
    target = dataset_target(two_exports())
    box = {"category_id": 0, "bbox": [10, 20, 100, 130], "score": 0.5}
    images: list[dict[str, Any]] = [
        {"image_id": 4},
        {"image_id": "val_4"},
        {"image_id": 77, "file_name": "val_4.jpg"},
    ]
    for image, remark in zip(images, (None, "'val_4' is read as", "image_id 77"), strict=True):
        path = tmp_path / "boxes.json"
        path.write_text(json.dumps([box | image, box | image | {"bbox": [1, 2, 3, 4]}]))
        if remark is None:
            boxes = read_detected_boxes(path, target=target)
        else:
            with pytest.warns(SimplebaseWarning, match=remark):
                boxes = read_detected_boxes(path, target=target)
        assert boxes.image_ids.tolist() == [4, 4]
    path.write_text(json.dumps([box | {"image_id": 4}, box | {"image_id": 9}]))
    assert read_detected_boxes(path, target=target).image_ids.tolist() == [4, -1]
    with pytest.warns(SimplebaseWarning, match=r"boxes \(0\) is not that of the labels \(1\)"):
        assert len(read_detected_boxes(path, {1}, target).scores) == 2


def test_what_tools_leave_out_is_filled_in(tmp_path: Path) -> None:
    """Roboflow has no `num_keypoints` and ids from 0, Label Studio no `area`, others no box."""
    plain = {"image_id": 3, "category_id": 1}
    hidden = points(2) * [1, 1, 0]
    path = val_file(
        tmp_path,
        annotations=[
            plain | {"id": 0, "keypoints": flat(points(2)), "bbox": [10, 20, 30, 40]},
            plain | {"id": 0, "keypoints": flat(points(2)), "bbox": [], "area": None},
            plain | {"keypoints": flat(points(2)), "bbox": [10, 20, 0, 40]},
            plain | {"keypoints": flat(hidden), "bbox": [10, 20, 30, 40]},
            plain | {"bbox": [10, 20, 30, 40], "area": 5, "iscrowd": 1},
            plain | {"keypoints": flat(np.array([[5, 5, 2], [5, 25, 2], [0, 0, 0]]))},
        ],
    )
    filled = with_annotations(path).ground_truth["annotations"]
    assert [each["id"] for each in filled] == [1, 2, 3, 4, 5, 6]
    assert [each["num_keypoints"] for each in filled] == [3, 3, 3, 0, 0, 2]
    assert [each["iscrowd"] for each in filled] == [0, 0, 0, 0, 1, 0]
    # From pixel 20 to 90 and from 30 to 140, both included; the pair in a row gets a square of
    # 1.1 times its 20 pixels.
    around = 71 * 111
    assert [each["area"] for each in filled] == pytest.approx([1200, around, around, 1200, 5, 484])
    assert filled[1]["bbox"] == [20, 30, 71, 111] and filled[2]["bbox"] == [10, 20, 0, 40]
    assert with_annotations(path).num_objects == 4


def test_complete_files_are_measured_as_pycocotools_does(tmp_path: Path) -> None:
    path = val_file(tmp_path)
    results = [result(3, 2), result(4, 0, score=0.5), result(4, 1, score=0.7)]
    truth = json.loads(path.read_text())
    for each in truth["annotations"]:
        each["num_keypoints"] = 3
    target = with_annotations(path, skeleton=three())
    theirs = by_hand(truth, results, oks_sigmas(three())[0]).stats[0]
    assert ap(save(tmp_path, *results), target) == round(theirs, 12)


def test_objects_of_several_categories_are_one_kind(tmp_path: Path) -> None:
    names = list(three().keypoints)
    content = {
        "annotations": [
            annotation(3, points(2), category_id=4),
            annotation(4, points(3), category_id=9),
            annotation(4, points(0), category_id=2) | {"keypoints": []},
        ],
        "categories": [
            {"id": 2, "name": "objects"},
            {"id": 9, "name": "cow", "keypoints": names},
            {"id": 4, "name": "horse", "keypoints": names},
        ],
    }
    path = val_file(tmp_path, **content)
    target = with_annotations(path)
    assert (target.category_id, target.category_ids, target.num_objects) == (4, {4, 9}, 2)
    results = save(tmp_path, result(3, 2, category_id=4), result(4, 3, category_id=9))
    assert ap(results, target) == 1
    cows = with_annotations(path, categories=["cow"])
    assert (cows.category_id, cows.num_objects, cows.image_ids) == (9, 1, {1, 2, 3, 4})
    with pytest.warns(SimplebaseWarning, match="1 of 2 results are of other categories"):
        assert ap(results, cows) == 1
    with pytest.raises(ArgumentError, match="no keypoint category 'dog'"):
        with_annotations(path, categories=["dog"])
    # Numbered from 0, as by tools that know no COCO: one kind of object all the same.
    odd = save(tmp_path, result(3, 2, category_id=0), result(4, 3, category_id=1))
    with pytest.warns(SimplebaseWarning, match=r"\(0, 1\) are not those of the labels \(4, 9\)"):
        assert ap(odd, target) == 1
    with pytest.raises(DataError, match="results of the categories 0, 1"):
        ap(odd, cows)


def test_labels_whose_image_is_not_listed_are_counted(tmp_path: Path) -> None:
    path = val_file(tmp_path, images=[{"id": 3, "file_name": "val_3.jpg"}])
    with pytest.warns(SimplebaseWarning, match="images that the file does not list: 1"):
        assert with_annotations(path).num_objects == 1


def test_keypoints_in_another_order_than_the_datasets_are_refused(tmp_path: Path) -> None:
    val = dataset_target(two_exports())

    def named(*names: str) -> Path:
        return val_file(tmp_path, categories=[{"id": 1, "name": "cow", "keypoints": names}])

    with pytest.raises(DataError, match="the same keypoints in another order"):
        with_annotations(named("right", "left", "middle"), val)
    with pytest.warns(SimplebaseWarning, match="L, R, M against left, right, middle"):
        with_annotations(named("L", "R", "M"), val)
    with pytest.raises(DataError, match="has 2 keypoints, but skeleton 'three' has 3"):
        with_annotations(named("left", "right"), val)


def test_keypoints_without_names_are_measured_too(tmp_path: Path) -> None:
    path = val_file(tmp_path, categories=[{"id": 1, "name": "cow"}])
    results = save(tmp_path, result(3, 2), result(4, 3))
    assert ap(results, with_annotations(path)) == 1
    fingers = Skeleton("fingers", ("thumb", "index", "ring"), sigmas=(0.1, 0.2, 0.3))
    assert with_annotations(path, skeleton=fingers).skeleton.sigmas == (0.1, 0.2, 0.3)


@pytest.mark.parametrize(
    ("name", "objects", "images"),
    [
        ("roboflow_coco_keypoints/_annotations.coco.json", 192, 192),
        ("ap10k/test_ap10k.json", 2, 2),
        (
            "label_studio/sdk_keypoints_with_boxes/converted_by_label_studio_sdk_2.1.2/"
            "coco_result.json",
            1,
            1,
        ),
        ("cvat_coco_keypoints/doorknob/person_keypoints_default.json", None, 428),
    ],
)
def test_the_labels_of_real_exports_are_perfect_results(
    shared: Path, tmp_path: Path, name: str, objects: int | None, images: int
) -> None:
    target = with_annotations(shared / "data/labels" / name)
    assert len(target.image_ids) == images
    assert objects in (None, target.num_objects)
    results = [
        {key: each[key] for key in ("image_id", "category_id", "keypoints")} | {"score": 0.9}
        for each in target.ground_truth["annotations"]
        if each["num_keypoints"]
    ]
    assert ap(save(tmp_path, *results), target) == pytest.approx(1, abs=0.02)
