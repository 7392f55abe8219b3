"""Backbones: what all families share, and MobileNetV2's own arguments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from model_checks import CHECKS, Parts, built, on_one_worker

from simplebase.backbones import BACKBONES, MobileNetV2Backbone, ResNetBackbone
from simplebase.errors import ArgumentError
from simplebase.normalisation import NORMALISATIONS

# The deeper ResNets are the class of the first: their depth is checked beside keras.applications.
FAMILIES = sorted(set(BACKBONES) - {"resnet101", "resnet152"})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", on_one_worker(FAMILIES))
def test_every_backbone(name: str, check: Callable[[Parts, Path], None], tmp_path: Path) -> None:
    check(Parts(backbone=name), tmp_path)


@pytest.mark.parametrize("name", on_one_worker(FAMILIES))
def test_every_backbone_names_a_normalisation_that_exists(name: str) -> None:
    assert built(Parts(backbone=name)).backbone.normalisation in NORMALISATIONS


@pytest.mark.parametrize("name", FAMILIES)
def test_symmetric_padding_centres_every_strided_window(name: str) -> None:
    """As PyTorch pads: the same on all sides, whatever the kernel."""
    backbone = BACKBONES[name](input_size=(64, 64), padding="symmetric")
    strided = [
        layer
        for layer in backbone.layers
        if getattr(layer, "strides", (1, 1)) == (2, 2) and hasattr(layer, "kernel_size")
    ]
    assert strided
    for layer in strided:
        assert layer.padding == "valid" or layer.kernel_size == (1, 1)
    pads = [layer.padding for layer in backbone.layers if "ZeroPadding" in type(layer).__name__]
    assert pads and all(top == bottom == left == right for (top, bottom), (left, right) in pads)


def test_the_stride_of_a_bottleneck_goes_where_it_is_asked_for() -> None:
    for stride_in, strided in (("1x1", "_1_conv"), ("3x3", "_2_conv")):
        backbone = ResNetBackbone((64, 64), stride_in=stride_in)
        names = [
            layer.name
            for layer in backbone.layers
            if getattr(layer, "strides", None) == (2, 2) and layer.name.startswith("conv")
        ]
        main_path = [name for name in names if not name.endswith("_0_conv")]
        assert main_path == ["conv1_conv"] + [f"conv{n}_block1{strided}" for n in (3, 4, 5)]
    with pytest.raises(ArgumentError, match="1x1 or 3x3.*'2x2'"):
        ResNetBackbone((64, 64), stride_in="2x2")
    with pytest.raises(ArgumentError, match="50, 101, 152.*34"):
        ResNetBackbone((64, 64), depth=34)


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
