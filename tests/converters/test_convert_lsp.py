"""Leeds Sports Pose and its extension: flags, axes, origins and splits."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from conversion_checks import readable_or_refused, write_image
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase.converters import read_lsp
from simplebase.errors import ArgumentError, DataError, MissingFileError

LSP_AXES, EXTENDED_AXES = (2, 1, 0), (1, 2, 0)
"""From (N, 14, 3) to the order of each file."""


def people(count: int, flag: float) -> np.ndarray:
    """`(N, 14, 3)`: joint k of person n at (20 + k, 50 + 2 k + n)."""
    joints = np.full((count, 14, 3), float(flag))
    joints[..., 0] = 20 + np.arange(14)
    joints[..., 1] = 50 + 2 * np.arange(14) + np.arange(count)[:, None]
    return joints


def write(
    folder: Path, joints: np.ndarray, axes: tuple[int, ...], digits: int, images: Any = None
) -> Path:
    folder.mkdir(parents=True)
    scipy.io.savemat(folder / "joints.mat", {"joints": joints.transpose(axes)})
    (folder / "images").mkdir()
    for number in range(1, len(joints) + 1) if images is None else images:
        (folder / "images" / f"im{number:0{digits}d}.jpg").touch()
    return folder


def lsp(folder: Path, joints: np.ndarray | None = None, **more: Any) -> Path:
    return write(folder, people(4, 0) if joints is None else joints, LSP_AXES, 4, **more)


def extended(folder: Path, joints: np.ndarray | None = None, **more: Any) -> Path:
    return write(folder, people(4, 1) if joints is None else joints, EXTENDED_AXES, 5, **more)


def joint(conversion: Any, record: int, index: int) -> list[float]:
    return conversion.records[record]["joint_self"][index]


def test_in_lsp_flag_one_is_hidden_and_pixels_count_from_one(tmp_path) -> None:
    joints = people(2, 0)
    joints[1, 3, 2] = 1
    conversion = read_lsp(lsp(tmp_path / "lsp", joints))
    assert joint(conversion, 0, 0) == [19, 49, 2]
    assert joint(conversion, 1, 3) == [22, 56, 1]


def test_in_the_extension_flag_zero_is_not_labelled_and_pixels_count_from_zero(tmp_path) -> None:
    joints = people(2, 1)
    joints[1, 3] = (0, -53.2, 0)
    conversion = read_lsp(extended(tmp_path / "lspet", joints))
    assert joint(conversion, 0, 0) == [20, 50, 2]
    assert joint(conversion, 1, 3) == [0, 0, 0]


def test_the_box_of_the_labelled_joints_is_the_person(tmp_path) -> None:
    joints = people(1, 1)
    joints[0, 13] = (-500, -500, 0)
    record = read_lsp(extended(tmp_path / "lspet", joints)).records[0]
    # Labelled are x 20 to 32 and y 50 to 74.
    assert record["objpos"] == [26, 62]
    assert record["scale_provided"] == pytest.approx(1.1 * 24 / 200)


@pytest.mark.parametrize("flag", [0, 1])
@pytest.mark.parametrize("axes", [LSP_AXES, EXTENDED_AXES])
def test_either_order_of_the_axes_is_read(tmp_path, flag, axes) -> None:
    folder = write(tmp_path / "a", people(3, flag), axes, 5 if flag else 4)
    conversion = read_lsp(folder)
    assert joint(conversion, 2, 13) == [33 - (flag == 0), 78 - (flag == 0), 2]


@pytest.mark.parametrize("axes", [LSP_AXES, EXTENDED_AXES])
@pytest.mark.parametrize("count", [1, 3, 14])
def test_the_number_of_images_does_not_confuse_the_axes(tmp_path, axes, count) -> None:
    conversion = read_lsp(write(tmp_path / "a", people(count, 0), axes, 4))
    assert len(conversion.records) == count
    assert joint(conversion, 0, 1) == [20, 51, 2]


def test_names_against_flags_ask_for_the_variant(tmp_path) -> None:
    folder = write(tmp_path / "a", people(3, 1), LSP_AXES, 4)
    with pytest.raises(DataError, match="flags are those of lsp-extended.*like lsp.*--variant"):
        read_lsp(folder)
    assert joint(read_lsp(folder, variant="lsp"), 0, 0) == [19, 49, 1]
    assert joint(read_lsp(folder, variant="lsp-extended"), 0, 0) == [20, 50, 2]
    with pytest.raises(ArgumentError, match="auto, lsp, lsp-extended"):
        read_lsp(folder, variant="lsp2")


def test_both_are_merged_and_the_noisy_one_is_never_held_out(tmp_path) -> None:
    lsp(tmp_path / "d" / "lsp", people(10, 0))
    extended(tmp_path / "d" / "lspet", people(10, 1))
    conversion = read_lsp(tmp_path / "d", val_split=0.4)
    names = [record["img_paths"] for record in conversion.records]
    assert names[0] == "lsp_im0001.jpg" and names[10] == "lspet_im00001.jpg"
    held_out = {r["img_paths"] for r in conversion.records if r["isValidation"]}
    assert len(held_out) == 4
    assert all(name.startswith("lsp_") for name in held_out)


def test_the_extension_alone_is_split_by_chance(tmp_path) -> None:
    records = read_lsp(extended(tmp_path / "a", people(10, 1)), val_split=0.4).records
    assert sum(record["isValidation"] for record in records) == 4


def test_the_official_test_half_is_held_out_where_all_rows_are_there(tmp_path) -> None:
    folder = lsp(tmp_path / "a", people(2000, 0), images=(1, 1000, 1001, 2000))
    conversion = read_lsp(folder)
    split = {record["img_paths"]: record["isValidation"] for record in conversion.records}
    assert split == {"im0001.jpg": 0, "im1000.jpg": 0, "im1001.jpg": 1, "im2000.jpg": 1}
    assert conversion.left_out == {"image not found": 1996}


@pytest.mark.parametrize("other", ["im0001.png", "im00001.jpg"])
def test_two_images_of_one_number_are_refused(tmp_path, other) -> None:
    folder = lsp(tmp_path / "a")
    (folder / "images" / other).touch()
    with pytest.raises(DataError, match="im0+1.* and im0+1.* have the same number.*Remove one"):
        read_lsp(folder, variant="lsp")


def test_the_label_files_are_sources(tmp_path) -> None:
    folders = [extended(tmp_path / "b"), lsp(tmp_path / "c")]
    assert read_lsp(tmp_path).sources == [folder / "joints.mat" for folder in folders]


def test_a_person_with_one_joint_has_no_size(tmp_path) -> None:
    joints = people(2, 1)
    joints[1, 1:, 2] = 0
    assert read_lsp(extended(tmp_path / "a", joints)).left_out == {
        "fewer than two labelled keypoints": 1
    }


def test_a_coordinate_that_is_no_number_is_not_labelled(tmp_path) -> None:
    joints = people(2, 0)
    joints[0, 2, 0] = np.nan
    assert joint(read_lsp(lsp(tmp_path / "a", joints)), 0, 2) == [0, 0, 0]


@pytest.mark.parametrize("value", [np.zeros((3, 13, 5)), np.zeros((14, 3, 2, 2)), "text", {"x": 1}])
def test_another_variable_is_refused_with_its_shape(tmp_path, value) -> None:
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": value})
    with pytest.raises(DataError, match=r"joints must be \(3, 14, N\) or \(14, 3, N\).*Received"):
        read_lsp(tmp_path)


def test_no_file_says_where_it_was_looked_for(tmp_path) -> None:
    with pytest.raises(MissingFileError, match=r"neither it nor a folder in it has a joints\.mat"):
        read_lsp(tmp_path)


def test_the_real_ones_are_told_apart_and_lie_on_their_images(shared, written, tmp_path) -> None:
    source = tmp_path / "both"
    source.mkdir()
    for name in ("lsp", "lspet"):
        (source / name).symlink_to(shared / "data" / name)
    conversion = read_lsp(source)
    assert len(conversion.records) == 3000
    assert conversion.left_out == {"image not found": 8000}
    assert [note.split(": ")[1] for note in conversion.notes] == [
        "lsp, 1000 rows",
        "lsp-extended, 10000 rows",
    ]
    dataset = written(conversion)
    assert len(dataset.validation) == 100
    # Left is left: of people who stand upright and face us, the left shoulder is on the right.
    names = dataset.skeleton.keypoints
    keypoints = dataset.records.keypoints
    assert keypoints[..., 2].max() == 2
    hidden = (keypoints[..., 2] == 1).mean(axis=1)
    assert 0.05 < hidden[:1000].mean() < 0.1 and hidden[1000:].max() == 0
    neck, head = (keypoints[:, names.index(name), 1] for name in ("neck", "head_top"))
    left, right = (keypoints[:, names.index(f"{s}_shoulder"), 0] for s in ("left", "right"))
    upright = neck - head > 10
    assert (left > right)[upright].mean() > 0.6
    assert dataset.records.keypoints[..., :2].min() > -3


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_damaged_files_are_refused_with_our_errors(data) -> None:
    joints = people(3, data.draw(st.sampled_from([0, 1])))
    for _ in range(data.draw(st.integers(0, 4))):
        place = tuple(data.draw(st.integers(0, size - 1)) for size in joints.shape)
        joints[place] = data.draw(st.floats())
    with tempfile.TemporaryDirectory() as folder:
        source = write(Path(folder) / "a", joints, data.draw(st.permutations((0, 1, 2))), 4)
        write_image(source / "images" / "im0001.jpg")
        path = source / "joints.mat"
        if data.draw(st.booleans()):
            content = path.read_bytes()
            path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        readable_or_refused(lambda: read_lsp(source), Path(folder) / "out")
