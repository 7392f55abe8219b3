"""Where the canvases come from changes nothing of a training."""

from pathlib import Path

import numpy as np
import pytest
from model_checks import OneLayerBackbone

from simplebase import KeypointDataset, load_recipe, train
from simplebase.backbones import BACKBONES
from simplebase.data.pipeline import CacheMode
from simplebase.presets import Preset, Recipe

SIZE = (64, 64)


class Losses:
    """An observer that keeps the loss of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def started(self, epochs: int, steps_per_epoch: int, batch_size: int) -> None: ...

    def stepped(self, epoch: int, step: int, loss: float) -> None:
        self.losses.append(loss)

    def validating(self, done: int, total: int) -> None: ...

    def epoch_ended(self, metrics: object) -> None: ...


@pytest.fixture
def preset(monkeypatch: pytest.MonkeyPatch) -> Preset:
    """A network that traces in a second."""
    monkeypatch.setitem(BACKBONES, "mobilenetv2", OneLayerBackbone)
    head = {"name": "upsample_lite", "channels": (8, 8, 8)}
    return Preset(name="one", description="", backbone={"name": "mobilenetv2"}, head=head)


@pytest.fixture
def recipe() -> Recipe:
    """Two epochs of four steps; the second finds what the first kept."""
    values = {"input_size": SIZE, "batch_size": 8, "total_epoch": 2}
    return load_recipe("quick").updated(values)


def losses_of(
    preset: Preset,
    recipe: Recipe,
    dataset: KeypointDataset,
    run_dir: Path,
    cache: CacheMode,
) -> np.ndarray:
    observer = Losses()
    train(
        preset,
        dataset,
        run_dir=run_dir,
        recipe=recipe,
        backbone_weights="none",
        cache=cache,
        observer=observer,
    )
    assert len(observer.losses) == 8
    return np.array(observer.losses)


@pytest.mark.slow
def test_a_cache_changes_no_loss(
    preset: Preset, recipe: Recipe, figures: KeypointDataset, tmp_path: Path
) -> None:
    plain = losses_of(preset, recipe, figures, tmp_path / "plain", "none")
    assert len(set(plain)) == 8
    cached = losses_of(preset, recipe, figures, tmp_path / "memory", "memory")
    np.testing.assert_array_equal(cached, plain)
