"""Training: what it gives, that it repeats, and how it refuses."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny

from simplebase import DepthRange, KeypointDataset, SimpleBaseline, load_model
from simplebase.augmentation import Augmentation
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingFileError,
    OutputExistsError,
)
from simplebase.evaluation import mean_pck, predict_dataset
from simplebase.losses import LOSSES, weighted_mse
from simplebase.presets import Preset, Recipe
from simplebase.runtimes import load_runtime
from simplebase.training import Plan, TrainingResult
from simplebase.training.dump import dump_model
from simplebase.training.result import teacher_suffices
from simplebase.training.runs.config import RunConfig
from simplebase.training.training_model import TrainingModel

# Its fixtures train or build models: on one worker they are made once.
pytestmark = pytest.mark.xdist_group("test_training")


@pytest.fixture(scope="module")
def observer() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def result(
    figures: KeypointDataset, observer: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> TrainingResult:
    """Two epochs of the smallest training there is; its run is not to be written to."""
    # A range changes nothing of images of 8 bits.
    dataset = figures.with_default_depth(DepthRange((0, 4095)))
    return train_tiny(dataset, tmp_path_factory.mktemp("runs") / "tiny", observer=observer)


def test_the_model_and_its_run_say_how_deep_images_were_read(result: TrainingResult) -> None:
    assert load_runtime(result.best).metadata.depth_range == DepthRange((0, 4095))
    config = RunConfig.read(result.best.parents[1])
    assert config.dataset.own_depth_range() == DepthRange((0, 4095))


@pytest.fixture(scope="module")
def run_dir(result: TrainingResult) -> Path:
    return result.best.parents[1]


def test_the_config_is_enough_to_run_it_again(run_dir: Path, figures: KeypointDataset) -> None:
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    with one_layer_network() as preset:
        assert Preset.model_validate(config["preset"]) == preset
    assert Recipe.model_validate(config["recipe"]) == tiny_recipe()
    assert Path(config["dataset"]["folder"]) == Path(figures.name)
    assert config["input_size"] == [64, 64]
    assert (config["backbone_weights"], config["weights"], config["seed"]) == ("none", None, 0)
    assert (config["normalisation"], config["model_normalisation"]) == (None, "tf")


def test_the_best_checkpoint_scores_what_the_summary_says(
    run_dir: Path, result: TrainingResult, figures: KeypointDataset
) -> None:
    summary = json.loads((run_dir / "summary.json").read_text())
    runtime = load_runtime(run_dir / summary["best"])
    predictions = predict_dataset(runtime, figures.validation)
    val_pck = mean_pck(predictions, figures.validation, runtime.metadata.input_size)
    assert val_pck == summary["val_pck"] == result.val_pck
    assert result.val_pck == max(epoch.val_pck or 0 for epoch in result.epochs)
    assert result.epochs[result.best_epoch - 1].val_pck == result.val_pck


def test_the_checkpoint_knows_its_dataset_and_recipe(
    result: TrainingResult, figures: KeypointDataset
) -> None:
    metadata = load_model(result.best).metadata
    assert metadata.skeleton == figures.skeleton
    assert metadata.input_size == (64, 64)
    assert metadata.codec.sigma == 2.0
    assert metadata.preset == "one"


def test_the_observer_is_told_all_that_happens(result: TrainingResult, observer: Recorder) -> None:
    assert observer.plans == [Plan(1, 1, 2, 4, 8)]
    assert observer.places == [(epoch, step) for epoch in (1, 2) for step in (1, 2, 3, 4)]
    assert observer.validations == [(8, 8), (8, 8)]
    assert tuple(observer.epochs) == result.epochs
    assert observer.sheets == [2] and observer.ends == 1


def test_an_epochs_loss_and_learning_rate_are_means_over_its_steps(observer: Recorder) -> None:
    for epoch, steps in zip(observer.epochs, (observer.steps[:4], observer.steps[4:]), strict=True):
        assert epoch.loss == pytest.approx(np.mean([step.loss for step in steps]))
        assert epoch.learning_rate == pytest.approx(np.mean([step.learning_rate for step in steps]))
    rates = [step.learning_rate for step in observer.steps]
    assert rates == sorted(rates, reverse=True) and len(set(rates)) == 8


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(
    figures: KeypointDataset, result: TrainingResult, observer: Recorder, tmp_path: Path
) -> None:
    def losses(seed: int) -> list[float]:
        recorder = Recorder()
        train_tiny(figures, tmp_path / str(seed), seed=seed, observer=recorder)
        return recorder.losses

    # What ran in between must not matter.
    keras.utils.set_random_seed(99)
    # Sums over threads may differ in their last bits.
    np.testing.assert_allclose(losses(0), observer.losses, rtol=1e-5)
    assert np.abs(np.subtract(losses(1), observer.losses)).min() > 1e-5


def test_a_batch_larger_than_the_train_split_is_refused(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match="batch size 33 is larger than the train split of 32"):
        train_tiny(figures, tmp_path / "run", recipe=tiny_recipe(batch_size=33))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kept", "missing"), [("train", "val"), ("validation", "train")])
def test_a_dataset_without_one_of_the_splits_is_refused(
    figures: KeypointDataset, tmp_path: Path, kept: str, missing: str
) -> None:
    with pytest.raises(DataError, match=f"{missing} split is empty"):
        train_tiny(getattr(figures, kept), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_an_existing_run_is_left_alone(figures: KeypointDataset, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("earlier")
    with pytest.raises(OutputExistsError, match="pass --overwrite"):
        train_tiny(figures, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("argument", "value"),
    [("seed", -1), ("seed", 2**32), ("save_every_steps", 0), ("cache", "ram")],
)
def test_an_argument_that_does_not_work_is_refused(
    figures: KeypointDataset, tmp_path: Path, argument: str, value: object
) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument}: .*Received: {value!r}"):
        train_tiny(figures, tmp_path / "run", **{argument: value})
    assert not list(tmp_path.iterdir())


def test_a_missing_image_is_told_before_the_first_step(
    copied: KeypointDataset, tmp_path: Path
) -> None:
    copied.validation.images.path(0).unlink()
    with pytest.raises(MissingFileError, match="000004.jpg"):
        train_tiny(copied, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_small_set_can_be_learnt_by_heart(figures: KeypointDataset, tmp_path: Path) -> None:
    # Eight train and two val figures, each ten times an epoch.
    few = figures.select(np.tile(np.arange(10), 10))
    recorder = Recorder()
    train_tiny(
        few,
        tmp_path / "run",
        recipe=tiny_recipe(total_epoch=6, learning_rate=0.01, augmentation=()),
        observer=recorder,
    )
    # The first answer is no peaks at all. The mean of eight figures, which is the same for every
    # image, would leave seven eighths of its loss where they do not overlap.
    assert recorder.losses[-1] < 0.5 * recorder.losses[0]


def test_the_training_loss_is_the_models_loss_on_encoded_keypoints(
    one_layer_preset: Preset,
) -> None:
    model = SimpleBaseline.from_preset(
        one_layer_preset, 2, input_size=(64, 64), backbone_weights="none"
    )
    augmentation = Augmentation((), (64, 64), model.metadata.skeleton)
    training_model = TrainingModel(model, augmentation, LOSSES["weighted_mse"], loss_scale=50.0)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    keypoints = np.array([[[10, 20, 2], [40, 50, 1]], [[30, 30, 2], [5, 5, 0]]], np.float32)
    batch = {"images": keras.ops.convert_to_tensor(images), "keypoints": keypoints}
    total, count = training_model.errors(batch, step=keras.ops.convert_to_tensor(0), training=False)
    target, weights = model.metadata.codec.encode(keypoints)
    assert weights.tolist() == [[1, 1], [1, 0]] and float(count) == 3
    expected, _ = weighted_mse(target, model(images, training=False), weights)
    assert float(total) == pytest.approx(50 * float(expected), rel=1e-5)


def test_a_dumped_model_answers_as_its_checkpoint(result: TrainingResult, tmp_path: Path) -> None:
    output = tmp_path / "dumped.keras"
    dump_model(result.best, output)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    before, after = (load_runtime(path).predict(images) for path in (result.best, output))
    assert np.ptp(before) > 0
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=0)
    assert load_model(output).metadata == load_model(result.best).metadata


def test_a_dump_refuses_without_leaving_a_file(shallow_model_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"must end in \.keras"):
        dump_model(shallow_model_file, tmp_path / "model.h5")
    with pytest.raises(MissingFileError, match="absent.keras"):
        dump_model(tmp_path / "absent.keras", tmp_path / "out.keras")
    (tmp_path / "broken.keras").write_bytes(b"broken")
    with pytest.raises(DataError, match="cannot be loaded"):
        dump_model(tmp_path / "broken.keras", tmp_path / "out.keras")
    with pytest.raises(OutputExistsError, match="broken.keras exists"):
        dump_model(shallow_model_file, tmp_path / "broken.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.keras"]
    assert (tmp_path / "broken.keras").read_bytes() == b"broken"


@pytest.mark.parametrize(
    ("teacher", "student", "suffices"),
    [(0.5, 0.5, True), (0.6, 0.5, True), (0.5, 0.6, False), (None, None, False)],
)
def test_a_teacher_suffices_if_it_scored_at_least_as_high(
    teacher: float | None, student: float | None, suffices: bool
) -> None:
    assert teacher_suffices(teacher, student) == suffices
