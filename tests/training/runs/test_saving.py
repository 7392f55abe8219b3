"""What a training that cannot go on says, and what it leaves."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from model_checks import trainable
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset, SimpleBaseline, load_model
from simplebase.errors import TrainingError
from simplebase.training import result as training_result
from simplebase.training import resume
from simplebase.training.runs.folder import Run
from simplebase.training.training_graph import TrainingGraph

pytestmark = pytest.mark.usefixtures("eager_steps")

RECIPE = tiny_recipe(augmentation=(), optimizer="sgd", learning_rate=0.01)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the loss, or only its gradient, no number from a step on."""
    errors: Callable[..., Any] = TrainingGraph.errors

    def patch(first_step: int, *, gradient_only: bool = False) -> None:
        def poisoned(
            self: TrainingGraph, batch: Any, step: Any, replica: Any, replicas: int, training: bool
        ) -> Any:
            total, count = errors(self, batch, step, replica, replicas, training)
            if int(step) < first_step:
                return total, count
            # The slope of a square root at 0 is infinite.
            harm = keras.ops.sqrt(0 * total) if gradient_only else np.nan
            return total + harm, count

        monkeypatch.setattr(TrainingGraph, "errors", poisoned)

    return patch


def require_good(run: Run, epoch: int, step: int = 0) -> None:
    """All that is saved is of before `step` of `epoch`, and of numbers."""
    with np.load(run.state) as arrays:
        assert all(np.isfinite(arrays[name]).all() for name in arrays.files if name != "progress")
        assert f'"epoch": {epoch}, "step": {step},' in str(arrays["progress"])
    for path in run.checkpoints.glob("*.keras"):
        assert all(np.isfinite(weight).all() for weight in load_model(path).get_weights())


def test_a_loss_that_is_no_number_ends_the_training_with_step_images_and_what_is_good(
    figures: KeypointDataset, tmp_path: Path, poison: Callable[..., None]
) -> None:
    poison(5)
    run = Run(tmp_path / "run")
    recorder = Recorder()
    with pytest.raises(TrainingError) as caught:
        train_tiny(figures, run.folder, recipe=RECIPE, observer=recorder)
    message = str(caught.value)
    assert message.startswith("the loss is nan in epoch 2, step 2.")
    assert f"The last good checkpoint is {run.last}, the best {run.best}." in message
    order = figures.train.images.shuffled(0, 2)[8:16]
    assert all(figures.train.images.name(int(row)) in message for row in order)
    assert message.count(".jpg") == 8
    assert recorder.places[-1] == (2, 1) and recorder.ends == 1
    require_good(run, epoch=2)
    assert run.curves.exists() and not (run.folder / "summary.json").exists()


def test_a_loss_that_is_no_number_in_the_first_epoch_leaves_nothing(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    recipe = RECIPE.updated({"learning_rate": 1e30})
    with pytest.raises(
        TrainingError,
        match=r"loss is (nan|inf) in epoch 1, step [234]\..*No checkpoint was saved yet",
    ):
        train_tiny(figures, tmp_path / "run", recipe=recipe)
    assert not list(tmp_path.iterdir())


def test_a_weight_that_is_no_number_is_not_saved(
    figures: KeypointDataset, tmp_path: Path, poison: Callable[..., None]
) -> None:
    poison(2, gradient_only=True)
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError, match=r"^a weight is NaN or infinite in epoch 1, step 3\."):
        train_tiny(figures, run.folder, recipe=RECIPE, save_every_steps=1)
    require_good(run, epoch=1, step=2)


def test_a_model_that_answers_no_numbers_is_not_saved(
    figures: KeypointDataset, tmp_path: Path, poison: Callable[..., None]
) -> None:
    # The last step of the second epoch: its loss was still a number.
    poison(7, gradient_only=True)
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError, match=r"output is NaN or infinite in epoch 2, step 4\."):
        train_tiny(figures, run.folder, recipe=RECIPE)
    require_good(run, epoch=2)
    assert len(list(run.checkpoints.glob("epoch*"))) == 1


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


WRITERS = {
    "the model": (SimpleBaseline, "save"),
    "the state": (np, "savez"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_ends_the_training_but_harms_nothing(
    figures: KeypointDataset, tmp_path: Path, writer: str
) -> None:
    owner, name = WRITERS[writer]
    run = Run(tmp_path / "my run")
    before: dict[Path, bytes] = {}
    recipe = RECIPE.updated({"batch_size": 32, "total_epoch": 3})
    with pytest.MonkeyPatch.context() as patch:

        def fill_the_disk() -> None:
            before.update((path, path.read_bytes()) for path in run.checkpoints.iterdir())
            patch.setattr(owner, name, full_disk)
            patch.setattr(training_result, "plot_curves", full_disk)

        with pytest.raises(TrainingError) as caught:
            train_tiny(
                figures, run.folder, recipe=recipe, observer=Recorder(fill_the_disk, after=(2, 1))
            )
    assert str(caught.value) == (
        f"{run.folder} cannot be written: No space left on device. What was saved before is "
        f"complete. Once the disk works, "
        f"simplebase train --resume '{run.folder}' continues from there."
    )
    # Models of the epoch that failed may be there as well; the state says that it is to be done.
    for path, content in before.items():
        assert path.name in ("best.keras", "last.keras") or path.read_bytes() == content
    require_good(run, epoch=2)

    recorder = Recorder()
    with one_layer_network():
        result = resume(run.folder, observer=recorder)
    assert recorder.places == [(2, 1), (3, 1)]
    assert [epoch.epoch for epoch in result.epochs] == [1, 2, 3]
    assert len(list(run.checkpoints.glob("epoch*"))) == 3


@pytest.mark.parametrize(("writer", "earlier"), [("the model", False), ("the state", True)])
def test_a_disk_that_is_full_from_the_start_leaves_what_was_there(
    figures: KeypointDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    writer: str,
    earlier: bool,
) -> None:
    run = Run(tmp_path / "run")
    if earlier:
        run.checkpoints.mkdir(parents=True)
        run.config.write_text("earlier")
    monkeypatch.setattr(*WRITERS[writer], full_disk)
    every = 1 if writer == "the state" else None
    with pytest.raises(TrainingError, match=r"No space left on device\. Nothing was saved before"):
        train_tiny(figures, run.folder, recipe=RECIPE, overwrite=True, save_every_steps=every)
    left = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert left == ([Path("run/config.yaml")] if earlier else [])


def test_a_checkpoint_is_not_frozen_by_the_stage_that_it_was_saved_in(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    recipe = tiny_recipe(
        batch_size=32, total_epoch=2, transfer_epoch=2, freeze_level=1, augmentation=()
    )
    start = tmp_path / "start.keras"
    with one_layer_network() as preset:
        model = SimpleBaseline.from_preset(
            preset, skeleton=figures.skeleton, input_size=(64, 64), backbone_weights="none"
        )
    # Nor is a training by the model that it starts from: the recipe alone says what is frozen.
    model.trainable = False
    model.save(start)
    result = train_tiny(
        figures, tmp_path / "run", recipe=recipe, weights=start, backbone_weights="auto"
    )
    for path in result.best.parent.glob("*.keras"):
        trained = load_model(path)
        assert all(trainable(trained).values())
    before, after = model.backbone.get_weights(), trained.backbone.get_weights()
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
    before, after = model.head.get_weights(), trained.head.get_weights()
    assert any((one != other).any() for one, other in zip(before, after, strict=True))
