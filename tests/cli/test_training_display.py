"""What the terminal shows while a model trains."""

import io

import pytest
from rich.console import Console

from simplebase.cli import app, training_display
from simplebase.cli.training_display import TrainingDisplay
from simplebase.training import EpochMetrics, Plan, StepMetrics


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    """A terminal 100 characters wide that keeps what it is sent."""
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(training_display, "console", terminal)
    monkeypatch.setattr(app, "console", terminal)
    return terminal


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_bars_tell_the_step_and_lines_the_epochs(console: Console) -> None:
    display = TrainingDisplay("a preset on a dataset")
    display.started(Plan(2, 3, 3, 4, 8))
    for epoch, step in ((2, 3), (2, 4), (3, 1)):
        display.stepped(StepMetrics(epoch, step, 1.25, 5e-4))
        display._progress.refresh()
    display.validating(5, 8)
    display._progress.refresh()
    before = shown(console)
    display.epoch_ended(EpochMetrics(2, 1.5, 0.25, 1e-3, 18.4))
    display.epoch_ended(EpochMetrics(3, 1.25, None, 5e-4, 0.0))
    display.ended()
    for text in (
        "a preset on a dataset",
        "continuing at epoch 2, step 3",
        "epoch 3",
        "validating",
    ):
        assert text in before
    for text in ("loss 1.2500  lr 5.0e-04", "images/s", "4/4", "3/6", "5/8"):
        assert text in before
    after = shown(console)[len(before) :]
    assert [word for word in after.split() if word in ("2/3", "1.5000", "0.250", "18")]
    assert "3/3" in after and "n/a" in after and " - " in after.replace("\n", " ")


def test_the_records_to_finish_on_are_told_of(console: Console) -> None:
    display = TrainingDisplay("a preset on a dataset")
    display.started(Plan(1, 1, 3, 4, 8, first_finishing_epoch=2, finish_records=70))
    display.ended()
    assert "from epoch 2 on, only 70 records" in shown(console)


def test_a_frozen_stage_and_a_signal_are_told_of(console: Console) -> None:
    display = TrainingDisplay("a preset on a dataset")
    display.started(Plan(1, 1, 3, 4, 8, first_stage_ends=2))
    display.stopping("SIGINT")
    display.ended()
    assert "until epoch 2, a part of the network is frozen" in shown(console)
    assert "SIGINT: saving and stopping after this step." in shown(console)


def test_the_two_trainings_of_self_training_are_told_apart(console: Console) -> None:
    display = TrainingDisplay("a preset on a dataset")
    display.started(Plan(1, 1, 1, 4, 8, trains_teacher=True))
    display.ended()
    display.started(Plan(1, 1, 1, 4, 8, unlabelled_records=9, unlabelled_samples=2))
    display.ended()
    text = shown(console)
    assert text.index("training run 1 of 2: the teacher") < text.index(
        "training run 2 of 2: the student"
    )


def test_a_run_that_ends_before_its_first_step_shows_nothing(console: Console) -> None:
    TrainingDisplay("a preset on a dataset").ended()
    assert "a preset" not in shown(console)
