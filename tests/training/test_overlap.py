"""A step starts before the loss of the one before is looked at; nothing is saved before that."""

import math
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_runs import Recorder, tiny_recipe, train_tiny

from simplebase import KeypointDataset
from simplebase.data.pipeline import Batch
from simplebase.errors import DataError, TrainingError
from simplebase.training import distribute
from simplebase.training.feeding import on_devices
from simplebase.training.order import EpochOrder
from simplebase.training.runs.saving import Saver
from simplebase.training.runs.state import RunProgress
from simplebase.training.step import StartedStep, StepResult, TrainingStep

Event = tuple[str, int]


class FakeStep(StartedStep):
    """Trains nothing; the loss of step `step` is its number, NaN for those in `diverging`."""

    diverging: frozenset[int] = frozenset()

    def __init__(self, step: int, stop: bool) -> None:
        self.step, self.stop = step, stop

    def result(self) -> StepResult:
        return StepResult(math.nan if self.step in self.diverging else float(self.step), self.stop)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What a training of fake steps does, in order."""
    found: list[Event] = []
    save, add_step = Saver.save_state, RunProgress.add_step

    def start(self: TrainingStep, shared: Any, step: int, stop: bool = False) -> FakeStep:
        self.is_traced = True
        found.append(("start", step))
        return FakeStep(step, stop)

    def count(self: RunProgress, loss: float, learning_rate: float) -> None:
        found.append(("count", self.step))
        add_step(self, loss, learning_rate)

    def saved(self: Saver, variables: Any, progress: RunProgress) -> None:
        found.append(("save", progress.step))
        save(self, variables, progress)

    monkeypatch.setattr(TrainingStep, "start", start)
    monkeypatch.setattr(RunProgress, "add_step", count)
    monkeypatch.setattr(Saver, "save_state", saved)
    return found


RECIPE = tiny_recipe(total_epoch=1, augmentation=())


def test_a_step_starts_before_the_loss_of_the_one_before_is_looked_at(
    figures: KeypointDataset, tmp_path: Path, events: list[Event]
) -> None:
    recorder = Recorder()
    result = train_tiny(figures, tmp_path / "run", recipe=RECIPE, observer=recorder)
    assert events == [
        # The first one traces the graph: the time is measured from its end on.
        *(("start", 0), ("count", 0)),
        *(("start", 1), ("start", 2), ("count", 1), ("start", 3), ("count", 2)),
        *(("count", 3), ("save", 0)),
    ]
    assert recorder.losses == [0, 1, 2, 3] and recorder.places[-1] == (1, 4)
    assert result.epochs[0].loss == 1.5


def test_before_a_state_is_saved_every_loss_is_looked_at(
    figures: KeypointDataset, tmp_path: Path, events: list[Event]
) -> None:
    train_tiny(figures, tmp_path / "run", recipe=RECIPE, save_every_steps=3)
    assert events == [
        *(("start", 0), ("count", 0)),
        *(("start", 1), ("start", 2), ("count", 1), ("count", 2), ("save", 3)),
        *(("start", 3), ("count", 3), ("save", 0)),
    ]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_loss_that_comes_late_is_told_with_its_own_step_and_images(
    figures: KeypointDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    events: list[Event],
    step: int,
) -> None:
    """Step 1 is found when step 2 runs, step 2 before it is saved, step 3 before validation."""
    monkeypatch.setattr(FakeStep, "diverging", {step, step + 1})
    recorder = Recorder()
    arguments = {"recipe": RECIPE, "observer": recorder, "save_every_steps": 3}
    with pytest.raises(TrainingError) as caught:
        train_tiny(figures, tmp_path / "run", **arguments)
    train = figures.train
    rows = EpochOrder(train, RECIPE, 0)(1).reshape(4, 8)[step]
    names = ", ".join(sorted({train.images.name(int(row)) for row in rows}))
    message = str(caught.value)
    assert message.startswith(f"the loss is nan in epoch 1, step {step + 1}. ")
    assert message.endswith(f"The images of that batch: {names}.")
    assert recorder.losses == [*range(step)]
    assert (("start", 2) in events) and (("save", 3) in events) == (step == 3)
    assert not recorder.validations


def test_no_thread_is_left(
    figures: KeypointDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    events: list[Event],
) -> None:
    monkeypatch.setattr(FakeStep, "diverging", {1})
    before = our_threads()
    with pytest.raises(TrainingError):
        train_tiny(figures, tmp_path / "run", recipe=RECIPE)
    assert our_threads() <= before


def our_threads() -> set[threading.Thread]:
    """Those of the loop and of its batches; batches that Keras's `fit` was given may have some."""
    prefixes = ("devices", "losses", "batches")
    return {each for each in threading.enumerate() if each.name.startswith(prefixes)}


class Handing:
    """In the place of a `Distribution`: writes down which batch it was given, by which thread."""

    def __init__(self) -> None:
        self.shared: list[int] = []
        self.threads: set[str] = set()

    def share(self, batch: Batch) -> Batch:
        assert batch.keys() == {"images", "keypoints"}
        self.shared.append(batch["images"])
        self.threads.add(threading.current_thread().name)
        return batch


def batches(count: int) -> Generator[Batch, None, None]:
    for number in range(count):
        yield {"images": number, "keypoints": -number, "matrices": None}
    raise DataError("damaged")


def test_batches_come_in_order_and_an_error_after_those_before_it() -> None:
    handing, got = Handing(), []
    with pytest.raises(DataError, match="damaged"):
        for batch in on_devices(handing, batches(5)):  # type: ignore[arg-type]
            got.append(batch["images"])
    assert got == handing.shared == [0, 1, 2, 3, 4]


def test_the_next_batch_is_copied_meanwhile_and_no_more() -> None:
    before = our_threads()
    handing = Handing()
    copied = threading.Event()
    share = handing.share

    def told(batch: Batch) -> Batch:
        share(batch)
        if len(handing.shared) == 2:
            copied.set()
        return batch

    handing.share = told  # type: ignore[method-assign]
    shared = on_devices(handing, batches(5))  # type: ignore[arg-type]
    assert next(shared)["images"] == 0
    assert copied.wait(10)
    assert handing.shared == [0, 1]
    assert threading.current_thread().name not in handing.threads
    shared.close()
    assert our_threads() <= before


def test_the_source_of_batches_is_closed_with_it() -> None:
    source = batches(5)
    shared = on_devices(Handing(), source)  # type: ignore[arg-type]
    next(shared)
    shared.close()
    assert next(source, None) is None


def test_what_arrives_is_what_was_read() -> None:
    rng = np.random.default_rng(0)
    given = {
        "images": rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8),
        "keypoints": rng.random((2, 3, 3), np.float32),
    }
    [batch] = on_devices(distribute(), (each for each in [given | {"matrices": None}]))
    for name, values in given.items():
        np.testing.assert_array_equal(batch[name], values)
