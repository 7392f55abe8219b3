"""What is frozen in a model is in its file, and in no model that only takes its weights."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_checks import OneLayerBackbone, Parts, trainable
from tiny_runs import one_layer_network

from simplebase import SimpleBaseline, load_model
from simplebase.backbones import load_backbone
from simplebase.errors import DataError
from simplebase.freezing import unfrozen


@pytest.fixture
def model() -> SimpleBaseline:
    """Its layers with weights: `2/1` of the backbone, three blocks of the head, and `3/13`."""
    return Parts(head="upsample_lite").build()


def freeze_one_layer(model: SimpleBaseline) -> None:
    model.head.get_layer("block2_bn").trainable = False


def freeze_all_layers_but_one(model: SimpleBaseline) -> None:
    for layer in (*model.backbone.layers, *model.head.layers):
        layer.trainable = layer.name == "block2_bn"


def freeze_all(model: SimpleBaseline) -> None:
    model.trainable = False


def freeze_the_model_but_not_its_head(model: SimpleBaseline) -> None:
    model.trainable = False
    model.head.trainable = True


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    [
        (lambda model: None, []),
        (lambda model: model.freeze(1), ["2", "2/1"]),
        (freeze_one_layer, ["3/7"]),
        (freeze_all_layers_but_one, ["2/1", *(f"3/{n}" for n in (2, 3, 6, 10, 11, 13))]),
        (freeze_all, [".", "2", "2/1", "3", *(f"3/{n}" for n in (2, 3, 6, 7, 10, 11, 13))]),
        (freeze_the_model_but_not_its_head, [".", "2", "2/1"]),
    ],
    ids=["nothing", "backbone", "one", "all_but_one", "all", "model_but_not_head"],
)
def test_a_file_keeps_what_is_frozen_and_the_order_of_the_weights(
    model: SimpleBaseline,
    tmp_path: Path,
    freeze: Callable[[SimpleBaseline], None],
    frozen: list[str],
) -> None:
    shapes = [weight.shape for weight in model.weights]
    freeze(model)
    # Without frozen layers it is the config of earlier versions, which can read the file.
    assert model.get_config().get("frozen", []) == frozen
    assert "frozen" not in model.get_config()["backbone"]["config"]
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = load_model(tmp_path / "model.keras")
    for _ in range(2):
        assert trainable(loaded) == trainable(model)
        assert len(loaded.trainable_weights) == len(model.trainable_weights)
        assert [weight.shape for weight in loaded.weights] == shapes
        assert_same_weights(loaded, model)
        # And from file to file.
        loaded.save(tmp_path / "again.keras")
        loaded = load_model(tmp_path / "again.keras")
    loaded.set_weights([0 * weight for weight in loaded.get_weights()])
    loaded.load_weights(tmp_path / "model.weights.h5")
    assert_same_weights(loaded, model)


def assert_same_weights(one: SimpleBaseline, other: SimpleBaseline) -> None:
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_backbone_alone_keeps_it_too(model: SimpleBaseline, tmp_path: Path) -> None:
    freeze_all(model)
    model.backbone.save(tmp_path / "backbone.keras")
    loaded = load_backbone(tmp_path / "backbone.keras")
    assert isinstance(loaded, OneLayerBackbone) and not any(trainable(loaded).values())


def test_a_frozen_layer_that_is_not_there_is_told(model: SimpleBaseline) -> None:
    config = model.get_config() | {"frozen": ["2/9"]}
    with pytest.raises(DataError, match="frozen layer at '2/9', where the model has none"):
        SimpleBaseline.from_config(config)


def test_weights_of_a_frozen_model_start_a_model_that_is_not(tmp_path: Path) -> None:
    with one_layer_network() as preset:
        model = SimpleBaseline.from_preset(preset, 3, input_size=(64, 64), backbone_weights="none")
        freeze_all(model)
        model.save(tmp_path / "frozen.keras")
        model.backbone.save(tmp_path / "backbone.keras")
        for start in (
            {"weights": tmp_path / "frozen.keras"},
            {"backbone_weights": tmp_path / "backbone.keras"},
        ):
            fresh = SimpleBaseline.from_preset(preset, 3, input_size=(64, 64), **start)  # type: ignore[arg-type]
            assert all(trainable(fresh).values())
            assert_same_weights(fresh.backbone, model.backbone)


def test_a_level_replaces_what_was_frozen(model: SimpleBaseline) -> None:
    freeze_all(model)
    model.freeze(1)
    assert model.get_config()["frozen"] == ["2", "2/1"]
    model.freeze(0)
    assert all(trainable(model).values())


def test_a_model_is_as_frozen_after_it_was_unfrozen_for_a_while(model: SimpleBaseline) -> None:
    freeze_one_layer(model)
    with pytest.raises(RuntimeError), unfrozen(model):
        assert all(trainable(model).values())
        raise RuntimeError
    assert model.get_config()["frozen"] == ["3/7"]
