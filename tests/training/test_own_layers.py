"""Augmentation layers that the caller gives: a run remembers which, and asks for them again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset, resume
from simplebase.errors import ArgumentError
from simplebase.training.choosing import choose_training
from simplebase.training.runs.config import LayerSettings, RunConfig


class Darken(keras.layers.Layer):
    """Multiplies all pixels by a factor."""

    def __init__(self, factor: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.factor = factor

    def call(self, images: Any) -> Any:
        return images * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Unsaved(keras.layers.Layer):
    """Has an argument that Keras cannot save, and no `get_config`."""

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()


def test_a_layer_is_told_by_its_class_and_settings_but_not_by_its_name() -> None:
    first, second = LayerSettings.of(Darken(0.5)), LayerSettings.of(Darken(0.5, name="other"))
    assert first == second
    assert first.name == f"{__name__}.Darken"
    assert first != LayerSettings.of(Darken(0.6))
    assert first != LayerSettings.of(keras.layers.Rescaling(0.5))


def test_settings_that_yaml_cannot_hold_are_written_as_plain_values() -> None:
    config = LayerSettings.of(Darken((np.float32(0.5), np.arange(2)))).config
    assert config is not None and config["factor"] == [0.5, [0, 1]]
    assert LayerSettings.of(Unsaved(lambda: None)).config is None


def test_a_run_goes_on_only_with_the_layers_that_it_began_with(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    folder, layer = tmp_path / "run", Darken(0.5)

    def interrupt() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        train_tiny(
            figures,
            folder,
            recipe=tiny_recipe(total_epoch=1, augmentation=()),
            observer=Recorder(interrupt, after=(1, 3)),
            save_every_steps=1,
            augmentation=[layer],
        )
    config = RunConfig.read(folder)
    assert config.augmentation_layers == (LayerSettings.of(layer),)
    for others in ([], [Darken(0.6)], [Darken(0.5), Darken(0.5)]):
        with pytest.raises(ArgumentError, match=r"layers \(.*Darken\)\. Pass the same"):
            resume(folder, augmentation=others)
    with pytest.raises(
        ArgumentError, match=r"layers \(.*Darken\), which can only be passed in Python"
    ):
        choose_training({}, config)
    with one_layer_network():
        assert resume(folder, augmentation=[Darken(0.5)]).best_epoch == 1


def test_a_run_without_layers_of_its_own_is_not_resumed_with_some(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    train_tiny(figures, tmp_path / "run", recipe=tiny_recipe(total_epoch=1, augmentation=()))
    with pytest.raises(ArgumentError, match="Leave out augmentation"):
        resume(tmp_path / "run", augmentation=[Darken(0.5)])


def test_the_layers_change_what_is_trained_on(figures: KeypointDataset, tmp_path: Path) -> None:
    plain, dark = Recorder(), Recorder()
    recipe = tiny_recipe(total_epoch=1, augmentation=())
    train_tiny(figures, tmp_path / "plain", recipe=recipe, observer=plain)
    layers = [Darken(0.5)]
    train_tiny(figures, tmp_path / "dark", recipe=recipe, observer=dark, augmentation=layers)
    assert np.abs(np.subtract(plain.losses, dark.losses)).min() > 1e-4


def test_a_layer_that_moves_pixels_leaves_no_run(figures: KeypointDataset, tmp_path: Path) -> None:
    flip = keras.layers.RandomFlip("horizontal", seed=1)
    with pytest.raises(ArgumentError, match="RandomFlip"):
        train_tiny(figures, tmp_path / "run", recipe=tiny_recipe(), augmentation=[flip])
    assert not (tmp_path / "run").exists()
