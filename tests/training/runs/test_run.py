"""The folder of a run: what is in it, and what may take its place."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import tiny_recipe, train_tiny

from simplebase import KeypointDataset, load_model
from simplebase.errors import InUseError, OutputExistsError
from simplebase.images import read_image
from simplebase.training import EpochMetrics, TrainingResult, resume, trainer
from simplebase.training.runs.curves import plot_curves
from simplebase.training.runs.folder import Run, locked_place, locked_run, new_run, require_place
from simplebase.training.runs.state import load_progress

# Its fixtures train or build models: on one worker they are made once.
pytestmark = pytest.mark.xdist_group("test_run")

SCORES = (0.1, 0.5, 0.3, 0.05, 0.2, 0.0, 0.4)


@pytest.fixture(scope="module")
def result(figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """Seven epochs of one step with the val PCKs of `SCORES`; not to be written to."""
    scores = iter(SCORES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "mean_pck", lambda *_: next(scores))
        return train_tiny(
            figures,
            tmp_path_factory.mktemp("runs") / "run",
            recipe=tiny_recipe(batch_size=32, total_epoch=7, augmentation=()),
        )


@pytest.fixture(scope="module")
def folder(result: TrainingResult) -> Path:
    return result.best.parents[1]


def files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder))


def test_a_run_is_these_files_and_no_other(folder: Path, result: TrainingResult) -> None:
    # The five best of the seven epochs; of epochs 4 and 6 nothing is left.
    best_five = {
        f"checkpoints/epoch00{number}_loss{result.epochs[number - 1].loss:.4f}_pck{pck}.keras"
        for number, pck in ((2, "0.5000"), (7, "0.4000"), (3, "0.3000"), (5, "0.2000"))
    } | {f"checkpoints/epoch001_loss{result.epochs[0].loss:.4f}_pck0.1000.keras"}
    events = {name for name in files(folder) if name.startswith("tensorboard/events.")}
    assert len(events) == 1
    assert set(files(folder)) - events == best_five | {
        "config.yaml",
        "metrics.csv",
        "curves.png",
        "val_samples.jpg",
        "summary.json",
        "checkpoints/best.keras",
        "checkpoints/last.keras",
        "checkpoints/state.npz",
    }


def test_metrics_has_a_row_an_epoch(folder: Path, result: TrainingResult) -> None:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == list("1234567")
    assert tuple(float(row["val_pck"]) for row in rows) == SCORES
    for name in ("loss", "learning_rate", "images_per_second"):
        written = [float(row[name]) for row in rows]
        assert written == [getattr(epoch, name) for epoch in result.epochs]


def test_best_is_the_model_of_the_best_epoch_and_last_that_of_the_last(folder: Path) -> None:
    checkpoints = folder / "checkpoints"
    (second,), (seventh,) = (checkpoints.glob(f"epoch00{number}_*") for number in (2, 7))
    best, last = (checkpoints / f"{name}.keras" for name in ("best", "last"))
    assert best.read_bytes() == second.read_bytes()
    assert last.read_bytes() == seventh.read_bytes()
    before, after = (load_model(path).get_weights() for path in (best, last))
    assert any((one != other).any() for one, other in zip(before, after, strict=True))


def test_the_summary_tells_the_best_epoch(folder: Path, result: TrainingResult) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["best"] == "checkpoints/best.keras"
    assert (summary["best_epoch"], summary["val_pck"]) == (2, 0.5)
    assert (summary["train_records"], summary["val_records"]) == (32, 8)
    assert 0 < summary["mean_pose_pck"] < 1
    assert (result.best_epoch, result.val_pck) == (2, 0.5)


def test_the_state_has_all_epochs_behind_it(folder: Path, result: TrainingResult) -> None:
    progress = load_progress(folder / "checkpoints" / "state.npz")
    assert (progress.epoch, progress.step) == (8, 0)
    assert tuple(progress.epochs) == result.epochs


def test_curves_samples_and_tensorboard_show_the_training(folder: Path) -> None:
    assert np.ptp(read_image(folder / "curves.png")) > 0
    assert np.ptp(read_image(folder / "val_samples.jpg")) > 0
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert [event.step for event in events.Tensors("loss/epoch")] == [1, 2, 3, 4, 5, 6, 7]
    # Pictures of the fifth epoch and of the last.
    assert [event.step for event in events.Tensors("validation")] == [5, 7]


def test_without_labels_to_validate_on_the_last_epoch_is_the_best(
    figures: KeypointDataset, tmp_path: Path, eager_steps: None
) -> None:
    keypoints = figures.records.keypoints.copy()
    keypoints[figures.records.validation, :, 2] = 0
    unlabelled = replace(figures, records=replace(figures.records, keypoints=keypoints))
    result = train_tiny(
        unlabelled,
        tmp_path / "run",
        recipe=tiny_recipe(batch_size=32, total_epoch=6, augmentation=()),
    )
    assert (result.best_epoch, result.val_pck, result.mean_pose_pck) == (6, None, None)
    names = sorted(path.name for path in result.best.parent.glob("epoch*"))
    assert names == [f"epoch00{row.epoch}_loss{row.loss:.4f}.keras" for row in result.epochs[1:]]
    assert result.best.read_bytes() == result.best.with_name("last.keras").read_bytes()
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 7 and ",," in rows[1]


def finished_run(tmp_path: Path) -> Path:
    run = Run(tmp_path / "run")
    with new_run(run):
        run.write_config({"seed": 1})
        run.write_metrics([EpochMetrics(1, 0.5, None, 1e-3, 10.0)])
        run.best.write_bytes(b"earlier")
    return run.folder


@pytest.mark.parametrize("name", ["thesis.tex", "config.yaml"])
def test_overwrite_never_removes_a_folder_that_is_no_run(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(OutputExistsError, match="not an earlier output"):
        require_place(tmp_path, overwrite=True)


def test_overwrite_never_removes_what_somebody_put_into_a_run(tmp_path: Path) -> None:
    folder = finished_run(tmp_path)
    (folder / "notes.md").write_text("precious")
    with pytest.raises(OutputExistsError, match=r"holds notes\.md.*Move it away"):
        require_place(folder, overwrite=True)


def test_overwrite_never_removes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("precious")
    with pytest.raises(OutputExistsError, match="not an earlier output"):
        require_place(path, overwrite=True)


def test_a_run_is_not_replaced_without_overwrite(tmp_path: Path) -> None:
    folder = finished_run(tmp_path)
    with pytest.raises(OutputExistsError, match="pass --overwrite"):
        require_place(folder, overwrite=False)
    require_place(folder, overwrite=True)


def test_a_new_run_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    run = Run(finished_run(tmp_path))
    with new_run(run):
        assert not run.best.exists() and not run.config.exists()
        run.best.write_bytes(b"new")
    assert list(files(tmp_path)) == ["run/checkpoints/best.keras"]
    assert run.best.read_bytes() == b"new"


def test_a_run_that_ends_without_a_checkpoint_leaves_what_was_there(tmp_path: Path) -> None:
    other = Run(tmp_path / "new" / "other")
    with pytest.raises(RuntimeError), new_run(other):
        other.write_config({"seed": 1})
        raise RuntimeError
    assert not list(tmp_path.iterdir())

    run = Run(finished_run(tmp_path))
    before = sorted(files(run.folder))
    with pytest.raises(KeyboardInterrupt), new_run(run):
        run.write_config({"seed": 2})
        raise KeyboardInterrupt
    assert sorted(files(run.folder)) == before
    assert "seed: 1" in run.config.read_text()


def test_a_run_that_can_be_resumed_stays(tmp_path: Path) -> None:
    run = Run(finished_run(tmp_path))
    with pytest.raises(RuntimeError), new_run(run):
        run.state.write_bytes(b"in the first epoch")
        raise RuntimeError
    assert list(files(tmp_path)) == ["run/checkpoints/state.npz"]


def test_an_empty_folder_becomes_a_run_and_stays_the_link_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    run = Run(tmp_path / "run")
    run.folder.symlink_to(tmp_path / "disk")
    require_place(run.folder, overwrite=False)
    with pytest.raises(RuntimeError), new_run(run):
        raise RuntimeError
    assert run.folder.is_symlink() and not list(run.folder.iterdir())
    with new_run(run):
        run.best.write_bytes(b"new")
    assert (tmp_path / "disk" / "checkpoints" / "best.keras").exists()


def test_tidying_removes_partial_files_and_brings_back_the_best(tmp_path: Path) -> None:
    run = Run(finished_run(tmp_path))
    (run.checkpoints / ".state.npz.x.partial").mkdir()
    (run.checkpoints / ".state.npz.x.partial" / "state.npz").write_bytes(b"half")
    (run.checkpoints / "epoch001_loss0.5000_pck0.1000.keras").write_bytes(b"one")
    run.best.write_bytes(b"of an epoch that will be repeated")
    run.state.write_bytes(b"of the epoch before")
    (run.folder / ".earlier" / "checkpoints").mkdir(parents=True)
    run.tidy(EpochMetrics(1, 0.5, 0.1, 1e-3, 10.0))
    assert run.best.read_bytes() == b"one"
    assert not list(run.checkpoints.glob(".*")) and not list(run.folder.glob(".*"))


# === One process a run ===


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_in_which_a_process_trains_is_not_trained_in(
    figures: KeypointDataset, tmp_path: Path, overwrite: bool
) -> None:
    run = Run(finished_run(tmp_path))
    with locked_run(run):
        before = {name: (run.folder / name).read_bytes() for name in files(run.folder)}
        for go in (
            lambda: train_tiny(figures, run.folder, overwrite=overwrite),
            lambda: train_tiny(figures, tmp_path / "run" / ".", overwrite=overwrite),
        ):
            with pytest.raises(InUseError, match=r"run is in use: process \d+ on .*--run-dir"):
                go()
        assert {name: (run.folder / name).read_bytes() for name in files(run.folder)} == before


def test_a_run_that_is_trained_is_not_resumed(folder: Path) -> None:
    with locked_run(Run(folder)):
        with pytest.raises(InUseError, match="run is in use"):
            resume(folder)


def test_a_run_that_is_trained_can_be_read(folder: Path, tmp_path: Path) -> None:
    with locked_run(Run(folder)):
        assert len(plot_curves([folder], tmp_path / "curves.png")["run"]) == 7
        load_model(folder / "checkpoints" / "best.keras")


def test_a_folder_of_somebody_else_gets_no_lock_file(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    before = tmp_path.stat().st_mtime_ns
    with pytest.raises(OutputExistsError), locked_place(Run(tmp_path), overwrite=True):
        pass
    assert list(files(tmp_path)) == ["thesis.tex"] and tmp_path.stat().st_mtime_ns == before


def test_a_lock_file_that_a_crash_left_is_in_nobodys_way(tmp_path: Path) -> None:
    crashed = Run(tmp_path / "crashed")
    crashed.folder.mkdir()
    crashed.lock.write_text("{}")
    with locked_place(crashed, overwrite=False), new_run(crashed):
        crashed.best.write_bytes(b"new")
    assert list(files(crashed.folder)) == ["checkpoints/best.keras"]

    earlier = Run(finished_run(tmp_path))
    earlier.lock.write_text("{}")
    with pytest.raises(OutputExistsError, match="pass --overwrite"):
        with locked_place(earlier, overwrite=False):
            pass
    with locked_place(earlier, overwrite=True), new_run(earlier):
        earlier.best.write_bytes(b"new")
    assert list(files(earlier.folder)) == ["checkpoints/best.keras"]


def test_a_refused_training_leaves_no_folder(tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "new")
    with pytest.raises(RuntimeError), locked_place(run, overwrite=False):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_two_trainings_need_stays_for_the_second(tmp_path: Path) -> None:
    first, second = Run(tmp_path / "runs" / "first"), Run(tmp_path / "runs" / "second")
    with pytest.raises(RuntimeError), locked_place(first, overwrite=False):
        with locked_place(second, overwrite=False):
            raise RuntimeError
    with pytest.raises(RuntimeError), locked_place(first, overwrite=False):
        second.folder.mkdir()
        raise RuntimeError
    assert not first.folder.exists() and second.folder.exists()
