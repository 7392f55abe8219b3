"""Containers: what is read, what is refused, and that nothing in a file is ever run."""

import json
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from simplebase.converters.weights.reading import read_checkpoint
from simplebase.converters.weights.recognition import recognise
from simplebase.errors import DataError, MissingFileError
from simplebase.skeletons import load_skeleton

MINIATURES = Path(__file__).parent / "miniatures"
TORCH_FILE = MINIATURES / "mmpose1_resnet101.pth"


def refused(path: Path) -> str:
    """What reading the file and telling what it is ends in: one sentence that names the file."""
    with pytest.raises(DataError) as caught:
        recognise(read_checkpoint(path))
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message


def repacked(path: Path, change: Callable[[str, bytes], bytes | None], **options: Any) -> Path:
    """A copy of a torch file, each of its parts changed, or left out by None."""
    with zipfile.ZipFile(TORCH_FILE) as source, zipfile.ZipFile(path, "w", **options) as target:
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                target.writestr(name, content)
    return path


def with_pickle(path: Path, content: bytes) -> Path:
    """A copy of a torch file with another pickle."""
    return repacked(path, lambda name, old: content if name.endswith("data.pkl") else old)


class Runs:
    """Pickled, it makes the folder `marker` when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def test_tensors_come_back_with_their_names_shapes_and_numbers() -> None:
    """Numbers that make.py chose: counters of 1234, statistics within its bounds."""
    checkpoint = read_checkpoint(TORCH_FILE)
    tensors = checkpoint.tensors
    assert tensors.shape("backbone.conv1.weight") == (2, 3, 7, 7)
    assert tensors.shape("head.deconv_layers.0.weight") == (64, 8, 4, 4)
    variance = tensors.take("backbone.bn1.running_var", (2,))
    assert ((variance > 0.5) & (variance < 1.5)).all()
    assert tensors.take("backbone.bn1.num_batches_tracked", ()) == 1234
    assert checkpoint.left_out == {"entries beside the weights (meta)": 1}


def test_what_stands_beside_the_weights_is_passed_over_not_rebuilt() -> None:
    """MMPose writes NumPy arrays there, which a pickle makes by calling functions of NumPy."""
    with zipfile.ZipFile(TORCH_FILE) as archive:
        content = archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))
    assert b"_reconstruct" in content
    assert b"sigmas" in content
    assert read_checkpoint(TORCH_FILE).skeleton == load_skeleton("coco")


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(
    protocol: int, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    content = pickle.dumps(OrderedDict(weight=Runs(marker)), protocol)
    path = with_pickle(tmp_path / "evil.pth", content)
    message = refused(path)
    assert "would run code" in message and f"{os.mkdir.__module__}.mkdir" in message
    assert not marker.exists()
    # It is a real one: Python's own reader would have run it.
    pickle.loads(content)
    assert marker.is_dir()


@pytest.mark.parametrize(
    "name",
    ["builtins.eval", "os.system", "torch.load", "torch.hub.load", "collections.UserDict"],
)
def test_names_beside_tensors_and_containers_are_refused(name: str, tmp_path: Path) -> None:
    module, _, function = name.rpartition(".")
    content = f"c{module}\n{function}\n(S'1'\ntR.".encode()
    assert f"names {name}" in refused(with_pickle(tmp_path / "evil.pth", content))


def test_getattr_in_a_pickle_gets_nothing(tmp_path: Path) -> None:
    """MMEngine's logs need the name; it stands for nothing, so what it would give cannot run."""
    marker = tmp_path / "ran"
    call = f"cbuiltins\ngetattr\n(cargparse\nNamespace\nS'mkdir'\ntR(S'{marker}'\ntR."
    path = with_pickle(tmp_path / "evil.pth", call.encode())
    assert "not a state dict" in refused(path)
    assert not marker.exists()


def test_a_bare_pickle_is_refused_unread(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Runs(marker)))
    assert "a bare pickle" in refused(tmp_path / "bare.pth")
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["pickled", "tar"])
def test_torchs_old_format_is_refused_with_the_line_that_saves_it_anew(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.pth.tar"
    if kind == "tar":
        path.write_bytes(bytes(257) + b"ustar" + bytes(300))
    else:
        # Its first pickle is this number, its second the version of the format.
        old = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + bytes(600)
        path.write_bytes(old)
    message = refused(path)
    assert "before 1.6" in message
    assert (
        "torch.save(torch.load('old.pth.tar', map_location='cpu', weights_only=True), " in message
    )
    assert message.endswith("'old.zip.pth')\"")


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_truncated_torch_file_is_refused(share: float, tmp_path: Path) -> None:
    content = TORCH_FILE.read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged or incomplete" in refused(path)


def test_flipped_bits_in_a_torch_file_are_found(tmp_path: Path) -> None:
    """Zip archives have checksums."""
    content = bytearray(TORCH_FILE.read_bytes())
    middle = len(content) // 2
    for place in range(middle, middle + 2000):
        content[place] ^= 0xFF
    (tmp_path / "bits.pth").write_bytes(content)
    assert "damaged" in refused(tmp_path / "bits.pth")


def test_a_cut_pickle_in_a_whole_archive_is_refused(tmp_path: Path) -> None:
    path = repacked(
        tmp_path / "cut.pth", lambda name, old: old[:500] if name.endswith("data.pkl") else old
    )
    assert "pickle cannot be read" in refused(path)


def test_a_storage_that_is_missing_short_or_compressed_is_refused(tmp_path: Path) -> None:
    def is_storage(name: str) -> bool:
        return name.endswith("/data/0")

    gone = repacked(tmp_path / "gone.pth", lambda n, old: None if is_storage(n) else old)
    assert "damaged or incomplete" in refused(gone)
    short = repacked(tmp_path / "short.pth", lambda n, old: old[:8] if is_storage(n) else old)
    assert "storage 0 has not" in refused(short)
    bomb = repacked(tmp_path / "bomb.pth", lambda n, old: old, compression=zipfile.ZIP_DEFLATED)
    assert "has not the" in refused(bomb)


def test_a_tensor_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    """A view of 1000 numbers, a stride apart, over a storage of few."""
    content = (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n("
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQ"
        b"K\x00(M\xe8\x03t(K\x01t\x89}tRs."
    )
    assert "beyond its storage" in refused(with_pickle(tmp_path / "view.pth", content))


def test_archives_of_other_kinds_are_told_apart(tmp_path: Path, small_model_file: Path) -> None:
    assert "is a Keras 3 model already" in refused(small_model_file)
    np.savez(tmp_path / "arrays.npz", a=np.ones(3))
    assert "that torch.save did not write. It holds a.npy" in refused(tmp_path / "arrays.npz")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/data.pkl", b"}.")
        archive.writestr("script/code/__torch__.py", b"")
    assert "TorchScript, a program" in refused(tmp_path / "script.pt")


def test_what_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    for content, expected in (
        ({"epoch": 3, "note": "x"}, "'epoch' in it is a int, not a tensor"),
        ({}, "an empty dict"),
        ([1, 2], "a list, not a state dict"),
        ({"state_dict": {"weight": [1]}}, "'weight' in it is a list, not a tensor"),
    ):
        path = with_pickle(tmp_path / "other.pth", pickle.dumps(content, 2))
        assert expected in refused(path)


def as_safetensors(path: Path, entries: dict[str, Any], numbers: bytes) -> Path:
    table = json.dumps(entries).encode()
    path.write_bytes(len(table).to_bytes(8, "little") + table + numbers)
    return path


def test_safetensors_are_read_by_the_layout_of_their_specification(tmp_path: Path) -> None:
    numbers = np.array([1.5, -2, 3], "<f4").tobytes() + np.array([7], "<i8").tobytes()
    # 0x3fc0 is the upper half of the float32 1.5.
    numbers += bytes.fromhex("c03f")
    entries = {
        "__metadata__": {"format": "pt"},
        "module.a": {"dtype": "F32", "shape": [3, 1], "data_offsets": [0, 12]},
        "module.b": {"dtype": "I64", "shape": [], "data_offsets": [12, 20]},
        "module.c": {"dtype": "BF16", "shape": [1], "data_offsets": [20, 22]},
    }
    tensors = read_checkpoint(as_safetensors(tmp_path / "a.safetensors", entries, numbers)).tensors
    assert tensors.names == ["a", "b", "c"]
    assert tensors.take("a", (3, 1)).ravel().tolist() == [1.5, -2, 3]
    assert tensors.take("b", ()) == 7
    assert tensors.take("c", (1,)) == 1.5


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [3], "data_offsets": [0, 13]},
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F8", "shape": [3], "data_offsets": [0, 12]},
        {"dtype": "F32", "shape": [3], "data_offsets": [-12, 0]},
        {"dtype": "F32", "shape": "3", "data_offsets": [0, 12]},
        None,
    ],
)
def test_safetensors_that_contradict_themselves_are_refused(entry: Any, tmp_path: Path) -> None:
    refused(as_safetensors(tmp_path / "a.safetensors", {"a": entry}, bytes(12)))


def test_truncated_safetensors_are_refused(tmp_path: Path) -> None:
    entries = {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}
    content = as_safetensors(tmp_path / "a.safetensors", entries, bytes(12)).read_bytes()
    for length in (len(content) - 1, len(content) - 12, 30, 9, 5, 0):
        (tmp_path / "cut.safetensors").write_bytes(content[:length])
        refused(tmp_path / "cut.safetensors")


def keras2_file(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("conv1")
        group.create_dataset("conv1/kernel:0", data=np.ones((3, 3, 3, 8), np.float32))
        group.attrs["weight_names"] = [b"conv1/kernel:0"]
        file.attrs["layer_names"] = [b"conv1"]
    return path


def test_hdf5_that_is_cut_or_of_something_else_is_refused(tmp_path: Path) -> None:
    whole = keras2_file(tmp_path / "whole.h5").read_bytes()
    for length in (8, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.h5").write_bytes(whole[:length])
        assert "damaged or incomplete" in refused(tmp_path / "cut.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["numbers"] = np.ones(3)
    assert "has no layer_names" in refused(tmp_path / "other.h5")
    with h5py.File(keras2_file(tmp_path / "later.h5"), "a") as file:
        file.attrs["keras_version"] = "3.15.1"
    assert "written by Keras 3.15.1, but only Keras 2" in refused(tmp_path / "later.h5")


def test_hdf5_that_points_into_another_file_is_refused(tmp_path: Path) -> None:
    """A weights file has no business with other files of the machine."""
    keras2_file(tmp_path / "other.h5")
    (tmp_path / "numbers").write_bytes(bytes(864))
    for name in ("link", "storage"):
        path = keras2_file(tmp_path / f"{name}.h5")
        with h5py.File(path, "a") as file:
            del file["conv1/conv1/kernel:0"]
            if name == "link":
                there = h5py.ExternalLink("other.h5", "conv1/conv1/kernel:0")
                file["conv1/conv1/kernel:0"] = there
            else:
                file.create_dataset(
                    "conv1/conv1/kernel:0",
                    (3, 3, 3, 8),
                    np.float32,
                    external=[(str(tmp_path / "numbers"), 0, 864)],
                )
        assert "no array in the file itself" in refused(path)


def test_hdf5_that_claims_more_numbers_than_it_has_is_refused(tmp_path: Path) -> None:
    path = keras2_file(tmp_path / "large.h5")
    with h5py.File(path, "a") as file:
        del file["conv1/conv1/kernel:0"]
        file.create_dataset("conv1/conv1/kernel:0", (2**20, 2**20), np.float32)
    assert "of the size that it claims" in refused(path)


def test_another_architecture_is_named_by_its_tensors(tmp_path: Path) -> None:
    assert "1 tensors (conv1/kernel), which are of no network" in refused(
        keras2_file(tmp_path / "a.h5")
    )


def test_text_and_empty_files_are_no_weights(tmp_path: Path) -> None:
    for content in (b"", b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1"):
        (tmp_path / "a.pth").write_bytes(content)
        assert "no weights file that is read here" in refused(tmp_path / "a.pth")
    with pytest.raises(MissingFileError, match="the weights file does not exist"):
        read_checkpoint(tmp_path / "absent.pth")
