"""Self-training: a run trains its own teacher on the labels first."""

import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset, load_model
from simplebase.errors import DataError, OutputExistsError, TrainingStopped
from simplebase.training import EpochMetrics, StepMetrics, TrainingResult, resume, training
from simplebase.training.runs.folder import Run
from simplebase.training.unlabelled.pool import UnlabelledPool
from simplebase.training.unlabelled.sheet import draw_pseudo_keypoints

# Its fixture trains: on one worker it does so once.
pytestmark = [
    pytest.mark.xdist_group("test_self_training"),
    pytest.mark.usefixtures("eager_steps"),
    pytest.mark.filterwarnings("ignore:the teacher .best.keras. has labelled"),
]

# A network that has learnt nothing yet is sure of little.
RECIPE = tiny_recipe(learning_rate=0.01, unlabelled={"threshold": 1e-3, "mirror": 0.5})
Whole = tuple[Path, Recorder, TrainingResult]


@pytest.fixture(scope="module")
def whole(figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A run that learns from the val images without their labels."""
    import tensorflow as tf

    folder, recorder = tmp_path_factory.mktemp("self") / "run", Recorder()
    tf.config.run_functions_eagerly(True)
    unlabelled = figures.validation
    result = train_tiny(figures, folder, recipe=RECIPE, observer=recorder, unlabelled=unlabelled)
    return folder, recorder, result


def test_a_teacher_learns_from_the_labels_and_labels_the_images(
    whole: Whole, figures: KeypointDataset, tmp_path: Path
) -> None:
    folder, recorder, result = whole
    assert [plan.trains_teacher for plan in recorder.plans] == [True, False]
    assert [plan.unlabelled_samples for plan in recorder.plans] == [0, 8]
    alone = Recorder()
    labels_alone = RECIPE.updated({"unlabelled": None})
    plain = train_tiny(figures, tmp_path / "alone", recipe=labels_alone, observer=alone)
    assert recorder.losses[:8] == pytest.approx(alone.losses, rel=1e-4)
    assert result.teacher_val_pck == plain.val_pck and plain.teacher_val_pck is None
    pool = UnlabelledPool.load(Run(folder).unlabelled)
    assert len(pool) == len(figures.validation) and pool.has_pseudo_keypoints
    assert [row.pseudo_keypoints is None for row in recorder.epochs] == [True, True, False, False]
    assert draw_pseudo_keypoints(folder, count=2).ndim == 3


class Stopper(Recorder):
    """Interrupts the run after some steps or epochs of both trainings together."""

    def __init__(self, steps: int = 0, epochs: int = 0) -> None:
        super().__init__()
        self._last_step, self._last_epoch = steps, epochs

    def stepped(self, metrics: StepMetrics) -> None:
        super().stepped(metrics)
        if len(self.steps) == self._last_step:
            os.kill(os.getpid(), signal.SIGINT)

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        super().epoch_ended(metrics)
        if len(self.epochs) == self._last_epoch:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("stop", [{"steps": 6}, {"epochs": 2}, {"steps": 14}])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    whole: Whole, figures: KeypointDataset, tmp_path: Path, stop: dict[str, int]
) -> None:
    """In the teacher's training, after its last epoch, and in its own training."""
    folder, first, rest = tmp_path / "run", Stopper(**stop), Recorder()
    with pytest.raises(TrainingStopped, match=re.escape(f"--resume {folder} continues from here")):
        train_tiny(figures, folder, recipe=RECIPE, observer=first, unlabelled=figures.validation)
    assert draw_pseudo_keypoints(folder, count=2).ndim == 3
    with one_layer_network():
        resumed = resume(folder, observer=rest)
    other, all_steps, result = whole
    np.testing.assert_allclose(first.losses + rest.losses, all_steps.losses, rtol=1e-4)
    assert resumed.teacher_val_pck == result.teacher_val_pck
    mine, theirs = (load_model(Run(run).last).get_weights() for run in (folder, other))
    for weight, target in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(weight, target, rtol=1e-3, atol=1e-4)


def test_a_teacher_that_is_sure_of_nothing_is_kept(
    figures: KeypointDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    recipe = RECIPE.updated({"unlabelled": {"threshold": 0.99}, "total_epoch": 1})
    teacher = Run(folder / "teacher").best
    told = re.escape(f"--config {folder} --teacher {teacher} --unlabelled-settings")
    with pytest.raises(DataError, match=told):
        train_tiny(figures, folder, recipe=recipe, unlabelled=figures.validation)
    assert teacher.exists()
    # A kill between the teacher's last epoch and its keypoints leaves the same.
    with one_layer_network(), pytest.raises(DataError, match=told):
        resume(folder)
    monkeypatch.setattr(training, "add_pseudo_keypoints", interrupted)
    with one_layer_network(), pytest.raises(TrainingStopped, match="teacher was labelling") as stop:
        resume(folder)
    assert stop.value.exit_code == 130


def interrupted(*arguments: Any, **others: Any) -> None:
    """As Ctrl-C does."""
    raise KeyboardInterrupt


def test_a_run_may_start_from_the_weights_of_the_run_that_it_replaces(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    recipe = RECIPE.updated({"total_epoch": 1})
    train_tiny(figures, folder, recipe=recipe.updated({"unlabelled": None}))
    weights = shutil.copy(Run(folder).best, tmp_path)
    unlabelled = figures.validation
    expected = Recorder()
    train_tiny(
        figures,
        tmp_path / "other",
        recipe=recipe,
        weights=weights,
        backbone_weights="auto",
        unlabelled=unlabelled,
        observer=expected,
    )
    found = Recorder()
    train_tiny(
        figures,
        folder,
        recipe=recipe,
        weights=Run(folder).best,
        backbone_weights="auto",
        unlabelled=unlabelled,
        observer=found,
        overwrite=True,
    )
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-4)


def test_a_run_leaves_a_folder_teacher_of_the_user_alone(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    (tmp_path / "run" / "teacher").mkdir(parents=True)
    (tmp_path / "run" / "teacher" / "notes.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="is not an earlier output"):
        train_tiny(figures, tmp_path / "run", overwrite=True)
