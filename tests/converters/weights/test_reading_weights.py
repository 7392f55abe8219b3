"""Containers: what is read, what is refused, and that nothing in a file is ever run."""

import json
import os
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from simplebase.converters.weights import convert_weights
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.converters.weights.recognition import recognise
from simplebase.converters.weights.safetensors import read_safetensors
from simplebase.converters.weights.stand_ins import Storage, TensorView
from simplebase.converters.weights.torch_tensors import windowed
from simplebase.converters.weights.torch_zip import read_torch_zip
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


def text(value: str) -> bytes:
    """The instruction of a pickle that pushes a text."""
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


# A float32 tensor of (2,) on storage 0, as a pickle's instructions; it has a BUILD to come after.
STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x06tQ"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + b"K\x00(K\x02t(K\x01t\x89}tR"


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
    content = f"c{module}\n{function}\n(K\x01tR.".encode()
    assert f"names {name}" in refused(with_pickle(tmp_path / "evil.pth", content))


def test_getattr_in_a_pickle_gets_nothing(tmp_path: Path) -> None:
    """MMEngine's logs need the name; it stands for nothing, so what it would give cannot run."""
    marker = tmp_path / "ran"
    call = b"cbuiltins\ngetattr\n(cargparse\nNamespace\n" + text("mkdir") + b"tR("
    path = with_pickle(tmp_path / "evil.pth", call + text(str(marker)) + b"tR.")
    assert "not a state dict" in refused(path)
    assert not marker.exists()


def test_a_bare_pickle_is_refused_unread(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Runs(marker)))
    assert "a bare pickle" in refused(tmp_path / "bare.pth")
    assert not marker.exists()


def test_a_tar_of_the_first_releases_is_refused_by_name(tmp_path: Path) -> None:
    """Their layout of three members; `.tar` at the end of a name says nothing."""
    path = tmp_path / "old.pth.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            (tmp_path / name).write_bytes(pickle.dumps(0, 2))
            archive.add(tmp_path / name, name)
    message = refused(path)
    assert "is a tar archive of PyTorch's first releases" in message
    assert "torch.load(FILE, weights_only=False)" in message


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


@pytest.mark.parametrize(
    "made",
    [TENSOR, STORAGE, b"ctorch\nFloatStorage\n", b"ctorch._utils\n_rebuild_tensor_v2\n"],
    ids=["tensor", "storage", "type", "function"],
)
@pytest.mark.parametrize("slots", [False, True])
def test_what_was_checked_cannot_be_changed_afterwards(
    made: bytes, slots: bool, tmp_path: Path
) -> None:
    """BUILD sets attributes: negative strides would read memory outside of the file."""
    state = b"}" + text("offset") + b"J\x00\xf0\xff\xffs"
    if slots:
        state = b"N" + state + b"\x86"
    content = b"\x80\x02}" + text("w") + made + state + b"bs."
    message = refused(with_pickle(tmp_path / "built.pth", content))
    assert "afterwards" in message


def test_an_ordered_dict_keeps_its_methods_whatever_state_it_is_given(tmp_path: Path) -> None:
    """PyTorch gives state dicts an attribute; one that is called items would hide the tensors."""
    state = b"}" + text("items") + b"}s"
    content = b"\x80\x02ccollections\nOrderedDict\n)R" + text("w") + TENSOR + b"s" + state + b"b."
    arrays, _ = read_torch_zip(with_pickle(tmp_path / "state.pth", content))
    assert arrays["w"].shape == (2,)


def test_a_step_outside_of_the_storage_is_found_again_before_memory_is_read() -> None:
    numbers = np.arange(6, dtype=np.float32)
    storage = Storage("float32", "0", 6)
    for offset, shape, strides in (
        (5, (2,), (-1,)),
        (-1, (2,), (1,)),
        (0, (2,), (6,)),
        (0, (2, 2), (2**62, 1)),
        (0, (1.0,), (1,)),
    ):
        with pytest.raises(ValueError):
            windowed(numbers, TensorView(storage, offset, shape, strides))  # type: ignore[arg-type]
    transposed = windowed(numbers, TensorView(storage, 1, (2, 1, 2), (1, 2**70, 2)))
    assert transposed.ravel().tolist() == [1, 3, 2, 4]


DEEP = b"\x80\x02}" + b"N" + b"\x85" * 100_000 + b"Ns."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (DEEP, "a tuple in it is larger"),
        (b"\x80\x02N" + b"q\x00h\x00\x86" * 40 + b".", "a tuple in it is larger"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "an index of 2147483647"),
        (b"\x80\x02}h\x07.", "nothing at 7"),
        (b"\x80\x04\x8d" + b"\xff" * 7 + b"\x1f.", "cannot be read"),
        (b"\x80\x02}2.", "instruction DUP"),
        (b"(S'a'\nd.", "instruction STRING"),
        (b"\x80\x02s.", "a value is missing"),
        (b"\x80\x02t.", "a mark is missing"),
        (b"\x80\x02(" + b"]" * 2_000_001, "more instructions"),
    ],
    ids=["deep", "wide", "memo", "absent", "length", "dup", "text", "value", "mark", "many"],
)
def test_pickles_that_would_end_the_process_are_refused(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    message = refused(with_pickle(tmp_path / "made_up.pth", content))
    assert "pickle cannot be read" in message and (reason in message or "length" in reason)


def test_tensors_that_claim_more_numbers_than_the_file_has_are_refused(tmp_path: Path) -> None:
    """Ten views of one storage would be ten copies of it."""
    whole = TENSOR.replace(b"K\x06t", b"M\x10\x27t").replace(b"(K\x02t", b"(M\x10\x27t")
    path = tmp_path / "views.pth"

    def shared(count: int) -> Path:
        views = b"".join(text(f"w{index}") + whole + b"s" for index in range(count))
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02}" + views + b".")
            archive.writestr("a/data/0", bytes(40_000))
        return path

    # Tied weights are usual.
    assert len(read_torch_zip(shared(2))[0]) == 2
    shared(10)
    assert "more numbers than the file has" in refused(path)


def test_a_byteorder_that_is_large_damaged_or_encrypted_is_refused(tmp_path: Path) -> None:
    def bytes_of(content: bytes, compression: int) -> bytearray:
        path = tmp_path / "order.pth"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02}" + text("w") + TENSOR + b"s.")
            archive.writestr("a/data/0", bytes(24))
            archive.writestr("a/byteorder", content, compression)
        return bytearray(path.read_bytes())

    def refused_bytes(content: bytes | bytearray) -> str:
        (tmp_path / "changed.pth").write_bytes(content)
        return refused(tmp_path / "changed.pth")

    assert "neither little nor big" in refused_bytes(bytes_of(bytes(10**6), zipfile.ZIP_DEFLATED))
    content = bytes_of(b"little", zipfile.ZIP_DEFLATED)
    content[content.index(b"a/byteorder") + 11] = 0xFF
    assert "damaged" in refused_bytes(content)
    content = bytes_of(b"little", zipfile.ZIP_STORED)
    # Bit 0 of the flags of a central entry says that it is encrypted.
    for entry in range(content.index(b"PK\x01\x02"), len(content) - 4):
        if content[entry : entry + 4] == b"PK\x01\x02":
            content[entry + 8] |= 1
    assert "encrypted" in refused_bytes(content)


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


def test_safetensors_leave_no_byte_and_no_name_out(tmp_path: Path) -> None:
    def table(*places: tuple[int, int]) -> dict[str, Any]:
        return {
            f"t{index}": {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
            for index, (begin, end) in enumerate(places)
        }

    path = tmp_path / "a.safetensors"
    assert len(
        read_checkpoint(as_safetensors(path, table((4, 12), (0, 4)), bytes(12))).tensors.names
    )
    for places, reason in (
        (((0, 4), (8, 12)), "t1"),
        (((0, 8),), "is damaged or incomplete"),
        (((0, 8), (4, 12)), "t1"),
    ):
        assert reason in refused(as_safetensors(path, table(*places), bytes(12)))
    # Of two entries for the same bytes the library would keep one.
    for places in (((0, 6), (6, 12)), ((0, 12), (0, 12))):
        whole = as_safetensors(path, table(*places), bytes(12)).read_bytes()
        path.write_bytes(whole.replace(b'"t1"', b'"t0"'))
        assert "has 't0' twice" in refused(path)


def test_safetensors_of_numbers_that_no_network_here_uses_are_refused(tmp_path: Path) -> None:
    entry = {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}
    message = refused(as_safetensors(tmp_path / "a.safetensors", {"a": entry}, bytes(4)))
    assert "'a' holds numbers of type F8_E4M3. Expected one of F64, F32" in message


def test_a_safetensors_header_that_is_not_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    for header in (b"{" * 100_000, b'{"a\xff": 1}', b'{"a": [1, 2', b'{"a": ' + b"[" * 100_000):
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        assert "is damaged or incomplete" in refused(path)
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    assert "is damaged or incomplete" in refused(path)


def test_every_type_of_numbers_is_read_as_the_library_writes_it(tmp_path: Path) -> None:
    kinds = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?")
    arrays = {f"of {kind}": np.arange(2, dtype=kind).reshape(2, 1) for kind in kinds}
    save_file(arrays, tmp_path / "a.safetensors")
    found = read_safetensors(tmp_path / "a.safetensors")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and found[name].tolist() == [[0], [1]], name


@pytest.mark.parametrize("shape", [[0] + [1] * 70, [0, 2**70], [2**40, 2**40, 0]])
def test_safetensors_of_impossible_shapes_are_refused(shape: list[int], tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
    refused(as_safetensors(tmp_path / "a.safetensors", {"a": entry}, b""))


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
        assert "is not an array inside this file" in refused(path)


@pytest.mark.parametrize(
    ("side", "problem"),
    [
        (2**10, "is not a numeric array, or is larger than the file"),
        (2**20, "would unpack to 4398046"),
    ],
)
def test_hdf5_that_claims_more_numbers_than_it_has_is_refused(
    tmp_path: Path, side: int, problem: str
) -> None:
    path = keras2_file(tmp_path / "large.h5")
    with h5py.File(path, "a") as file:
        del file["conv1/conv1/kernel:0"]
        file.create_dataset("conv1/conv1/kernel:0", (side, side), np.float32)
    assert problem in refused(path)


def test_two_arrays_of_one_name_are_not_one(tmp_path: Path) -> None:
    """A nested model has several kernels in one layer."""
    path = keras2_file(tmp_path / "nested.h5")
    with h5py.File(path, "a") as file:
        file["conv1"].create_dataset("conv2/kernel:0", data=np.zeros((3, 3, 3, 8), np.float32))
        file["conv1"].attrs["weight_names"] = [b"conv1/kernel:0", b"conv2/kernel:0"]
    assert "has two arrays conv1/kernel" in refused(path)


def test_a_description_whose_layers_are_no_mappings_says_nothing(tmp_path: Path) -> None:
    path = keras2_file(tmp_path / "odd.h5")
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps({"config": {"layers": ["conv1", {"config": 1}]}})
    assert read_checkpoint(path).input_size is None


@pytest.mark.parametrize(
    ("marks", "wrong", "shape"),
    [
        (("conv1.weight", "layer1.0.conv3.weight", "layer4.0.conv3.weight"), None, ()),
        (
            ("features.0.0.weight", "features.17.conv.0.0.weight"),
            "features.17.conv.2.weight",
            (),
        ),
        (
            ("features.0.0.weight", "features.17.conv.0.0.weight"),
            "features.17.conv.2.weight",
            (0, 1, 1, 1),
        ),
    ],
)
def test_marks_of_a_network_with_odd_shapes_are_refused(
    marks: tuple[str, ...], wrong: str | None, shape: tuple[int, ...], tmp_path: Path
) -> None:
    """Numbers without axes, and a layer of no channels."""
    blocks = [f"layer{s}.{b}.conv1.weight" for s, n in enumerate((3, 4, 6, 3), 1) for b in range(n)]
    entries, begin = {}, 0
    for name in {*marks, *blocks, *([wrong] if wrong else [])}:
        sides = shape if name == wrong else ()
        end = begin + 4 * int(np.prod(sides))
        entries[name] = {"dtype": "F32", "shape": sides, "data_offsets": [begin, end]}
        begin = end
    message = refused(as_safetensors(tmp_path / "a.safetensors", entries, bytes(begin)))
    assert "axes were expected" in message or "0 output channels" in message


def test_a_width_that_no_network_can_have_is_told_in_one_sentence(tmp_path: Path) -> None:
    """One channel at the end of a MobileNetV1 would be none at its start."""
    path = tmp_path / "thin.h5"
    shapes = {
        "conv1/kernel": (3, 3, 3, 1),
        "conv_dw_13/depthwise_kernel": (3, 3, 1, 1),
        "conv_pw_13/kernel": (1, 1, 1, 1),
    }
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.split("/")[0] for name in shapes]
        for name, shape in shapes.items():
            layer, variable = name.split("/")
            group = file.create_group(layer)
            group.create_dataset(f"{variable}:0", data=np.ones(shape, np.float32))
            group.attrs["weight_names"] = [f"{variable}:0"]
    with pytest.raises(DataError, match="no network fits the widths of its tensors"):
        convert_weights(path, tmp_path / "thin.keras")


def test_another_architecture_is_named_by_its_tensors(tmp_path: Path) -> None:
    assert "1 tensor (conv1/kernel), which belong to no supported network" in refused(
        keras2_file(tmp_path / "a.h5")
    )


def test_text_and_empty_files_are_no_weights(tmp_path: Path) -> None:
    for content in (b"", b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1"):
        (tmp_path / "a.pth").write_bytes(content)
        assert "not a supported weights file" in refused(tmp_path / "a.pth")
    with pytest.raises(MissingFileError, match="the weights file does not exist"):
        read_checkpoint(tmp_path / "absent.pth")
