"""What TensorBoard reads from the event files of a training."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from simplebase.errors import SimplebaseWarning
from simplebase.training.observer import Plan, StepMetrics
from simplebase.training.runs.metrics import EpochMetrics
from simplebase.training.tensorboard import TensorBoardLog

STEPS = 14


def epoch_metrics(epoch: int, val_pck: float | None = 0.5) -> EpochMetrics:
    return EpochMetrics(epoch, 3.0 / epoch, val_pck, 0.01 / epoch, 10.0 + epoch)


def train(log: TensorBoardLog, first: int, last: int, val_pck: float | None = 0.5) -> None:
    """Tells `log` of the epochs `first` to `last`; a step's loss is `100 * epoch + step`."""
    log.started(Plan(first, 1, last, STEPS, 8))
    for epoch in range(first, last + 1):
        for step in range(1, STEPS + 1):
            log.stepped(StepMetrics(epoch, step, 100.0 * epoch + step, 1.0 / step))
        log.validating(1, 1)
        log.epoch_ended(epoch_metrics(epoch, val_pck))


def read(folder: Path) -> dict[str, dict[int, np.ndarray]]:
    """The values of each tag, by their step."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    return {
        tag: {event.step: make_ndarray(event.tensor_proto) for event in events.Tensors(tag)}
        for tag in events.Tags()["tensors"]
    }


def test_every_tenth_step_of_the_whole_training_is_written(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    train(log, 1, 3)
    log.ended()
    written = read(tmp_path)
    # 14 steps an epoch: step 20 is the second epoch's 6th, step 30 the third's 2nd.
    assert written["loss/step"] == {10: 110, 20: 206, 30: 302, 40: 312}
    assert written["learning_rate/step"] == pytest.approx(
        {10: 1 / 10, 20: 1 / 6, 30: 1 / 2, 40: 1 / 12}
    )


def test_every_epoch_is_written(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    train(log, 1, 3)
    log.ended()
    written = read(tmp_path)
    assert written["loss/epoch"] == {1: 3.0, 2: 1.5, 3: 1.0}
    assert written["val_pck"] == {1: 0.5, 2: 0.5, 3: 0.5}
    assert written["learning_rate/epoch"] == pytest.approx({1: 0.01, 2: 0.005, 3: 0.01 / 3})
    assert written["images_per_second"] == {1: 11, 2: 12, 3: 13}
    assert len(written) == 6


def test_an_epoch_can_be_looked_at_while_the_training_goes_on(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    train(log, 1, 1)
    assert read(tmp_path)["loss/epoch"] == {1: 3.0}
    log.ended()


def test_a_val_split_without_labels_has_no_curve(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    train(log, 1, 2, val_pck=None)
    log.ended()
    written = read(tmp_path)
    assert "val_pck" not in written and set(written["loss/epoch"]) == {1, 2}


def test_a_sheet_comes_back_as_it_was(tmp_path: Path) -> None:
    sheet = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    log = TensorBoardLog(tmp_path)
    log.started(Plan(1, 1, 4, STEPS, 8))
    log.sheet_drawn(4, sheet)
    log.ended()
    ((step, (width, height, png)),) = read(tmp_path)["validation"].items()
    assert (step, int(width), int(height)) == (4, 30, 20)
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(decoded, sheet)


def test_a_resumed_run_goes_on_in_a_file_of_its_own(tmp_path: Path) -> None:
    for first, last in ((1, 2), (3, 4)):
        log = TensorBoardLog(tmp_path)
        train(log, first, last)
        log.ended()
    assert len(list(tmp_path.iterdir())) == 2
    written = read(tmp_path)
    assert list(written["loss/epoch"]) == [1, 2, 3, 4]
    assert list(written["loss/step"]) == [10, 20, 30, 40, 50]


def test_a_training_that_never_started_leaves_nothing(tmp_path: Path) -> None:
    TensorBoardLog(tmp_path / "tensorboard").ended()
    assert not list(tmp_path.iterdir())


def test_a_log_can_be_told_twice_that_it_ended(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    train(log, 1, 1)
    log.ended()
    log.ended()


def test_a_log_that_cannot_be_written_warns_once_and_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    log = TensorBoardLog(tmp_path / "file" / "tensorboard")
    with pytest.warns(SimplebaseWarning, match="TensorBoard's log ends") as warned:
        train(log, 1, 2)
        log.ended()
    assert len(warned) == 1
