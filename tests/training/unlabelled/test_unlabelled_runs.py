"""Whole trainings with unlabelled images: run folder, resume, teacher from a file, refusals."""

import os
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset, load_model
from simplebase.errors import ArgumentError, DataError, SimplebaseNote, TrainingStopped
from simplebase.training import Distribution, resume
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import read_metrics
from simplebase.training.unlabelled.pool import UnlabelledPool
from simplebase.training.unlabelled.sheet import draw_pseudo_keypoints

# Its fixture trains: on one worker it does so once.
pytestmark = [
    pytest.mark.xdist_group("test_unlabelled_runs"),
    pytest.mark.usefixtures("eager_steps"),
]

# A network that has learnt nothing yet is sure of little.
RECIPE = tiny_recipe(
    ema=0.5,
    learning_rate=0.01,
    unlabelled={
        "method": "mean-teacher",
        "threshold": 1e-3,
        "mirror": 0.5,
        "augmentation": [{"name": "rotation", "degrees": 60}, {"name": "random_cutout"}],
    },
)


@pytest.fixture(scope="module")
def uninterrupted(
    figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Recorder]:
    """A run that learns from all figures without their labels, and what it told."""
    import tensorflow as tf

    folder, recorder = tmp_path_factory.mktemp("unlabelled") / "run", Recorder()
    tf.config.run_functions_eagerly(True)
    train_tiny(figures, folder, recipe=RECIPE, observer=recorder, unlabelled=figures)
    return folder, recorder


def test_a_run_keeps_its_images_and_the_share_of_pseudo_keypoints(
    uninterrupted: tuple[Path, Recorder], figures: KeypointDataset
) -> None:
    folder, recorder = uninterrupted
    pool = UnlabelledPool.load(Run(folder).unlabelled)
    assert len(pool) == len(figures) and not pool.has_pseudo_keypoints
    plan = recorder.plans[0]
    assert (plan.unlabelled_records, plan.unlabelled_samples, plan.batch_size) == (40, 8, 16)
    rows = read_metrics(folder)
    assert rows == tuple(recorder.epochs)
    assert any(0 < (row.pseudo_keypoints or 0) < 1 for row in rows)
    assert all(row.pseudo_score is not None for row in rows)


def test_unlabelled_images_change_what_is_learnt(
    uninterrupted: tuple[Path, Recorder], figures: KeypointDataset, tmp_path: Path
) -> None:
    recorder = Recorder()
    plain = tiny_recipe(ema=0.5, learning_rate=0.01, total_epoch=1)
    train_tiny(figures, tmp_path / "run", recipe=plain, observer=recorder)
    _, semi_supervised = uninterrupted
    # At first nothing is sure enough to be learnt: the labelled samples and their views are equal.
    assert recorder.losses[0] == pytest.approx(semi_supervised.losses[0], rel=1e-5)
    assert abs(recorder.losses[3] - semi_supervised.losses[3]) > 1e-3
    assert read_metrics(tmp_path / "run")[0].pseudo_keypoints is None
    with pytest.raises(ArgumentError, match="trained without unlabelled images"):
        draw_pseudo_keypoints(tmp_path / "run")


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    uninterrupted: tuple[Path, Recorder], figures: KeypointDataset, tmp_path: Path
) -> None:
    other, whole = uninterrupted
    folder = tmp_path / "run"
    first = Recorder(lambda: os.kill(os.getpid(), signal.SIGINT), after=(2, 1))
    with pytest.raises(TrainingStopped, match="in epoch 2 after step"):
        train_tiny(figures, folder, recipe=RECIPE, observer=first, unlabelled=figures)
    own = UnlabelledPool.load(Run(folder).unlabelled)
    UnlabelledPool.from_dataset(figures.train).save(Run(folder).unlabelled)
    with pytest.raises(DataError, match="does not list the unlabelled images with which"):
        resume(folder)
    own.save(Run(folder).unlabelled)
    rest = Recorder()
    with one_layer_network():
        resume(folder, observer=rest)
    np.testing.assert_allclose(first.losses + rest.losses, whole.losses, rtol=1e-4)
    for mine, target in zip(read_metrics(folder), read_metrics(other), strict=True):
        assert mine.pseudo_keypoints == pytest.approx(target.pseudo_keypoints, abs=2e-3)
        assert mine.pseudo_score == pytest.approx(target.pseudo_score, rel=1e-3)
    mine, theirs = (load_model(Run(run).last).get_weights() for run in (folder, other))
    for weight, target in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(weight, target, rtol=1e-3, atol=1e-4)


def test_a_teacher_from_a_file_labels_labelled_and_unlabelled_images(
    uninterrupted: tuple[Path, Recorder], figures: KeypointDataset, tmp_path: Path
) -> None:
    recipe = tiny_recipe(total_epoch=1, unlabelled={"threshold": 1e-3, "mirror": None})
    folder, teacher = tmp_path / "run", Run(uninterrupted[0]).last
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SimplebaseNote)
        train_tiny(figures, folder, recipe=recipe, unlabelled=figures.validation, teacher=teacher)
    notes = [str(each.message) for each in caught if each.category is SimplebaseNote]
    assert "the teacher (last.keras) has labelled 40 objects. " in notes[0]
    pool = UnlabelledPool.load(Run(folder).unlabelled)
    assert len(pool) == 40 and pool.has_pseudo_keypoints
    assert pool.paths[:8].tolist() == UnlabelledPool.from_dataset(figures.validation).paths.tolist()
    [row] = read_metrics(folder)
    expected = (pool.keypoints[..., 2] >= 1e-3).mean()
    assert row.pseudo_keypoints == pytest.approx(expected, abs=0.1) and row.pseudo_score is None
    assert draw_pseudo_keypoints(folder, count=3).ndim == 3


def test_a_sheet_shows_what_a_checkpoint_teaches(uninterrupted: tuple[Path, Recorder]) -> None:
    folder, _ = uninterrupted
    sheets = [
        draw_pseudo_keypoints(run, count=2)
        for run in (folder, sorted(Run(folder).checkpoints.glob("epoch001*"))[0])
    ]
    assert sheets[0].shape[2] == 3 and sheets[0].dtype == np.uint8
    with pytest.raises(ArgumentError, match="count must be at least 1"):
        draw_pseudo_keypoints(folder, count=0)


def test_a_recipe_for_unlabelled_images_needs_some(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match="learns from unlabelled images or from a teacher"):
        train_tiny(figures, tmp_path / "run", recipe=RECIPE)
    assert not (tmp_path / "run").exists()


def test_only_the_chief_writes_files(
    figures: KeypointDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another of several workers, which also watches the pseudo keypoints."""
    monkeypatch.setattr(Distribution, "is_chief", False)
    recipe = RECIPE.updated({"total_epoch": 1})
    train_tiny(figures, tmp_path / "run", recipe=recipe, unlabelled=figures)
    assert not (tmp_path / "run").exists()


def test_too_few_images_leave_nothing_behind(figures: KeypointDataset, tmp_path: Path) -> None:
    few = figures.select(np.arange(3))
    with pytest.raises(
        ArgumentError, match="a step needs 8 unlabelled samples, but there are only 3"
    ):
        train_tiny(figures, tmp_path / "run", recipe=RECIPE, unlabelled=few)
    assert not (tmp_path / "run").exists()
