"""PyTorch's older format, in which MMPose publishes: what is read, and what is refused and how."""

import base64
import pickle
import time
import tracemalloc
import zlib
from collections import OrderedDict
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stream_files import (
    FACTS,
    MAGIC,
    Called,
    Name,
    Stored,
    Tensor,
    WithState,
    parts_of,
    state_dict,
    storage_bytes,
    tensor,
)

from simplebase.converters.weights import stand_ins
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.converters.weights.torch_stream import read_torch_stream
from simplebase.errors import DataError

# Written by torch itself, packed by zlib: 12 numbers from -1.5 on, a quarter apart, as (3, 4);
# `transposed`, their `tail` from 9 on, every other of their `columns`, their `half` from 1 to 3.
TORCH_1_1_OF_PYTHON_3_7 = """
c-nna*>2N76df;ZsYy%ODQnpimJm{>NlQ!1q6%r)>c02|S;iS^BiEB_k1K&xDLkYUzJZ56@&P;`1ch(lFZcu`9=P^|vM9y
Uo$<YM=bXDuTYYVWKi<rLAA9=t;b^(7-utHEx(cLdj}SsyF&Et9p|ir`B;XM!=wJ`wNf-zbGKWRYz>Pp%w+%FkXD#L=!E=
^?whDUD?n7hZ^H@M1Rc#HmAQI3|bz9Fcc(eoqR8Ldn^pGZGo<Nqwcn~*P%$m0YPZ&T-7AVD>AQ7%$P7}?b`k7smb`iT#(&7
ngg6;_(dw$tTMGz*26SK!@5H=mbqJ+oJO4WeAV$mMR(Rl1GG3b|9jQNneVo@3m7_f)YXVR=y>h)^9T5C+071)s{;k8m2q=o
wej0H-lPPH}INfoNELE%*%*N}i=3wGsc3O5L0#79=Y-|vaK+m~p27U&?=I<S{29oQ$4_6s;*!NDBKcf%)eNFsG(zJsQ%kVp
RouS}S5xC?${0V7m9a5MuyCc%#jIAOt<J(%^{jooD?SPUn(DdCof0jIW0r)HXP8W~k&Jd+g%8P8^n=Op8K0YwW+>$!5_C0w
-NQa&agPjNIZ|CQWb9FVQ#%70K*>ZUn4UTwe?q*9Qof>foFq_`@eYQcEkVjQY;IZD9%U-@g@3Qc73YE)f=I`$N|h6J1xFlE
8DH17cxz=i2mn32=XTHN#DI@P+f?zR}rcEex9mteqLR)QNHxcLHZ<&*v>dtE(pQF?Vx?Nwl{R~9-eD@1-@b-5S1I@u(j$Vc
*lyeIEaGf9I?k!doc{yHaLX0xU6TmMYR21*-c4uxd@oARuE9T)VULusRI%>D#f)EWf
"""
TORCH_1_4_OF_PYTHON_2_7 = """
eNp1k9lu00AUhsdLmsakpeyUrWV3WIKTpiQthfYCVUjDmmouI8s4Q23k2j72uBJIlXLTUvoMXPSSB+ACISg8A2/BIyBxwXHcJIKo
kc7Ec2b8/WdzR97RvD8fln9Pv/74fLLckZ/8UnDdAElnE2EUiMAOPHOdR7Eb+JCeMk28CbkZu295DMoGqDpTXF9AjqosFztBJGCE
ykz1An8V8lRN2JjnCuFxk/tt1/JhdDtBBRu5HrcFYmPtWdTmEW8/dG2hgdQCWW+BojMtFpbgZhvdoDroz6F/BP0isvw4DGLehrwt
gsh2ymYiXC/WzIi/TFyvbQrux0Fkrlc1GNV1lo/xmrXKoZDd15a9wBIrmVMDjY3P1QzDqNWrs416o2bAIabYYQLFHan4VLyghKpU
2aISVbfep5GMbTZhXDThMG/BhM5UYbkeHHFQyik4w7SjTg9UoMomlTa7kGMIOY6QEwg5iRDH8l7BqQyyH+YjdPWjPN3nVoxqpWY0
YLLPlajc555B7lnknkPueZ0VQiuy1rjgEVw4oFr9GxpMDSWRis1UqjCdislZNQZiF1HsEopd3k53V3B39V0TrqH0dZ3l7CDB2dD/
yekxTkY/p9KgVpXKjFGvwo1URurKlEpdiZsIvYUStxFaxl7i6CRrfgx3Dqy34Qwap1B5C7snZ42rIKuKrBnO8amGxFmsPOZuwd0N
qGPIPAxsBxpUScfZCjnM7ce9giOvwTzmjm/eS7qABRzlVvqx/F8seahXylCm6lDcOV6WSe/3YzFdir3tHvlGvpIv5DP5hLsaaZB5
skDuS/vHP9Xsvzh4/zshu2gdtCU0kj7vZWedB7ggfwmtg7a7+BdBLCLi
"""
NUMBERS = np.arange(-6, 6, dtype=np.float32) / 4


def written(path: Path, parts: list[bytes]) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def refused(path: Path) -> str:
    """The one sentence, or few, that reading it ends in."""
    with pytest.raises(DataError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 1000
    return message


def small_checkpoint() -> dict[str, Any]:
    """Shared and transposed tensors, half of a float, an optimizer, NumPy's numbers in `meta`."""
    shared = Stored(NUMBERS, "10")
    scalar = Called(Name("numpy.core.multiarray", "scalar"), (Name("numpy", "dtype"), "bytes"))
    weights = state_dict(
        [
            ("transposed", Tensor(shared, (4, 3), (1, 4))),
            ("tail", Tensor(shared, (3,), (1,), 9, "_rebuild_tensor")),
            ("half", tensor(NUMBERS.astype(np.float16), "9")),
            ("brain", tensor(np.array([0x3FC0, 0xC000], np.uint16), "11")),
            ("count", tensor(np.array(1234), "2")),
        ]
    )
    momentum = {"state": {0: {"momentum_buffer": tensor(np.ones(5, np.float32), "1")}}}
    return {"meta": {"epoch": scalar}, "state_dict": weights, "optimizer": momentum}


def arrays_in(path: Path) -> dict[str, np.ndarray]:
    return read_torch_stream(path)[0]


@pytest.mark.parametrize("packed", ["of python 3.7", "of python 2.7"])
def test_files_that_torch_wrote_are_read_to_the_bit(packed: str, tmp_path: Path) -> None:
    if packed == "of python 3.7":
        content = base64.b85decode("".join(TORCH_1_1_OF_PYTHON_3_7.split()))
    else:
        content = base64.b64decode(TORCH_1_4_OF_PYTHON_2_7)
    (tmp_path / "a.pth").write_bytes(zlib.decompress(content))
    checkpoint = read_checkpoint(tmp_path / "a.pth")
    assert checkpoint.container == "PyTorch's older format"
    assert checkpoint.left_out == {"entries beside the weights (meta)": 1}
    expected = {
        "transposed": NUMBERS.reshape(3, 4).T,
        "tail": NUMBERS[9:],
        "half": NUMBERS[1:3].astype(np.float16),
        "parameter": np.array([1.5, -2], np.float32),
        "count": np.array(1234),
        "columns": NUMBERS.reshape(3, 4)[:, ::2],
    }
    found = arrays_in(tmp_path / "a.pth")
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_shared_transposed_and_narrow_numbers_are_read(protocol: int, tmp_path: Path) -> None:
    """The optimizer's are passed over."""
    found = arrays_in(written(tmp_path / "a.pth", parts_of(small_checkpoint(), protocol)))
    assert found["transposed"].tolist() == NUMBERS.reshape(3, 4).T.tolist()
    assert found["tail"].tolist() == [0.75, 1, 1.25]
    assert found["half"].dtype == np.float16 and found["half"].tolist() == NUMBERS.tolist()
    assert found["brain"].tolist() == [1.5, -2]
    assert found["count"] == 1234 and len(found) == 5


def test_parameters_are_read_as_each_torch_wrote_them(tmp_path: Path) -> None:
    """By a function since 1.1, before that as a class: with its arguments, or with a state."""
    weight = tensor(NUMBERS, "0")
    function = Called(Name("torch._utils", "_rebuild_parameter"), (weight, True, OrderedDict()))
    with_arguments = Called(Name("torch.nn.parameter", "Parameter"), (weight, True))
    with_state = WithState(Name("torch.nn.parameter", "Parameter"), weight, (True, False, None))
    content = {"function": function, "arguments": with_arguments, "state": with_state}
    parts = parts_of(content)
    found = arrays_in(written(tmp_path / "a.pth", parts))
    for name in content:
        assert found[name].tobytes() == NUMBERS.tobytes(), name


def test_a_part_of_a_storage_counts_from_where_it_begins(tmp_path: Path) -> None:
    """Before 0.4 a storage could be a part of another; the file has the whole."""
    part = Stored(NUMBERS, "0", part=("1", 3, 6))
    path = written(tmp_path / "a.pth", parts_of({"w": Tensor(part, (2,), (2,), 1)}))
    assert arrays_in(path)["w"].tolist() == NUMBERS[[4, 6]].tolist()
    part.part = ("1", 3, 3)
    message = refused(written(path, parts_of({"w": Tensor(part, (2,), (2,), 1)})))
    assert "a tensor that reaches beyond its storage" in message
    part.part = ("1", 3, 10)
    message = refused(written(path, parts_of({"w": Tensor(part, (2,), (2,), 1)})))
    assert "a part of a storage that reaches beyond it" in message


def test_an_expanded_tensor_has_its_numbers_again_and_again(tmp_path: Path) -> None:
    column = Stored(NUMBERS[:2], "0")
    path = written(tmp_path / "a.pth", parts_of({"w": Tensor(column, (2, 3), (1, 0))}))
    assert arrays_in(path)["w"].tolist() == [[-1.5] * 3, [-1.25] * 3]
    path = written(path, parts_of({"w": Tensor(column, (2, 2**40), (1, 0))}))
    assert "more numbers than the file has" in refused(path)


def test_numbers_in_one_piece_are_not_copied(tmp_path: Path) -> None:
    """A model has hundreds of megabytes, which are read once."""
    numbers = np.zeros(2**20, np.float32)
    content = {"whole": tensor(numbers, "0"), "half": Tensor(Stored(numbers, "1"), (2**19,), (1,))}
    path = written(tmp_path / "a.pth", parts_of(content))
    tracemalloc.start()
    try:
        found = arrays_in(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found["whole"].shape == (2**20,)
    # The two storages, and the beginning of the file, in which the pickles are.
    assert peak < 2.1 * path.stat().st_size


NAMES = ["os.system", "builtins.eval", "__builtin__.exec", "torch._utils._import_dotted_name"]


@pytest.mark.parametrize("place", [1, 2, 3, 4], ids=["version", "facts", "content", "keys"])
@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_that_would_run_code_is_refused_wherever_it_is(
    name: str, place: int, tmp_path: Path
) -> None:
    module, _, function = name.rpartition(".")
    evil = parts_of(Called(Name(module, function), (f"touch {tmp_path}/ran",)))[3]
    parts = parts_of(small_checkpoint())
    parts[place] = evil
    message = refused(written(tmp_path / "evil.pth", parts))
    assert "would run code: its pickle names" in message and function in message
    assert not (tmp_path / "ran").exists()


def test_a_real_call_among_the_tensors_does_not_happen(tmp_path: Path) -> None:
    """It is a real one: Python's own reader would have run it."""
    marker = tmp_path / "ran"
    call = Called(Name("os", "mkdir"), (str(marker),))
    parts = parts_of(state_dict([("w", tensor(NUMBERS, "0")), ("v", call)]))
    assert "names os.mkdir" in refused(written(tmp_path / "evil.pth", parts))
    assert not marker.exists()
    pickle.loads(parts_of(call)[3])
    assert marker.is_dir()


@pytest.mark.parametrize(
    "name", ["torch.Size", "torch.nn.parameter.Parameter", "numpy.dtype", "collections.OrderedDict"]
)
def test_what_stands_for_a_class_cannot_be_changed(name: str, tmp_path: Path) -> None:
    """BUILD of (None, {...}) sets attributes: it would go on in the process after the file."""
    module, _, attribute = name.rpartition(".")
    build = b"N}X\x07\x00\x00\x00__new__NsX\x04\x00\x00\x00evilNs\x86b."
    content = f"\x80\x02c{module}\n{attribute}\n".encode("latin-1") + build
    message = refused(written(tmp_path / "a.pth", changed(3, content)(parts_of({}))))
    assert "pickle cannot be read" in message
    for stand_in in (stand_ins.MakeSize, stand_ins.Parameter, stand_ins.IgnoredObject):
        assert not hasattr(stand_in, "evil")


def test_a_whole_model_is_refused_by_the_name_of_its_class(tmp_path: Path) -> None:
    model = Called(Name("models.pose_resnet", "PoseResNet"), ())
    message = refused(written(tmp_path / "a.pth", parts_of(model)))
    assert "names models.pose_resnet.PoseResNet" in message
    assert "torch.save(model.state_dict(), FILE)" in message


def changed(place: int, part: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda parts: [*parts[:place], part, *parts[place + 1 :]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed(0, pickle.dumps([MAGIC], 2)), "its magic number is not PyTorch's"),
        (changed(1, pickle.dumps(1002, 2)), "is of version 1002 of PyTorch's older format"),
        (changed(2, pickle.dumps(None, 2)), "facts of the machine"),
        (changed(4, pickle.dumps("keys", 2)), "its list of storages is none"),
        (changed(4, pickle.dumps([1, 2], 2)), "its list of storages is none"),
        (changed(4, pickle.dumps(["1", "10", "11", "2"], 2)), "is not of those"),
        (changed(4, pickle.dumps(["1", "10", "11", "2", "2"], 2)), "is not of those"),
        (changed(4, pickle.dumps(["1", "10", "11", "2", "3"], 2)), "is not of those"),
        (changed(5, storage_bytes(NUMBERS[:4])), "storage '1' has 4 numbers"),
        (changed(5, (2**62).to_bytes(8, "little")), "storage '1' has 46116860"),
        (lambda parts: [*parts, b"\n"], "but it has"),
        (lambda parts: parts[:-1], "its storages reach to"),
        (lambda parts: [*parts[:-1], parts[-1][:-1]], "its storages reach to"),
        (lambda parts: parts[:4], "pickle cannot be read"),
        (lambda parts: parts[:1], "pickle cannot be read"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    change: Callable[[list[bytes]], list[bytes]], reason: str, tmp_path: Path
) -> None:
    message = refused(written(tmp_path / "a.pth", change(parts_of(small_checkpoint()))))
    assert reason in message
    assert "etch it again" in message


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ([Stored(NUMBERS, "0", claims=2**60)], "its storages reach to"),
        ([Stored(NUMBERS, "0", claims=-1)], "other than a storage"),
        ([Stored(NUMBERS, "0"), Stored(NUMBERS, "0", claims=6)], "two kinds or sizes"),
        ([Stored(NUMBERS, "0"), Stored(np.arange(12), "0")], "two kinds or sizes"),
    ],
)
def test_a_storage_of_another_size_or_kind_is_refused_before_it_is_read(
    stored: list[Stored], reason: str, tmp_path: Path
) -> None:
    tensors = {f"w{index}": Tensor(each, (2,), (1,)) for index, each in enumerate(stored)}
    path = written(tmp_path / "a.pth", parts_of(tensors))
    tracemalloc.start()
    try:
        assert reason in refused(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**22


def test_it_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    """Inside of each part and between them, around each end, and after every 13th byte."""
    parts = parts_of(small_checkpoint())
    content = b"".join(parts)
    ends = accumulate(map(len, parts))
    lengths = {end + step for end in ends for step in (-1, 0, 1)} | set(range(0, len(content), 13))
    for length in sorted(lengths - {len(content), len(content) + 1}):
        (tmp_path / "cut.pth").write_bytes(content[:length])
        refused(tmp_path / "cut.pth")


def test_garbled_files_are_read_or_refused_quickly_and_in_little_memory(tmp_path: Path) -> None:
    """Numbers have no checksum, so that a change among them alone is not noticed."""
    content = b"".join(parts_of(small_checkpoint()))
    numbers = np.random.default_rng(23)
    path = tmp_path / "garbled.pth"
    refusals = 0
    tracemalloc.start()
    try:
        begin = time.perf_counter()
        for _ in range(300):
            garbled = bytearray(content)
            for place in numbers.integers(14, len(content), numbers.integers(1, 4)):
                garbled[place] = numbers.integers(256)
            first, second = sorted(numbers.integers(14, len(content), 2))
            if numbers.random() < 0.3:
                garbled[first:second] = garbled[second:]
            path.write_bytes(garbled)
            try:
                read_checkpoint(path)
            except DataError:
                refused(path)
                refusals += 1
        seconds = time.perf_counter() - begin
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refusals > 150
    assert seconds < 60 and peak < 2**22


def test_an_ordered_dict_of_a_list_is_made_a_bounded_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 2 writes one so. The same list, named again and again, would take hours."""
    monkeypatch.setattr(stand_ins, "_MOST_ITEMS", 100)
    many = [[str(index), None] for index in range(40)]
    make = Name("collections", "OrderedDict")
    content = parts_of([Called(make, (many,)) for _ in range(3)])
    message = refused(written(tmp_path / "a.pth", content))
    assert "an ordered dict of what no weights file has" in message


@pytest.mark.parametrize("items", [3, [1], [["a"]], [[1, 2]], "ab"])
def test_an_ordered_dict_of_no_pairs_is_refused(items: Any, tmp_path: Path) -> None:
    content = Called(Name("collections", "OrderedDict"), (items,))
    assert "pickle cannot be read" in refused(written(tmp_path / "a.pth", parts_of(content)))


def test_names_that_would_write_to_the_terminal_are_quoted(tmp_path: Path) -> None:
    """A pickle may hold any text as a name, control sequences among them."""
    evil = b"\x80\x04\x8c\x02os\x8c\x08\n\x1b[2Jrun\x93."
    message = refused(written(tmp_path / "a.pth", changed(3, evil)(parts_of({}))))
    assert "\x1b" not in message and "run" in message
    message = refused(written(tmp_path / "b.pth", parts_of({"\x1b[2J": "x" * 10_000})))
    assert "\x1b" not in message and "not a tensor" in message


def test_order_of_bytes_is_that_of_the_format_not_of_the_machine(tmp_path: Path) -> None:
    """torch writes numbers little-endian on every machine, and says the machine's order."""
    facts = pickle.dumps(FACTS | {"little_endian": False}, 2)
    parts = changed(2, facts)(parts_of({"w": tensor(NUMBERS, "0")}))
    assert arrays_in(written(tmp_path / "a.pth", parts))["w"].tolist() == NUMBERS.tolist()
