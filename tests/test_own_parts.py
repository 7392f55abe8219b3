"""A SimpleBaseline of the user's own backbone and head."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from model_checks import OneLayerBackbone

import simplebase
from simplebase import SimpleBaseline, Skeleton
from simplebase.errors import ArgumentError

SKELETON = Skeleton("two", ("left", "right"))
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


def functional(strides: int = 32) -> keras.Model:
    images = keras.Input((64, 64, 3))
    features = keras.layers.Conv2D(8, 3, strides=strides, padding="same")(images)
    features = keras.layers.BatchNormalization()(features)
    return keras.Model(images, features, name="mine")


@keras.saving.register_keras_serializable(package="tests")
class Subclass(keras.Model):
    """A backbone that is no functional model."""

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.convolution = keras.layers.Conv2D(filters, 32, strides=32)

    def call(self, images: Any) -> Any:
        return self.convolution(images)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


def head() -> keras.Model:
    features = keras.Input((2, 2, 8))
    x = keras.layers.Conv2DTranspose(6, 8, strides=8, name="up")(features)
    return keras.Model(features, keras.layers.Conv2D(2, 1, name="last")(x), name="my_head")


def require_same_answers(model: SimpleBaseline, path: Path) -> None:
    model.save(path)
    expected = model.predict(IMAGES, verbose=0)
    assert np.ptp(expected) > 0
    for load in (simplebase.load_model, keras.saving.load_model):
        loaded = load(path)
        assert loaded.metadata == model.metadata
        np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), expected)


@pytest.mark.parametrize("own_head", [None, head], ids=["our head", "own head"])
@pytest.mark.parametrize("kind", ["functional", "subclass"])
def test_own_parts_come_back_from_a_file(kind: str, own_head: Any, tmp_path: Path) -> None:
    backbone = functional() if kind == "functional" else Subclass(8, name="mine")
    model = SimpleBaseline.from_backbone(
        backbone,
        SKELETON,
        head="upsample_lite" if own_head is None else own_head(),
        normalisation="none",
        input_size=(64, 64),
    )
    assert model.metadata.preset == "mine"
    assert model.normalisation == "none"
    model.freeze(1)
    require_same_answers(model, tmp_path / "model.keras")
    loaded = simplebase.load_model(tmp_path / "model.keras")
    assert not loaded.backbone.trainable_weights
    assert len(loaded.trainable_weights) == len(model.head.trainable_weights) > 0


def test_freezing_all_but_the_prediction_of_an_own_head_leaves_its_last_layer() -> None:
    model = SimpleBaseline.from_backbone(functional(), SKELETON, head=head(), normalisation="none")
    model.freeze(2)
    assert [layer.name for layer in model.head.layers if layer.trainable_weights] == ["last"]
    assert not model.backbone.trainable_weights


def test_a_backbone_of_ours_needs_no_normalisation() -> None:
    model = SimpleBaseline.from_backbone(OneLayerBackbone((64, 64)), SKELETON)
    assert model.normalisation == "tf"
    assert model.output_shape == (None, 16, 16, 2)


def test_what_is_missing_or_does_not_fit_is_named() -> None:
    with pytest.raises(ArgumentError, match="'mine' does not name the normalisation.*one of tf"):
        SimpleBaseline.from_backbone(functional(), SKELETON)
    with pytest.raises(ArgumentError, match=r"\(2, 2, C\).*'mine' returns \(4, 4, 8\)"):
        SimpleBaseline.from_backbone(functional(16), SKELETON, normalisation="none")
    with pytest.raises(ArgumentError, match="head must be one of deconv.*'unet'"):
        SimpleBaseline.from_backbone(functional(), SKELETON, head="unet", normalisation="none")
    any_size = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(8, 32, 32)])
    with pytest.raises(ArgumentError, match="any size. Pass input_size"):
        SimpleBaseline.from_backbone(any_size, SKELETON, normalisation="none")
    model = SimpleBaseline.from_backbone(
        any_size, SKELETON, normalisation="none", input_size=(64, 96)
    )
    assert model.output_shape == (None, 16, 24, 2)
    with pytest.raises(ArgumentError, match=r"return heatmaps .*\(32, 32, 2\).*\(16, 16, 2\)"):
        SimpleBaseline.from_backbone(
            functional(16),
            SKELETON,
            head=keras.Sequential(
                [
                    keras.Input((4, 4, 8)),
                    keras.layers.Conv2DTranspose(2, 8, strides=8),
                ]
            ),
            normalisation="none",
        )
