"""Backbones: what all families share, and MobileNetV2's own arguments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from model_checks import CHECKS, Parts

from simplebase.backbones import BACKBONES, MobileNetV2Backbone
from simplebase.errors import ArgumentError
from simplebase.normalisation import NORMALISATIONS


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_backbone(name: str, check: Callable[[Parts, Path], None], tmp_path: Path) -> None:
    check(Parts(backbone=name), tmp_path)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_names_a_normalisation_that_exists(name: str) -> None:
    assert BACKBONES[name].normalisation in NORMALISATIONS


def test_symmetric_padding_keeps_the_shape_and_shifts_the_features() -> None:
    same = MobileNetV2Backbone((64, 96), alpha=0.35)
    symmetric = MobileNetV2Backbone((64, 96), alpha=0.35, padding="symmetric")
    symmetric.set_weights(same.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (1, 64, 96, 3)).astype(np.float32)
    shifted, features = symmetric(images).numpy(), same(images).numpy()
    assert shifted.shape == features.shape == (1, 2, 3, 1280)
    assert np.abs(shifted - features).max() > 0.01 * features.max()


@pytest.mark.parametrize(("padding", "first"), [("same", 0), ("symmetric", -1)])
def test_the_stem_begins_where_its_padding_says(padding: Any, first: int) -> None:
    """PyTorch's padding of 1 centres the first window on pixel 0, Keras's "same" on pixel 1."""
    backbone = MobileNetV2Backbone((64, 64), alpha=0.35, padding=padding)
    kernel = backbone.get_layer("Conv1").get_weights()[0]
    stem = keras.Model(backbone.inputs[0], backbone.get_layer("Conv1").output)
    image = np.random.default_rng(0).uniform(-1, 1, (64, 64, 3)).astype(np.float32)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    window = padded[1 + first : 4 + first, 1 + first : 4 + first]
    expected = np.einsum("yxc,yxcf->f", window, kernel)
    np.testing.assert_allclose(stem(image[None])[0, 0, 0], expected, atol=1e-5)


def test_symmetric_padding_reaches_the_strided_depthwise_convolutions() -> None:
    backbone = MobileNetV2Backbone((64, 64), alpha=0.35, padding="symmetric")
    pads = [layer for layer in backbone.layers if layer.name.endswith("_pad")]
    assert [layer.padding for layer in pads] == [((1, 1), (1, 1))] * 4


def test_an_unknown_padding_is_refused() -> None:
    with pytest.raises(ArgumentError, match="same or symmetric.*'valid'"):
        MobileNetV2Backbone((64, 64), padding="valid")


def test_batch_norm_constants_reach_every_batch_norm() -> None:
    backbone = MobileNetV2Backbone((64, 64), alpha=0.35, bn_momentum=0.7, bn_epsilon=1e-5)
    norms = [layer for layer in backbone.layers if "BatchNorm" in type(layer).__name__]
    assert len(norms) == 52
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.7, 1e-5)}
