"""The file that a training goes on from."""

import errno
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from simplebase.errors import DataError, MissingFileError
from simplebase.training.runs.metrics import EpochMetrics
from simplebase.training.runs.state import (
    RunProgress,
    Variables,
    load_progress,
    load_state,
    save_state,
)


def variables(value: float, shape: tuple[int, ...] = (2, 3)) -> Variables:
    """Weights, and an optimizer with a counter; all of `value`."""
    weights = [keras.Variable(np.full(shape, value, np.float32)), keras.Variable([value])]
    return {"weights": weights, "optimizer": [keras.Variable(int(value), dtype="int64")]}


def progress() -> RunProgress:
    """In the third step of the second epoch."""
    result = RunProgress()
    result.add_step(0.75, 1e-3)
    result.add_epoch(EpochMetrics(1, 0.75, 0.1, 1e-3, 12.5))
    result.add_step(1 / 3, 0.1)
    result.add_step(0.2, 0.1)
    return result


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state in which everything is 7."""
    save_state(tmp_path / "state.npz", variables(7), progress())
    return tmp_path / "state.npz"


def values(of: Variables) -> list[Any]:
    return [variable.numpy().tolist() for group in of.values() for variable in group]


def test_a_state_comes_back_as_it_was(path: Path) -> None:
    restored = variables(0)
    load_state(path, restored)
    assert values(restored) == [[[7.0] * 3] * 2, [7.0], 7]
    assert load_progress(path) == progress()


def test_variables_that_are_not_asked_for_stay_in_the_file(path: Path) -> None:
    weights = variables(0)["weights"]
    load_state(path, {"weights": weights})
    assert weights[1].numpy().tolist() == [7.0]


def test_a_newer_state_takes_the_place_of_the_older_and_leaves_nothing_else(path: Path) -> None:
    save_state(path, variables(8), RunProgress(epoch=5))
    assert load_progress(path) == RunProgress(epoch=5)
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_earlier_state(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(file: Any, **arrays: Any) -> None:
        file.write(b"PK half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_state(path, variables(8), RunProgress(epoch=5))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def huge(path: Path) -> None:
    """An array that claims 8 TB in a file of a few hundred bytes."""
    np.savez(path, progress=np.array("{}"), **{"weights/0": np.zeros(8)})
    content = path.read_bytes()
    assert content.count(b"(8,), }") == 1
    path.write_bytes(content.replace(b"(8,), }            ", b"(1000000000000,), }"))


def inflating(path: Path) -> None:
    """A compressed array of a thousand times the file."""
    np.savez_compressed(path, progress=np.array("{}"), **{"weights/0": np.zeros(1_000_000)})


def objects(path: Path) -> None:
    np.savez(path, progress=np.array([{}], object), allow_pickle=True)


DAMAGES = {
    "a huge array": huge,
    "an inflating array": inflating,
    "Python objects": objects,
    "a progress without end": lambda path: np.savez(path, progress=np.array("[" * 100_000)),
    "an epoch that is no number": lambda path: np.savez(
        path, progress=np.array(json.dumps(RunProgress().to_config() | {"epoch": "1"}))
    ),
    "nothing": lambda path: path.write_bytes(b""),
    "a text": lambda path: path.write_text("hello"),
    "half of it": lambda path: path.write_bytes(path.read_bytes()[:300]),
    "an array": one_array,
    "other arrays": lambda path: np.savez(path, images=np.zeros(3)),
    "a progress that is no JSON": lambda path: np.savez(path, progress=np.array("{")),
    "a progress that is a list": lambda path: np.savez(path, progress=np.array("[1, 2]")),
    "a progress that is null": lambda path: np.savez(path, progress=np.array("null")),
    "a progress that is a number": lambda path: np.savez(path, progress=np.array(5)),
    "a progress without epochs": lambda path: np.savez(path, progress=np.array('{"epoch": 1}')),
    "a progress with something else": lambda path: np.savez(
        path, progress=np.array(json.dumps({"epochs": [], "speed": 1}))
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_state_is_named(path: Path, damage: str) -> None:
    DAMAGES[damage](path)
    with pytest.raises(DataError) as caught:
        load_progress(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message


def test_a_number_that_has_changed_on_the_disk_is_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    position = content.index(np.full(6, 7, np.float32).tobytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="state.npz"):
        load_state(path, variables(0))


OTHERS = {
    "another shape": variables(0, shape=(3, 2)),
    "more weights": {"weights": [keras.Variable([0.0])] * 3},
    "another optimizer": {"optimizer": [keras.Variable([0.0])] * 2},
    "an average": {**variables(0), "average": [keras.Variable([0.0])]},
}


@pytest.mark.parametrize("other", OTHERS)
def test_the_state_of_another_model_is_refused_by_its_name(path: Path, other: str) -> None:
    with pytest.raises(DataError, match=r"state\.npz: the saved .*preset or recipe"):
        load_state(path, OTHERS[other])


def test_a_state_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises((DataError, MissingFileError), match="absent.npz"):
        load_progress(tmp_path / "absent.npz")


def scored(*scores: float | None) -> RunProgress:
    result = RunProgress()
    for epoch, score in enumerate(scores, start=1):
        result.add_epoch(EpochMetrics(epoch, 1.0, score, 1e-3, 1.0))
    return result


def test_the_five_best_epochs_are_kept() -> None:
    result = scored(0.1, 0.5, 0.3, 0.05, 0.2, 0.0, 0.4)
    assert sorted(result.kept.values()) == [1, 2, 3, 5, 7]
    assert result.best == result.epochs[1]


def test_of_equal_epochs_the_earlier_is_the_better() -> None:
    result = scored(0.2, 0.5, 0.2, 0.5, 0.3, 0.2, 0.4)
    assert sorted(result.kept.values()) == [1, 2, 4, 5, 7]
    assert result.best == result.epochs[1]
    # An untrained network may find nothing at all for some epochs.
    assert sorted(scored(*[0.0] * 7).kept.values()) == [1, 2, 3, 4, 5]


def test_without_labels_the_last_epochs_are_the_best() -> None:
    result = scored(*[None] * 7)
    assert sorted(result.kept.values()) == [3, 4, 5, 6, 7]
    assert result.best == result.epochs[6]
    assert "epoch007_loss1.0000.keras" in result.kept
