"""A training that starts from converted weights computes as those were trained, resumed or not."""

from pathlib import Path

import numpy as np
import pytest

from simplebase import TrainingOptions, load_model, load_recipe, resume, train
from simplebase.backbones import MobileNetV1Backbone
from simplebase.data.dataset import KeypointDataset
from simplebase.estimator import SimpleBaseline
from simplebase.presets import Preset
from simplebase.training.runs.config import RunConfig


@pytest.fixture(scope="module")
def small_preset() -> Preset:
    """MobileNetV1 of a quarter of its width: half as many layers to build as of V2."""
    return Preset(
        name="small",
        description="for tests",
        backbone={"name": "mobilenetv1", "alpha": 0.25},
        head={"name": "upsample_lite", "channels": (16, 16, 16)},
        input_size=(64, 64),
    )


def converted_backbone(path: Path) -> MobileNetV1Backbone:
    """As `simplebase convert weights` writes one of PyTorch's."""
    backbone = MobileNetV1Backbone(
        (32, 32), alpha=0.25, padding="symmetric", bn_epsilon=1e-5, normalisation="torch"
    )
    backbone.save(path)
    return backbone


def test_a_presets_silence_leaves_it_to_the_file(small_preset: Preset, tmp_path: Path) -> None:
    source = converted_backbone(tmp_path / "backbone.keras")
    model = SimpleBaseline.from_preset(
        small_preset, 2, backbone_weights=tmp_path / "backbone.keras"
    )
    backbone = model.backbone
    assert (backbone.padding, backbone.bn_epsilon) == ("symmetric", 1e-5)
    assert model.normalisation == "torch"
    assert backbone.input_size == (64, 64)
    for mine, theirs in zip(backbone.weights, source.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_what_a_preset_or_the_caller_says_stands(small_preset: Preset, tmp_path: Path) -> None:
    path = tmp_path / "backbone.keras"
    converted_backbone(path)
    backbone = small_preset.backbone.model_copy(update={"padding": "same"})
    preset = small_preset.model_copy(update={"backbone": backbone})
    with pytest.raises(ValueError, match="padding symmetric, but the preset has same"):
        SimpleBaseline.from_preset(preset, 2, backbone_weights=path)
    model = SimpleBaseline.from_preset(
        small_preset, 2, backbone_weights=path, normalisation="upstream"
    )
    assert model.normalisation == "upstream"


def test_a_backbone_of_another_family_is_refused(small_preset: Preset, tmp_path: Path) -> None:
    converted_backbone(tmp_path / "backbone.keras")
    other = small_preset.model_copy(
        update={"backbone": small_preset.backbone.model_copy(update={"name": "mobilenetv2"})}
    )
    with pytest.raises(ValueError, match="weights are those of mobilenetv1, .* has mobilenetv2"):
        SimpleBaseline.from_preset(other, 2, backbone_weights=tmp_path / "backbone.keras")


@pytest.mark.slow
@pytest.mark.usefixtures("eager_steps")
def test_a_resumed_training_builds_the_same_network(
    small_preset: Preset, figures: KeypointDataset, tmp_path: Path
) -> None:
    """The file may be gone by then: the run's config says what it said."""
    path = tmp_path / "backbone.keras"
    converted_backbone(path)
    recipe = load_recipe("quick").updated({"total_epoch": 1, "batch_size": 16})
    train(
        small_preset,
        figures,
        TrainingOptions(recipe=recipe, input_size=(64, 64), backbone_weights=path),
        run_dir=tmp_path / "run",
    )
    path.unlink()
    config = RunConfig.read(tmp_path / "run")
    assert (config.preset.backbone.padding, config.preset.backbone.bn_epsilon) == (
        "symmetric",
        1e-5,
    )
    text = (tmp_path / "run/config.yaml").read_text()
    (tmp_path / "run/config.yaml").write_text(text.replace("total_epoch: 1", "total_epoch: 2"))
    (tmp_path / "run/summary.json").unlink()
    result = resume(tmp_path / "run", dataset=figures)
    assert len(result.epochs) == 2
    model = load_model(tmp_path / "run/checkpoints/last.keras")
    assert (model.backbone.padding, model.normalisation) == ("symmetric", "torch")
