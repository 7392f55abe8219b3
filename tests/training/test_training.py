"""Training: what a run leaves behind, that it repeats, and how it refuses."""

import csv
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml
from model_checks import OneLayerBackbone

from simplebase import KeypointDataset, SimpleBaseline, load_model, load_preset, load_recipe, train
from simplebase.augmentation import Augmentation
from simplebase.backbones import BACKBONES
from simplebase.data.dataset import load_dataset
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingFileError,
    OutputExistsError,
    TrainingError,
)
from simplebase.evaluation import predict_dataset, score_pck
from simplebase.losses import LOSSES, weighted_mse
from simplebase.presets import Preset, Recipe
from simplebase.runtimes import load_runtime
from simplebase.training import EpochMetrics, TrainingResult
from simplebase.training.dump import dump_model
from simplebase.training.optimizer import WarmUpThenCosine, build_optimizer
from simplebase.training.run import Run
from simplebase.training.training_model import TrainingModel

PRESET = "mobilenetv2_upsample_lite"


def tiny_recipe(**changes: Any) -> Recipe:
    values = {"input_size": (64, 64), "batch_size": 8, "total_epoch": 2}
    return load_recipe("quick").updated(values | changes)


class Recorder:
    """Keeps what an observer is told."""

    def __init__(self) -> None:
        self.starts: list[tuple[int, int, int]] = []
        self.steps: list[tuple[int, int]] = []
        self.losses: list[float] = []
        self.validations: list[tuple[int, int]] = []
        self.epochs: list[EpochMetrics] = []

    def started(self, epochs: int, steps_per_epoch: int, batch_size: int) -> None:
        self.starts.append((epochs, steps_per_epoch, batch_size))

    def stepped(self, epoch: int, step: int, loss: float) -> None:
        self.steps.append((epoch, step))
        self.losses.append(loss)

    def validating(self, done: int, total: int) -> None:
        self.validations.append((done, total))

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        self.epochs.append(metrics)


@pytest.fixture
def one_layer_preset(monkeypatch: pytest.MonkeyPatch) -> Preset:
    """A network that traces in a second, for what does not depend on the network."""
    monkeypatch.setitem(BACKBONES, "mobilenetv2", OneLayerBackbone)
    head = {"name": "upsample_lite", "channels": (8, 8, 8)}
    return Preset(name="one", description="", backbone={"name": "mobilenetv2"}, head=head)


@pytest.fixture(scope="module")
def observer() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def result(
    figures: KeypointDataset, observer: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> TrainingResult:
    """Two epochs of the smallest training there is; its run is not to be written to."""
    return train(
        PRESET,
        figures,
        run_dir=tmp_path_factory.mktemp("runs") / "tiny",
        recipe=tiny_recipe(),
        backbone_weights="none",
        observer=observer,
    )


@pytest.fixture(scope="module")
def run_dir(result: TrainingResult) -> Path:
    return result.best.parents[1]


def test_a_run_is_these_files_and_no_other(run_dir: Path) -> None:
    files = {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()}
    assert files == {"config.yaml", "metrics.csv", "summary.json", "checkpoints/best.keras"}


def test_the_config_is_enough_to_run_it_again(run_dir: Path, figures: KeypointDataset) -> None:
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    assert Preset.model_validate(config["preset"]) == load_preset(PRESET)
    assert Recipe.model_validate(config["recipe"]) == tiny_recipe()
    assert Path(config["dataset"]) == Path(figures.name)
    assert config["input_size"] == [64, 64]
    assert (config["backbone_weights"], config["weights"], config["seed"]) == ("none", None, 0)
    assert config["normalisation"] == "tf"


def test_metrics_has_a_row_an_epoch(run_dir: Path, result: TrainingResult) -> None:
    with (run_dir / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["loss"]) for row in rows] == [epoch.loss for epoch in result.epochs]
    assert [float(row["val_pck"]) for row in rows] == [epoch.val_pck for epoch in result.epochs]


def test_the_best_checkpoint_scores_what_the_summary_says(
    run_dir: Path, result: TrainingResult, figures: KeypointDataset
) -> None:
    summary = json.loads((run_dir / "summary.json").read_text())
    runtime = load_runtime(run_dir / summary["best"])
    predictions = predict_dataset(runtime, figures.validation)
    scores = score_pck(predictions, figures.validation, runtime.metadata)
    assert scores.mean == summary["val_pck"] == result.val_pck
    assert result.val_pck == max(epoch.val_pck or 0 for epoch in result.epochs)
    assert result.epochs[result.best_epoch - 1].val_pck == result.val_pck
    assert (summary["train_records"], summary["val_records"]) == (32, 8)
    assert 0 < summary["mean_pose_pck"] < 1


def test_the_checkpoint_knows_its_dataset_and_recipe(
    result: TrainingResult, figures: KeypointDataset
) -> None:
    metadata = load_model(result.best).metadata
    assert metadata.skeleton == figures.skeleton
    assert metadata.input_size == (64, 64)
    assert metadata.codec.sigma == 2.0
    assert metadata.preset == PRESET


def test_the_observer_is_told_every_step(result: TrainingResult, observer: Recorder) -> None:
    assert observer.starts == [(2, 4, 8)]
    assert observer.steps == [(epoch, step) for epoch in (1, 2) for step in (1, 2, 3, 4)]
    assert observer.validations == [(8, 8), (8, 8)]
    assert tuple(observer.epochs) == result.epochs
    assert result.epochs[0].loss == pytest.approx(np.mean(observer.losses[:4]))


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(
    figures: KeypointDataset, one_layer_preset: Preset, tmp_path: Path
) -> None:
    def losses(name: str, seed: int) -> list[float]:
        recorder = Recorder()
        train(
            one_layer_preset,
            figures,
            run_dir=tmp_path / name,
            recipe=tiny_recipe(),
            backbone_weights="none",
            seed=seed,
            observer=recorder,
        )
        return recorder.losses

    first = losses("first", 1)
    # What runs in between must not matter.
    keras.utils.set_random_seed(99)
    # Sums over threads may differ in their last bits.
    np.testing.assert_allclose(losses("again", 1), first, rtol=1e-5)
    assert np.abs(np.subtract(losses("other", 2), first)).min() > 1e-5


def test_a_batch_larger_than_the_train_split_is_refused(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match="batch size 33 is larger than the train split of 32"):
        train(PRESET, figures, run_dir=tmp_path / "run", recipe=tiny_recipe(batch_size=33))
    assert not (tmp_path / "run").exists()


def test_a_dataset_without_validation_records_is_refused(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="val split is empty"):
        train(PRESET, figures.train, run_dir=tmp_path / "run", recipe=tiny_recipe())
    assert not (tmp_path / "run").exists()


def test_an_existing_run_is_left_alone(
    figures: KeypointDataset, small_preset: Preset, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("earlier")
    with pytest.raises(OutputExistsError, match="pass --overwrite"):
        train(
            small_preset, figures, run_dir=tmp_path, recipe=tiny_recipe(), backbone_weights="none"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("name", ["thesis.tex", "config.yaml"])
def test_overwrite_never_removes_a_folder_that_is_no_run(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(OutputExistsError, match="something else"):
        Run(tmp_path, overwrite=True)
    assert (tmp_path / name).read_text() == "precious"


def test_overwrite_never_removes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("precious")
    with pytest.raises(OutputExistsError, match="something else"):
        Run(path, overwrite=True)
    assert path.read_text() == "precious"


def test_overwrite_begins_an_earlier_run_anew(tmp_path: Path) -> None:
    folder = finished_run(tmp_path)
    with Run(folder, overwrite=True) as run:
        assert [path.name for path in folder.iterdir()] == ["checkpoints"]
        run.best.write_bytes(b"new")
    assert run.best.read_bytes() == b"new"
    assert not (folder / "metrics.csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_that_ends_without_a_checkpoint_leaves_what_was_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Run(tmp_path / "other") as run:
        run.write_config({"seed": 1})
        raise RuntimeError
    assert not list(tmp_path.iterdir())

    folder = finished_run(tmp_path)
    with pytest.raises(KeyboardInterrupt), Run(folder, overwrite=True) as run:
        run.write_config({"seed": 2})
        raise KeyboardInterrupt
    assert (folder / "checkpoints/best.keras").read_bytes() == b"earlier"
    assert "seed: 1" in (folder / "config.yaml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def finished_run(tmp_path: Path) -> Path:
    with Run(tmp_path / "run") as run:
        run.write_config({"seed": 1})
        run.append(EpochMetrics(1, 0.5, None, 1e-3, 10.0))
        run.best.write_bytes(b"earlier")
    return tmp_path / "run"


def test_an_empty_folder_may_become_a_run(tmp_path: Path) -> None:
    assert Run(tmp_path).best == tmp_path / "checkpoints" / "best.keras"


def test_a_loss_that_is_no_number_ends_the_run_with_the_step(
    figures: KeypointDataset, one_layer_preset: Preset, tmp_path: Path
) -> None:
    with pytest.raises(
        TrainingError, match="loss is (nan|inf) in epoch 1, step [234].*none was saved yet"
    ):
        train(
            one_layer_preset,
            figures,
            run_dir=tmp_path / "run",
            recipe=tiny_recipe(learning_rate=1e30),
            backbone_weights="none",
        )
    assert not (tmp_path / "run" / "summary.json").exists()


def test_a_loss_that_fails_later_leaves_the_best_model(
    figures: KeypointDataset,
    one_layer_preset: Preset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails_in_the_second_epoch(
        self: TrainingModel, batch: Any, step: Any, training: bool = True
    ) -> Any:
        loss = call(self, batch, step, training)
        return keras.ops.where(keras.ops.cast(step, "int32") < 4, loss, math.nan)

    call: Callable[..., Any] = TrainingModel.call
    monkeypatch.setattr(TrainingModel, "call", fails_in_the_second_epoch)
    with pytest.raises(TrainingError, match=r"nan in epoch 2, step 1.*best model so far is .*best"):
        train(
            one_layer_preset,
            figures,
            run_dir=tmp_path / "run",
            recipe=tiny_recipe(),
            backbone_weights="none",
        )
    model = load_model(tmp_path / "run" / "checkpoints" / "best.keras")
    assert all(np.isfinite(weight.numpy()).all() for weight in model.weights)


@pytest.mark.slow
def test_a_small_set_can_be_learnt_by_heart(
    figures: KeypointDataset, small_preset: Preset, tmp_path: Path
) -> None:
    head = small_preset.head.model_copy(update={"channels": (64, 64, 64)})
    preset = small_preset.model_copy(update={"head": head})
    few = figures.select(np.arange(10))
    result = train(
        preset,
        few,
        run_dir=tmp_path / "run",
        recipe=tiny_recipe(total_epoch=80, augmentation=()),
        backbone_weights="none",
    )
    assert result.epochs[-1].loss < 0.5 * result.epochs[0].loss


def test_the_training_loss_is_the_models_loss_on_encoded_keypoints(small_preset: Preset) -> None:
    model = SimpleBaseline.from_preset(small_preset, 2, backbone_weights="none")
    augmentation = Augmentation((), (64, 64), model.metadata.skeleton)
    training_model = TrainingModel(model, augmentation, LOSSES["weighted_mse"], loss_scale=50.0)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    keypoints = np.array([[[10, 20, 2], [40, 50, 1]], [[30, 30, 2], [5, 5, 0]]], np.float32)
    batch = {"images": keras.ops.convert_to_tensor(images), "keypoints": keypoints}
    loss = training_model(batch, step=keras.ops.convert_to_tensor(0), training=False)
    target, weights = model.metadata.codec.encode(keypoints)
    assert weights.tolist() == [[1, 1], [1, 0]]
    expected = 50 * weighted_mse(target, model(images, training=False), weights)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_the_warm_up_rises_in_equal_steps_and_the_cosine_falls_to_a_hundredth() -> None:
    schedule = WarmUpThenCosine(0.8, steps=3, total_steps=13, cosine=True)
    rates = [float(schedule(step)) for step in range(14)]
    np.testing.assert_allclose(rates[:4], [0.2, 0.4, 0.6, 0.8], rtol=1e-6)
    # Half way between steps 3 and 13: (1 + 0.01) / 2 of the peak.
    assert rates[8] == pytest.approx(0.8 * 0.505)
    assert rates[13] == pytest.approx(0.008)
    assert all(later < earlier for earlier, later in zip(rates[3:], rates[4:], strict=False))
    assert float(schedule(1000)) == pytest.approx(0.008)


def test_without_decay_the_rate_stays_at_its_peak() -> None:
    schedule = WarmUpThenCosine(0.8, steps=3, total_steps=13, cosine=False)
    assert [float(schedule(step)) for step in (3, 8, 13, 99)] == pytest.approx([0.8] * 4)


@pytest.mark.parametrize(
    ("epochs", "steps_per_epoch", "expected"),
    # Half an epoch, or a tenth of the run where that is shorter.
    [(100, 40, 20), (2, 40, 8), (1, 4, 0)],
)
def test_a_warm_up_never_takes_more_than_a_tenth_of_the_run(
    epochs: int, steps_per_epoch: int, expected: int
) -> None:
    recipe = tiny_recipe(total_epoch=epochs, warmup_epochs=0.5, learning_rate=0.01)
    schedule = build_optimizer(recipe, steps_per_epoch)._learning_rate
    assert (schedule.steps, schedule.total_steps) == (expected, epochs * steps_per_epoch)
    assert float(schedule(expected)) == pytest.approx(0.01)


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimizer_of_a_recipe_steps_downhill(name: str) -> None:
    optimizer = build_optimizer(tiny_recipe(optimizer=name, learning_rate=0.1), 4)
    weight = keras.Variable([1.0])
    for _ in range(3):
        optimizer.apply([2 * weight], [weight])
    assert 0 < float(weight[0]) < 1


def test_a_schedule_survives_its_config() -> None:
    schedule = WarmUpThenCosine(0.8, steps=3, total_steps=13, cosine=True)
    twin = WarmUpThenCosine(**schedule.get_config())
    assert [float(twin(step)) for step in range(14)] == [float(schedule(i)) for i in range(14)]


def test_a_dumped_model_answers_as_its_checkpoint(small_model_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "dumped.keras"
    dump_model(small_model_file, output)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    before, after = (load_runtime(path).predict(images) for path in (small_model_file, output))
    assert np.ptp(before) > 0
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=0)
    assert load_model(output).metadata == load_model(small_model_file).metadata


def test_a_dump_refuses_without_leaving_a_file(small_model_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"ends in \.keras"):
        dump_model(small_model_file, tmp_path / "model.h5")
    with pytest.raises(MissingFileError, match="absent.keras"):
        dump_model(tmp_path / "absent.keras", tmp_path / "out.keras")
    (tmp_path / "broken.keras").write_bytes(b"broken")
    with pytest.raises(DataError, match="cannot be loaded"):
        dump_model(tmp_path / "broken.keras", tmp_path / "out.keras")
    with pytest.raises(OutputExistsError, match="broken.keras exists"):
        dump_model(small_model_file, tmp_path / "broken.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.keras"]
    assert (tmp_path / "broken.keras").read_bytes() == b"broken"


def test_a_missing_image_is_told_before_the_first_step(
    figures_folder: Path, one_layer_preset: Preset, tmp_path: Path
) -> None:
    shutil.copytree(figures_folder, tmp_path / "copy")
    dataset = load_dataset(tmp_path / "copy")
    dataset.validation.images.path(0).unlink()
    with pytest.raises(MissingFileError, match="000004.jpg"):
        train(
            one_layer_preset,
            dataset,
            run_dir=tmp_path / "run",
            recipe=tiny_recipe(),
            backbone_weights="none",
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_refused(
    figures: KeypointDataset, one_layer_preset: Preset, tmp_path: Path, seed: int
) -> None:
    with pytest.raises(ArgumentError, match=f"Received: {seed}"):
        train(one_layer_preset, figures, run_dir=tmp_path / "run", recipe=tiny_recipe(), seed=seed)
