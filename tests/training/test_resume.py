"""A training that was stopped and goes on ends as one that was not.

All runs here have two stages, an average of weights, augmentation, Adam and a falling learning
rate: whatever a resumed training would forget of these shows in its losses.
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from forked_processes import start
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset, load_dataset, load_model
from simplebase.errors import DataError, MissingFileError, TrainingError
from simplebase.training import StepMetrics, TrainingResult, resume
from simplebase.training.runs.curves import read_metrics
from simplebase.training.runs.folder import Run
from simplebase.training.runs.state import load_progress

# With other tests of processes: what they are forked from is started once.
pytestmark = pytest.mark.xdist_group("processes")

RECIPE = tiny_recipe(total_epoch=3, transfer_epoch=1, ema=0.9, learning_rate=0.01)
SAVE_EVERY_STEPS = 2
TIMEOUT = 240  # seconds; it takes two, and more on a busy machine
STEPS = [(epoch, step) for epoch in (1, 2, 3) for step in (1, 2, 3, 4)]


class Snapshots(Recorder):
    """Copies the run's folder as it is after some of the steps: what a kill would leave then."""

    def __init__(self, run: Path, target: Path) -> None:
        super().__init__()
        self.run, self.target = run, target

    def stepped(self, metrics: StepMetrics) -> None:
        super().stepped(metrics)
        if (metrics.epoch, metrics.step) in ((1, 1), (2, 1)):
            self.copy(f"{metrics.epoch}-{metrics.step}")

    def ended(self) -> None:
        super().ended()
        self.copy("end")

    def copy(self, name: str) -> None:
        shutil.copytree(self.run, self.target / name)


@pytest.fixture(scope="module")
def uninterrupted(
    figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Snapshots]:
    """The run that the others are compared with, and what it told; not to be written to."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    observer = Snapshots(folder / "run", folder / "snapshots")
    train_tiny(
        figures,
        folder / "run",
        recipe=RECIPE,
        observer=observer,
        save_every_steps=SAVE_EVERY_STEPS,
    )
    assert observer.places == STEPS
    return folder / "run", observer


@pytest.fixture
def snapshot(uninterrupted: tuple[Path, Snapshots], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the run as it was at a moment."""
    _, observer = uninterrupted
    return lambda name: Path(shutil.copytree(observer.target / name, tmp_path / "run"))


def go_on(folder: Path, **arguments: Any) -> tuple[TrainingResult, Recorder]:
    recorder = Recorder()
    with one_layer_network():
        return resume(folder, observer=recorder, **arguments), recorder


def require_same(folder: Path, recorder: Recorder, uninterrupted: tuple[Path, Recorder]) -> None:
    """What `folder` holds in the end is what an uninterrupted training gives.

    Sums over threads may differ in their last bits, so not to the last digit.
    """
    other, whole = uninterrupted
    losses = [step.loss for step in whole.steps[len(whole.steps) - len(recorder.steps) :]]
    np.testing.assert_allclose(recorder.losses, losses, rtol=1e-4)
    rows, expected = (
        [(row.epoch, row.loss, row.val_pck, row.learning_rate) for row in read_metrics(run)]
        for run in (folder, other)
    )
    np.testing.assert_allclose(np.array(rows, float), np.array(expected, float), rtol=1e-4)
    weights, theirs = (
        load_model(run / "checkpoints" / "last.keras").get_weights() for run in (folder, other)
    )
    for mine, target in zip(weights, theirs, strict=True):
        np.testing.assert_allclose(mine, target, rtol=1e-3, atol=1e-4)
    summary, target = (json.loads((run / "summary.json").read_text()) for run in (folder, other))
    assert summary.pop("best") == target.pop("best")
    assert summary == pytest.approx(target, rel=1e-4)
    kept = [
        sorted(path.name[:8] for path in Run(run).checkpoints.iterdir()) for run in (folder, other)
    ]
    assert kept[0] == kept[1]


def train_and_hang(data: str, folder: Path) -> None:
    """Trains in a process of its own until the third step of the second epoch, then waits."""

    class Hanging(Recorder):
        def stepped(self, metrics: StepMetrics) -> None:
            if (metrics.epoch, metrics.step) == (2, 3):
                (folder / "hangs").touch()
                time.sleep(600)

    train_tiny(
        load_dataset(data),
        folder,
        recipe=RECIPE,
        observer=Hanging(),
        save_every_steps=SAVE_EVERY_STEPS,
    )


def test_a_killed_training_loses_only_the_steps_since_the_last_save(
    uninterrupted: tuple[Path, Snapshots], figures: KeypointDataset, tmp_path: Path
) -> None:
    folder, output = tmp_path / "run", tmp_path / "output"
    process = start(train_and_hang, figures.name, folder, output=output)
    end = time.monotonic() + TIMEOUT
    while not (folder / "hangs").exists() and process.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, output.read_text()
    (folder / "hangs").unlink()
    assert [row.epoch for row in read_metrics(folder)] == [1]

    _, recorder = go_on(folder)
    assert recorder.places == STEPS[STEPS.index((2, 3)) :]
    require_same(folder, recorder, uninterrupted)


@pytest.mark.usefixtures("eager_steps")
@pytest.mark.parametrize(("moment", "first"), [("1-1", (1, 1)), ("2-1", (2, 1))])
def test_a_training_goes_on_from_the_last_epoch_that_ended_or_starts_anew(
    uninterrupted: tuple[Path, Snapshots],
    snapshot: Callable[[str], Path],
    moment: str,
    first: tuple[int, int],
) -> None:
    folder = snapshot(moment)
    assert Run(folder).state.exists() == (moment != "1-1")
    _, recorder = go_on(folder)
    assert recorder.plans[0].first_epoch == first[0]
    assert recorder.places == STEPS[STEPS.index(first) :]
    require_same(folder, recorder, uninterrupted)


@pytest.mark.usefixtures("eager_steps")
def test_an_epoch_whose_state_was_not_yet_saved_is_repeated_with_all_its_files(
    uninterrupted: tuple[Path, Snapshots], snapshot: Callable[[str], Path], tmp_path: Path
) -> None:
    # The models and metrics of two more epochs, but the state of the first: worse than any kill.
    state = Run(snapshot("2-1")).state.read_bytes()
    folder = Path(shutil.copytree(uninterrupted[1].target / "end", tmp_path / "later"))
    Run(folder).state.write_bytes(state)
    _, recorder = go_on(folder)
    assert recorder.places == STEPS[STEPS.index((2, 1)) :]
    require_same(folder, recorder, uninterrupted)


def test_a_training_that_only_lacks_its_summary_writes_it(
    uninterrupted: tuple[Path, Snapshots], snapshot: Callable[[str], Path]
) -> None:
    folder = snapshot("end")
    assert not (folder / "summary.json").exists()
    result, recorder = go_on(folder)
    assert not recorder.steps and len(result.epochs) == 3
    require_same(folder, recorder, uninterrupted)


def test_checkpoints_that_a_kill_left_too_many_are_removed(
    snapshot: Callable[[str], Path],
) -> None:
    run = Run(snapshot("end"))
    left = run.checkpoints / "epoch000_loss9.0000_pck0.0000.keras"
    left.write_bytes(b"not among the best")
    go_on(run.folder)
    assert not left.exists()
    assert len(list(run.checkpoints.glob("epoch*"))) == 3


@pytest.mark.usefixtures("eager_steps")
@pytest.mark.parametrize(
    ("number", "after", "stopped", "first"),
    [
        # A signal is seen with the next step, after the epoch's last one while validating.
        (signal.SIGINT, (1, 2), (1, 3), (1, 4)),
        (signal.SIGTERM, (2, 4), (2, 4), (3, 1)),
    ],
)
def test_a_signal_saves_the_state_and_says_how_to_go_on(
    uninterrupted: tuple[Path, Snapshots],
    figures: KeypointDataset,
    tmp_path: Path,
    number: signal.Signals,
    after: tuple[int, int],
    stopped: tuple[int, int],
    first: tuple[int, int],
) -> None:
    folder = tmp_path / "run"
    before = signal.getsignal(number)
    observer = Recorder(lambda: os.kill(os.getpid(), number), after)
    with pytest.raises(TrainingError) as caught:
        train_tiny(figures, folder, recipe=RECIPE, observer=observer)
    assert str(caught.value) == (
        f"stopped by {number.name} in epoch {stopped[0]} after step {stopped[1]} of 4; nothing is "
        f"lost. simplebase train --resume {folder} continues from here."
    )
    assert observer.places[-1] == stopped and observer.ends == 1
    assert signal.getsignal(number) is before
    progress = load_progress(Run(folder).state)
    assert (progress.epoch, progress.step) == stopped

    _, recorder = go_on(folder)
    assert recorder.places == STEPS[STEPS.index(first) :]
    require_same(folder, recorder, uninterrupted)


# === What resume refuses ===


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def require_refused(folder: Path, error: type[Exception], message: str, **arguments: Any) -> None:
    before = content(folder)
    with pytest.raises(error, match=message):
        go_on(folder, **arguments)
    assert content(folder) == before


def change_config(folder: Path, change: Callable[[Any], None]) -> None:
    path = Run(folder).config
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config))


def test_a_folder_that_is_no_run_is_not_resumed(tmp_path: Path) -> None:
    require_refused(tmp_path, MissingFileError, "is not a run: it has no config.yaml")
    require_refused(tmp_path / "absent", MissingFileError, "absent: the run does not exist")


def test_a_complete_run_is_not_resumed(uninterrupted: tuple[Path, Snapshots]) -> None:
    require_refused(uninterrupted[0], DataError, "is complete: all 3 epochs are done")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(seed=-1), r"config\.yaml, key 'seed': .*Received: -1"),
        (lambda config: config["recipe"].update(learning_rat=1), "'recipe.learning_rat'"),
        (lambda config: config["preset"]["head"].pop("name"), "'preset.head.name'"),
        (lambda config: config.pop("dataset"), "'dataset'"),
    ],
)
def test_a_damaged_config_is_named_with_the_key(
    snapshot: Callable[[str], Path], change: Callable[[Any], None], message: str
) -> None:
    folder = snapshot("2-1")
    change_config(folder, change)
    require_refused(folder, DataError, message)


@pytest.mark.parametrize("text", ["", "a list", "preset: [", "\x00"])
def test_a_config_that_is_something_else_is_named(
    snapshot: Callable[[str], Path], text: str
) -> None:
    folder = snapshot("2-1")
    Run(folder).config.write_text(text)
    require_refused(folder, DataError, r"config\.yaml")


def test_a_damaged_state_is_named(snapshot: Callable[[str], Path]) -> None:
    folder = snapshot("2-1")
    Run(folder).state.write_bytes(b"PK")
    require_refused(folder, DataError, r"state\.npz")


def test_the_state_of_another_network_is_refused(snapshot: Callable[[str], Path]) -> None:
    folder = snapshot("2-1")
    change_config(folder, lambda config: config["preset"]["head"].update(channels=[8, 8, 4]))
    require_refused(folder, DataError, r"state\.npz: the saved values of weights do not fit")


def test_another_dataset_is_refused_but_the_same_one_elsewhere_is_not(
    snapshot: Callable[[str], Path], copied: KeypointDataset
) -> None:
    folder = snapshot("end")
    fewer = copied.select(np.arange(39))
    require_refused(
        folder, DataError, "32 train and 8 val .*has other records .32 and 7.", dataset=fewer
    )
    assert copied.name != yaml.safe_load(Run(folder).config.read_text())["dataset"]["folder"]
    result, _ = go_on(folder, dataset=copied)
    assert len(result.epochs) == 3
