"""The check of a dataset: each defect is found where it was planted, and a sound set is silent."""

import gzip
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import loadmat

from simplebase import Crop, load_dataset, load_skeleton
from simplebase.data.checking import KINDS, CheckReport, Finding, check_dataset
from simplebase.data.checking.duplicates import copies, fingerprint
from simplebase.data.checking.sides import check_sides
from simplebase.data.dataset import KeypointDataset
from simplebase.data.packed import pack_dataset
from simplebase.data.records import Records
from simplebase.errors import DataError, MissingFileError, SimplebaseError
from simplebase.images import read_image, write_image
from simplebase.skeletons import Skeleton

Record = dict[str, Any]
TRAIN, VAL = 2, 4  # a record of each split


class Copy:
    """A dataset folder to break."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: list[Any] = json.loads((folder / "annotations.json").read_text())

    def image(self, index: int) -> Path:
        return self.folder / "images" / self.records[index]["img_paths"]

    def check(self, skeleton: Skeleton | None = None) -> CheckReport:
        (self.folder / "annotations.json").write_text(json.dumps(self.records))
        return check_dataset(self.folder, skeleton)

    def only(self, kind: str) -> list[Finding]:
        """The findings, which are all of one kind."""
        findings = list(self.check().findings)
        assert {finding.kind for finding in findings} == {kind}
        return findings


@pytest.fixture
def dataset(figures_folder: Path, tmp_path: Path) -> Copy:
    shutil.copytree(figures_folder, tmp_path / "figures")
    return Copy(tmp_path / "figures")


def test_a_sound_dataset_gives_no_finding(figures_folder: Path) -> None:
    assert check_dataset(figures_folder) == CheckReport(records=40, images=40, findings=())


def test_compressed_annotations_are_checked(dataset: Copy) -> None:
    plain = dataset.folder / "annotations.json"
    (dataset.folder / "annotations.json.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert check_dataset(dataset.folder).records == 40


def test_progress_counts_the_images(figures_folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    check_dataset(figures_folder, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 40) for done in range(1, 41)]


# Records


def test_every_broken_record_is_named_and_the_rest_is_checked(dataset: Copy) -> None:
    dataset.records[3]["scale_provided"] = 0
    del dataset.records[3]["objpos"]
    dataset.records[7]["img_paths"] = "../outside.jpg"
    dataset.records[9] = "nothing"
    dataset.records[11]["joint_self"][0] = [1, 2]
    dataset.image(12).unlink()
    report = dataset.check()
    assert report.records == 40 and report.images == 36
    broken = report.by_kind()["broken-record"]
    assert [finding.record for finding in broken] == [3, 3, 7, 9, 11]
    assert "objpos is missing" in broken[0].message
    assert "scale_provided" in broken[1].message
    assert broken[2].message == "img_paths must stay within the dataset folder."
    assert broken[2].img_paths == "../outside.jpg" and broken[3].img_paths is None
    missing = report.by_kind()["missing-image"]
    assert [(finding.record, finding.img_paths) for finding in missing] == [(12, "000012.jpg")]


def test_nothing_but_broken_records_is_a_report_too(dataset: Copy) -> None:
    dataset.records = [{} for _ in range(3)]
    report = dataset.check()
    assert (report.records, report.images) == (3, 0)
    assert {finding.kind for finding in report.findings} == {"broken-record"}


@pytest.mark.parametrize("text", ["{}", "[]", "[{", ""])
def test_a_file_that_is_no_list_of_records_stops_the_check(dataset: Copy, text: str) -> None:
    (dataset.folder / "annotations.json").write_text(text)
    with pytest.raises(DataError, match=r"annotations\.json"):
        check_dataset(dataset.folder)


def test_a_missing_folder_or_skeleton_is_named(dataset: Copy, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="dataset folder does not exist"):
        check_dataset(tmp_path / "nowhere")
    (dataset.folder / "classes.txt").unlink()
    with pytest.raises(MissingFileError, match="--skeleton"):
        check_dataset(dataset.folder)
    assert check_dataset(dataset.folder, load_skeleton("mpii")).findings == ()


def test_of_a_packed_dataset_the_checksums_are_compared(dataset: Copy, tmp_path: Path) -> None:
    output = tmp_path / "packed"
    pack_dataset(
        load_dataset(dataset.folder),
        output,
        crop=Crop(),
        input_size=(32, 32),
        canvas_size=(32, 32),
        records_a_shard=20,
    )
    report = check_dataset(output)
    assert (report.records, report.findings) == (40, ())
    shard = output / "train-00001.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    (finding,) = check_dataset(output).findings
    assert (finding.kind, finding.severity) == ("damaged-shard", "error")
    assert finding.message == "train-00001.tfrecord has changed since it was packed."


def test_the_same_annotation_twice_is_found(dataset: Copy) -> None:
    dataset.records.append(dataset.records[TRAIN])
    (finding,) = dataset.only("repeated-record")
    assert finding.record == 40


# Images


def test_a_file_that_is_no_image_is_unreadable(dataset: Copy) -> None:
    dataset.image(0).write_text("<html><body>404 Not Found</body></html>")
    dataset.image(1).write_bytes(b"")
    first, second = dataset.only("unreadable-image")
    assert first.record == 0 and "<html><body>" in first.message
    assert second.record == 1 and second.message == "the file is empty"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_an_image_that_ends_too_early_is_damaged(dataset: Copy, suffix: str, share: float) -> None:
    path = dataset.image(TRAIN).with_suffix(suffix)
    dataset.records[TRAIN]["img_paths"] = path.name
    Image.fromarray(read_image(dataset.folder / "images/000002.jpg")).save(path)
    assert dataset.check().findings == ()
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    (finding,) = dataset.check().findings
    assert finding.kind in ("damaged-image", "unreadable-image")
    assert (finding.record, finding.img_paths) == (TRAIN, path.name)


def test_a_progressive_jpeg_that_ends_too_early_is_damaged(dataset: Copy) -> None:
    path = dataset.image(TRAIN)
    Image.fromarray(read_image(path)).save(path, progressive=True)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert dataset.only("damaged-image")[0].record == TRAIN


def test_an_image_of_several_records_is_reported_once(dataset: Copy) -> None:
    for index in (6, 7):
        dataset.records[index]["img_paths"] = "000005.jpg"
    dataset.image(5).unlink()
    (finding,) = dataset.only("missing-image")
    assert finding.record == 5 and "(3 records)" in finding.message


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_images_are_measured_upright(dataset: Copy, orientation: int) -> None:
    turned = {
        1: None,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    path = dataset.image(TRAIN)
    stored = Image.fromarray(read_image(path)).crop((0, 0, 256, 200))
    turn = turned[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (stored if turn is None else stored.transpose(turn)).save(path, exif=exif)
    assert read_image(path).shape[:2] == (200, 256)
    dataset.records[TRAIN]["joint_self"][0] = [240, 100, 2]
    dataset.records[TRAIN]["joint_self"][5] = [240, 230, 2]
    found = dataset.check().by_kind()["keypoint-outside-image"]
    named = next(finding for finding in found if finding.record == TRAIN)
    assert "256x200" in named.message
    assert "left_ankle" in named.message and "right_ankle" not in named.message


# Labels


def test_keypoints_outside_of_the_image_are_named(dataset: Copy) -> None:
    height, width = read_image(dataset.image(TRAIN)).shape[:2]
    joints = dataset.records[TRAIN]["joint_self"]
    joints[0][:2] = [width, 10]
    assert not any(f.kind == "keypoint-outside-image" for f in dataset.check().findings)
    joints[0][:2] = [width + 0.5, 10]
    joints[15][:2] = [-3, 10]
    joints[15][2] = 1
    (finding,) = dataset.check().by_kind()["keypoint-outside-image"]
    assert finding.record == TRAIN
    assert "right_ankle, left_wrist outside" in finding.message
    assert f"{width}x{height}" in finding.message


def test_boxes_without_area_are_errors(dataset: Copy) -> None:
    dataset.records[0]["bbox"] = [10, 10, 0, 50]
    dataset.records[1]["headboxes"] = [30, 30, 20, 40]
    found = [f for f in dataset.check().findings if f.kind == "box-without-area"]
    assert [(f.record, f.severity) for f in found] == [(0, "error"), (1, "error")]
    assert "10, 10, 0, 50" in found[0].message


def box_of(record: Record) -> list[float]:
    points = np.array([joint[:2] for joint in record["joint_self"] if joint[2] > 0])
    return [*points.min(axis=0), *np.ptp(points, axis=0)]


def test_a_box_around_the_keypoints_is_fine(dataset: Copy) -> None:
    for record in dataset.records:
        record["bbox"] = box_of(record)
    assert dataset.check().findings == ()


def test_a_box_that_does_not_fit_is_found(dataset: Copy) -> None:
    x, y, width, height = box_of(dataset.records[0])
    dataset.records[0]["bbox"] = [x, y, 5000, height]
    dataset.records[1]["bbox"] = [0, 0, 8, 8]
    kinds = {(f.record, f.kind) for f in dataset.check().findings}
    assert kinds == {
        (0, "box-outside-image"),
        (0, "box-size"),
        (1, "box-misses-keypoints"),
        (1, "box-size"),
    }


def test_a_crop_beside_the_object_is_an_error(dataset: Copy) -> None:
    dataset.records[TRAIN]["objpos"] = [-4000, 10]
    (finding,) = dataset.only("crop-misses-object")
    assert (finding.record, finding.severity) == (TRAIN, "error")


def test_a_crop_that_cuts_keypoints_off_says_what_scale_holds_them(dataset: Copy) -> None:
    record = dataset.records[TRAIN]
    record["objpos"] = [100, 100]
    record["joint_self"] = [[100, 100, 2] for _ in record["joint_self"]]
    record["joint_self"][9] = [100, 200, 2]
    record["scale_provided"] = 0.4  # half of the square is 125 * 0.4 = 50 pixels
    found = [f for f in dataset.check().findings if f.kind == "crop-cuts-keypoints"]
    assert [f.record for f in found] == [TRAIN]
    assert (
        "head_top" in found[0].message
        and "; with 0.8, the crop would contain all" in found[0].message
    )
    record["scale_provided"] = 0.8
    assert not any(f.kind == "crop-cuts-keypoints" for f in dataset.check().findings)


def test_a_tiny_object_is_found(dataset: Copy) -> None:
    record = dataset.records[TRAIN]
    center = np.array(record["objpos"])
    for joint in record["joint_self"]:
        joint[:2] = (center + 0.1 * (np.array(joint[:2]) - center)).tolist()
    record["scale_provided"] *= 0.1
    (finding,) = dataset.only("tiny-object")
    assert finding.record == TRAIN


def test_a_record_without_labels_is_found(dataset: Copy) -> None:
    dataset.records[TRAIN]["joint_self"] = [[0, 0, 0]] * 16
    (finding,) = dataset.only("no-keypoints")
    assert finding.record == TRAIN


def test_coordinates_of_unlabelled_keypoints_are_unusual(dataset: Copy) -> None:
    dataset.records[0]["joint_self"][3] = [100, 100, 0]
    dataset.records[1]["joint_self"][3] = [0, 0, 0]
    (finding,) = dataset.only("unusual-visibility")
    assert finding.message.startswith("1 keypoints of 1 records") and finding.record is None


def test_keypoints_that_the_train_split_lacks_are_found(dataset: Copy) -> None:
    for record in dataset.records:
        if not record["isValidation"]:
            record["joint_self"][9] = [0, 0, 0]
    (finding,) = dataset.only("keypoint-never-labelled")
    assert finding.message == "head_top is labelled in 0 of 32 train records"


def test_keypoints_below_a_hundredth_are_rare(dataset: Copy) -> None:
    train = [record for record in dataset.records if not record["isValidation"]]
    dataset.records = train * 4
    for record in dataset.records:
        record["joint_self"][9] = [0, 0, 0]
    once = json.loads(json.dumps(train[0]))
    once["joint_self"][9] = [60, 60, 2]
    dataset.records.append(once)
    found = dataset.check().by_kind()["keypoint-rarely-labelled"]
    assert [f.message for f in found] == ["head_top is labelled in 1 of 129 train records"]


@pytest.mark.parametrize(("value", "name"), [(0, "val"), (1, "train")])
def test_an_empty_split_is_found(dataset: Copy, value: int, name: str) -> None:
    for record in dataset.records:
        record["isValidation"] = value
    (finding,) = dataset.only("empty-split")
    assert f"in the {name} split" in finding.message


def test_left_and_right_without_a_flip_pair_are_found(dataset: Copy) -> None:
    (dataset.folder / "match_point.txt").write_text("right_ankle,left_ankle,h\n")
    found = dataset.only("missing-flip-pairs")
    assert len(found) == 5
    assert "left_hip,right_hip,h" in found[0].message


def swap(record: Record, first: str, second: str) -> None:
    names = load_skeleton("mpii").keypoints
    i, j = names.index(first), names.index(second)
    joints = record["joint_self"]
    joints[i], joints[j] = joints[j], joints[i]


@pytest.mark.parametrize("part", ["knee", "wrist", "elbow", "shoulder"])
def test_a_swapped_pair_is_found_in_its_record(dataset: Copy, part: str) -> None:
    left, right = f"left_{part}", f"right_{part}"
    names = load_skeleton("mpii").keypoints
    spread = [
        np.linalg.norm(
            np.subtract(*(r["joint_self"][names.index(name)][:2] for name in (left, right)))
        )
        * all(joint[2] > 0 for joint in r["joint_self"])
        for r in dataset.records
    ]
    chosen = int(np.argmax(spread))
    swap(dataset.records[chosen], left, right)
    (finding,) = dataset.only("left-right-swapped")
    assert finding.record == chosen


def test_a_pair_that_is_swapped_throughout_is_found_once(dataset: Copy) -> None:
    for record in dataset.records:
        swap(record, "left_wrist", "right_wrist")
    found = dataset.only("left-right-swapped")
    throughout = [f.message for f in found if f.record is None]
    assert any(message.startswith("right_wrist and left_wrist") for message in throughout)


@pytest.fixture
def lsp(shared: Path, figures: KeypointDataset) -> Records:
    """The 1000 labelled poses of Leeds Sports, without boxes."""
    points = loadmat(shared / "data/lsp/joints.mat")["joints"].transpose(2, 1, 0)[..., :2]
    keypoints = np.concatenate([points, np.full((1000, 14, 1), 2)], axis=-1)
    records = figures.records.select(np.zeros(1000, int))
    return replace(records, keypoints=keypoints, scales=np.ptp(points, axis=1).max(axis=1) / 200)


def test_published_labels_raise_few_alarms_of_swapped_sides(lsp: Records) -> None:
    findings = list(check_sides(lsp, load_skeleton("lsp")))
    assert 0 < len(findings) <= 10
    assert all(finding.record is not None for finding in findings)


@pytest.mark.parametrize(
    ("part", "share"), [("ankle", 0.65), ("knee", 0.95), ("wrist", 0.95), ("shoulder", 0.95)]
)
def test_swapped_pairs_that_lie_apart_are_mostly_found(
    lsp: Records, part: str, share: float
) -> None:
    skeleton = load_skeleton("lsp")
    pair = [skeleton.keypoints.index(f"{side}_{part}") for side in ("left", "right")]
    distance = np.linalg.norm(np.diff(lsp.keypoints[:, pair, :2], axis=1)[:, 0], axis=-1)
    apart = np.flatnonzero(distance > 0.2 * 200 * lsp.scales)
    chosen = apart[::5]
    keypoints = lsp.keypoints.copy()
    keypoints[np.ix_(chosen, pair)] = keypoints[np.ix_(chosen, pair[::-1])]
    found = {finding.record for finding in check_sides(replace(lsp, keypoints=keypoints), skeleton)}
    assert len(found & set(chosen.tolist())) > share * len(chosen) > 10


# Copies


def recompressed(image: np.ndarray, size: tuple[int, int], quality: int) -> bytes:
    buffer = io.BytesIO()
    resized = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    resized.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.mark.parametrize(("magnification", "quality"), [(1.0, 40), (0.5, 85), (1.6, 60)])
def test_a_resized_copy_in_the_other_split_is_found(
    dataset: Copy, magnification: float, quality: int
) -> None:
    source = read_image(dataset.image(TRAIN))
    size = (round(source.shape[1] * magnification), round(source.shape[0] * magnification))
    dataset.image(VAL).write_bytes(recompressed(source, size, quality))
    found = dataset.check().by_kind()["duplicate-image"]
    assert [(f.record, f.img_paths) for f in found] == [(VAL, "000004.jpg")]
    assert "looks the same as 000002.jpg" in found[0].message


def test_a_copy_within_a_split_is_none_of_the_splits_business(dataset: Copy) -> None:
    shutil.copy(dataset.image(TRAIN), dataset.image(TRAIN + 1))
    assert "duplicate-image" not in dataset.check().by_kind()


def test_one_file_in_both_splits_is_found(dataset: Copy) -> None:
    twin = dataset.records[TRAIN] | {"isValidation": 1}
    twin["joint_self"] = [[x + 1, y, v] for x, y, v in twin["joint_self"]]
    dataset.records.append(twin)
    (finding,) = dataset.only("image-in-both-splits")
    assert finding.record == 40


def test_images_without_contrast_are_nobodys_copies(dataset: Copy) -> None:
    for index in (TRAIN, VAL):
        write_image(dataset.image(index), np.full((256, 256, 3), 128, np.uint8), overwrite=True)
    assert dataset.check().findings == ()


def test_something_that_moved_before_a_fixed_camera_is_another_image() -> None:
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(0, 200, (12, 16, 3)).astype(np.uint8), (640, 480))
    views = []
    for x in (200, 280):
        view = scene.copy()
        view[200:300, x : x + 60] = 255
        views.append(fingerprint(Image.fromarray(view)))
    assert list(copies(views[:1], views[1:])) == []
    assert list(copies(views, views)) == [(0, 0), (1, 1)]


# Whatever a file may hold

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
SOUND: Record = {
    "dataset": "ours",
    "isValidation": 0,
    "img_paths": "a.png",
    "objpos": [8, 8],
    "joint_self": [[3, 4, 2], [9, 9, 1]],
    "scale_provided": 0.1,
    "bbox": [1, 1, 10, 10],
    "headboxes": [1, 2, 5, 6],
    "area": 5,
    "image_id": 1,
    "annotation_id": 2,
    "origin": 0,
}
NUMBER = st.floats(-1e9, 1e9) | st.integers(-(2**70), 2**70) | st.sampled_from([5e-324, 1e-300])
FIELDS = {
    "joint_self": st.lists(
        st.tuples(NUMBER, NUMBER, st.integers(0, 2)).map(list), min_size=2, max_size=2
    ),
    "objpos": st.tuples(NUMBER, NUMBER).map(list),
    "scale_provided": NUMBER,
    "bbox": st.lists(NUMBER, min_size=4, max_size=4),
    "headboxes": st.lists(NUMBER, min_size=4, max_size=4),
    "img_paths": st.text(max_size=12) | st.sampled_from(["a.png", "a" * 300, "a\0.png", "\ud800"]),
    "isValidation": st.integers(0, 1),
}


@st.composite
def records(draw: Callable[..., Any]) -> list[Any]:
    content: list[Any] = []
    for _ in range(draw(st.integers(1, 4))):
        record = dict(SOUND)
        for key in draw(st.lists(st.sampled_from(sorted(SOUND)), max_size=3, unique=True)):
            record[key] = draw(FIELDS.get(key, JSON) | JSON)
        content.append(record if draw(st.integers(0, 9)) else draw(JSON))
    return content


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=records())
def test_no_record_list_breaks_the_check(tmp_path: Path, content: list[Any]) -> None:
    (tmp_path / "images").mkdir(exist_ok=True)
    if not (tmp_path / "images/a.png").exists():
        write_image(tmp_path / "images/a.png", np.zeros((16, 16, 3), np.uint8))
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    pair = Skeleton("two", ("left_a", "right_a"), (("left_a", "right_a"),))
    try:
        report = check_dataset(tmp_path, pair)
    except SimplebaseError:
        return
    assert report.records == len(content)
    assert all(finding.kind in KINDS for finding in report.findings)
    json.dumps(report.to_config())
