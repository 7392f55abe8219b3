"""Ours to COCO: an outside reader takes it, and nothing is lost on the way back."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion_checks import damaged, readable_or_refused, write_image
from hypothesis import example, given, settings

from simplebase import load_skeleton
from simplebase.converters import read_coco, to_coco, write_dataset
from simplebase.data.records import make_record
from simplebase.errors import ArgumentError, DataError, MissingFileError, OutputExistsError
from simplebase.files import write_json
from simplebase.images import read_image
from simplebase.skeletons import Link, Skeleton, write_text_files

FLAG = Skeleton(
    "flag",
    ("pole", "left", "right"),
    (("left", "right"),),
    (("pole", "left"),),
    (Link("right", "pole", "#12ab34"), Link("pole", "left", "r")),
)


def files(folder: Path) -> list[Any]:
    """The records, every field of them, and the skeleton's text files."""
    names = ("classes.txt", "match_point.txt", "skeleton.txt")
    records = json.loads((folder / "annotations.json").read_text())
    return [records, *((folder / name).read_bytes() for name in names)]


def back(coco: Path, output: Path) -> Path:
    """Our dataset from what `to_coco` wrote."""
    given_files = {
        f"{split}_annotations": path
        for split in ("train", "val")
        if (path := coco / "annotations" / f"{split}.json").exists()
    }
    write_dataset(read_coco(coco / "images", **given_files), output, images="link")
    return output


def flags(folder: Path, *, skeleton: Skeleton = FLAG) -> Path:
    """Records in which every optional field is sometimes there and ids are of no use to COCO."""
    keypoints = np.array([[1.25, 2, 2], [10, 20.5, 1], [0, 0, 0]])
    more: list[dict[str, Any]] = [
        {},
        {"box": [1, 2, 3.5, 4], "image_id": 3},
        {"area": 7, "annotation_id": 0, "headbox": [1, 2, 3, 4.125]},
        {"box": [1, 2, 3, 4], "area": 5, "image_id": 3, "annotation_id": 9},
        {"image_id": 3, "annotation_id": 9, "keypoints": np.zeros((3, 3))},
    ]
    records = []
    for index, fields in enumerate(more):
        path = f"sub/{index // 2}.jpg"
        write_image(folder / "images" / path)
        common = {"keypoints": keypoints, "center": (index, 1 / 3), "scale": 0.1 + index}
        records.append(
            make_record(
                dataset=f"set {index}", validation=index in (1, 3), path=path, **(common | fields)
            )
        )
    write_json(folder / "annotations.json", records)
    write_text_files(skeleton, folder)
    return folder


def test_everything_comes_back(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    to_coco(folder, tmp_path / "coco", images="link")
    assert files(back(tmp_path / "coco", tmp_path / "again")) == files(folder)


def test_synthetic_figures_with_head_boxes_come_back(figures_folder, tmp_path) -> None:
    to_coco(figures_folder, tmp_path / "coco", images="link")
    again = back(tmp_path / "coco", tmp_path / "again")
    assert files(again) == files(figures_folder)


def test_real_people_come_back(shared, tmp_path) -> None:
    folder = shared / "data" / "coco"
    names = {
        f"{split}_annotations": folder / "annotations" / f"person_keypoints_{split}2017.json"
        for split in ("train", "val")
    }
    write_dataset(read_coco(folder / "images", **names), tmp_path / "ours", images="link")
    to_coco(tmp_path / "ours", tmp_path / "coco", images="link")
    assert files(back(tmp_path / "coco", tmp_path / "again")) == files(tmp_path / "ours")
    # Without our extra key it is what COCO itself had.
    for split, path in names.items():
        theirs = {a["id"]: a for a in json.loads(path.read_text())["annotations"]}
        name = split.removesuffix("_annotations")
        content = json.loads((tmp_path / "coco" / "annotations" / f"{name}.json").read_text())
        for annotation in content["annotations"]:
            for key in ("keypoints", "num_keypoints", "bbox", "area", "image_id", "iscrowd"):
                assert annotation[key] == theirs[annotation["id"]][key]


def test_pycocotools_takes_it(tmp_path, figures_folder, capsys) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    to_coco(figures_folder, tmp_path / "coco", images="link")
    path = tmp_path / "coco" / "annotations" / "val.json"
    truth = COCO(path)
    assert len(truth.getImgIds()) == len(truth.getAnnIds()) == 8
    (category,) = truth.loadCats(truth.getCatIds())
    mpii = load_skeleton("mpii")
    assert category["keypoints"] == list(mpii.keypoints)
    first = mpii.links[0]
    start, end = category["skeleton"][0]
    assert (category["keypoints"][start - 1], category["keypoints"][end - 1]) == (
        first.start,
        first.end,
    )
    for annotation in truth.loadAnns(truth.getAnnIds()):
        labelled = np.array(annotation["keypoints"]).reshape(-1, 3)
        labelled = labelled[labelled[:, 2] > 0, :2]
        assert annotation["num_keypoints"] == len(labelled)
        x, y, width, height = annotation["bbox"]
        assert labelled.min(axis=0) == pytest.approx([x, y])
        assert labelled.max(axis=0) == pytest.approx([x + width - 1, y + height - 1])
        image = truth.loadImgs(annotation["image_id"])[0]
        assert (tmp_path / "coco" / "images" / image["file_name"]).exists()
    found = [
        {k: a[k] for k in ("image_id", "category_id", "keypoints")} | {"score": 1.0}
        for a in truth.dataset["annotations"]
    ]
    scores = COCOeval(truth, truth.loadRes(found), "keypoints")
    scores.params.kpt_oks_sigmas = np.full(16, 0.05)
    scores.evaluate()
    scores.accumulate()
    scores.summarize()
    assert scores.stats[0] == pytest.approx(1)


def test_the_records_own_ids_are_used_where_they_can_be(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    records = json.loads((folder / "annotations.json").read_text())
    for index, record in enumerate(records):
        record |= {"image_id": 50 + index // 2, "annotation_id": 70 + index}
    write_json(folder / "annotations.json", records, overwrite=True)
    to_coco(folder, tmp_path / "coco")
    content = json.loads((tmp_path / "coco/annotations/train.json").read_text())
    assert [(a["id"], a["image_id"]) for a in content["annotations"]] == [
        (70, 50),
        (72, 51),
        (74, 52),
    ]
    assert files(back(tmp_path / "coco", tmp_path / "again")) == files(folder)


def test_each_split_keeps_ids_that_the_other_has_too(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    records = json.loads((folder / "annotations.json").read_text())
    rows = [(0, 1, 1), (1, 2, 2), (2, 1, 1), (0, 1, 3), (1, 2, 4)]
    for record, (image, image_id, annotation_id) in zip(records, rows, strict=True):
        record |= {"img_paths": f"sub/{image}.jpg", "isValidation": float(image == 2)}
        record |= {"image_id": image_id, "annotation_id": annotation_id}
    write_json(folder / "annotations.json", records, overwrite=True)
    report = to_coco(folder, tmp_path / "coco")
    assert report.notes == []
    for split, ids in (("train", [(1, 1), (2, 2), (3, 1), (4, 2)]), ("val", [(1, 1)])):
        content = json.loads((tmp_path / f"coco/annotations/{split}.json").read_text())
        assert sorted((a["id"], a["image_id"]) for a in content["annotations"]) == ids
    assert files(back(tmp_path / "coco", tmp_path / "again")) == files(folder)


def test_ids_that_clash_are_numbered_anew(tmp_path) -> None:
    report = to_coco(flags(tmp_path / "flags"), tmp_path / "coco")
    assert len(report.notes) == 3
    assert report.notes[1].startswith("val.json gives its images new ids")
    content = json.loads((tmp_path / "coco/annotations/val.json").read_text())
    assert [(a["id"], a["image_id"]) for a in content["annotations"]] == [(2, 1), (4, 2)]
    assert [image["id"] for image in content["images"]] == [1, 2]
    assert (content["images"][0]["height"], content["images"][0]["width"]) == (40, 30)


def test_a_split_without_records_has_no_file(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    records = json.loads((folder / "annotations.json").read_text())
    for record in records:
        record["isValidation"] = 0.0
    write_json(folder / "annotations.json", records, overwrite=True)
    to_coco(folder, tmp_path / "coco")
    assert [path.name for path in (tmp_path / "coco/annotations").iterdir()] == ["train.json"]
    # Nothing is drawn from a file that knows its split.
    assert files(back(tmp_path / "coco", tmp_path / "again")) == files(folder)


def test_a_box_is_made_of_keypoints_or_else_of_the_scale(tmp_path) -> None:
    to_coco(flags(tmp_path / "flags"), tmp_path / "coco")
    content = json.loads((tmp_path / "coco/annotations/train.json").read_text())
    first, _, last = content["annotations"]
    # From pixel centre 1.25 to 10 and from 2 to 20.5.
    assert (first["bbox"], first["area"]) == ([1.25, 2, 9.75, 19.5], 9.75 * 19.5)
    # Nothing labelled: 200 * 4.1 pixels around (4, 1/3).
    assert last["bbox"] == pytest.approx([4 - 409.5, 1 / 3 - 409.5, 820, 820])


def test_missing_images_are_counted_and_no_image_is_an_error(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    (folder / "images/sub/0.jpg").unlink()
    report = to_coco(folder, tmp_path / "coco")
    assert report.left_out == {"image not found": 2}
    assert (report.train_records, report.val_records) == (2, 1)
    (folder / "images/sub/1.jpg").unlink()
    (folder / "images/sub/2.jpg").unlink()
    with pytest.raises(DataError, match="none of the 3 images"):
        to_coco(folder, tmp_path / "other")


def test_none_links_the_image_folder(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    to_coco(folder, tmp_path / "coco", images="none")
    assert (tmp_path / "coco/images").readlink() == folder / "images"


def test_the_dataset_itself_is_never_the_output(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    with pytest.raises(ArgumentError, match="contains the source"):
        to_coco(folder, folder, overwrite=True)
    with pytest.raises(MissingFileError, match="does not exist"):
        to_coco(tmp_path / "none", tmp_path / "coco")


def test_images_that_lead_into_the_output_are_refused(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    to_coco(folder, tmp_path / "coco")
    moved = folder / "images" / "sub" / "0.jpg"
    moved.unlink()
    moved.symlink_to(tmp_path / "coco/images/sub/0.jpg")
    with pytest.raises(ArgumentError, match="coco contains the source"):
        to_coco(folder, tmp_path / "coco", images="link", overwrite=True)
    assert read_image(moved).shape == (40, 30, 3)


def test_only_what_it_wrote_itself_is_replaced(tmp_path) -> None:
    folder = flags(tmp_path / "flags")
    downloaded = tmp_path / "coco"
    write_image(downloaded / "images" / "000000000009.jpg")
    (downloaded / "annotations").mkdir()
    theirs = downloaded / "annotations" / "person_keypoints_train2017.json"
    theirs.write_text("{}")
    with pytest.raises(OutputExistsError, match="--overwrite does not replace it"):
        to_coco(folder, downloaded, overwrite=True)
    assert theirs.read_text() == "{}"
    to_coco(folder, tmp_path / "ours")
    to_coco(folder, tmp_path / "ours", images="link", overwrite=True)
    assert (tmp_path / "ours/images/sub/0.jpg").is_symlink()


def small_document() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        to_coco(flags(Path(folder) / "ours"), Path(folder) / "coco")
        return json.loads((Path(folder) / "coco/annotations/train.json").read_text())


def with_head_boxes(value: object) -> bytes:
    document = small_document()
    document["annotations"][0]["simplebase"]["headboxes"] = value
    return json.dumps(document).encode()


@given(damaged(small_document()))
@example(with_head_boxes(False))
@settings(deadline=None, max_examples=40)
def test_damage_to_our_extra_fields_is_refused_with_our_errors(content) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for index in range(3):
            write_image(Path(folder) / "images" / "sub" / f"{index}.jpg")
        path = Path(folder) / "train.json"
        path.write_bytes(content)
        readable_or_refused(
            lambda: read_coco(Path(folder) / "images", train_annotations=path),
            Path(folder) / "out",
        )
