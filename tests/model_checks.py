"""What every backbone and every head has to hold; a test module asks for all of it in one line.

    @pytest.mark.parametrize("check", CHECKS)
    @pytest.mark.parametrize("name", on_one_worker(BACKBONES))
    def test_every_backbone(name, check, tmp_path):
        check(Parts(backbone=name), tmp_path)

A backbone is checked under a narrow head, a head on a backbone of one layer. To build one costs
seconds, so the checks of a name follow each other on one worker, where they share what they do not
change.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from simplebase import Crop, HeatmapCodec, ModelMetadata, SimpleBaseline, Skeleton, load_model
from simplebase.backbones import BACKBONES, Backbone
from simplebase.geometry import Size
from simplebase.heads import HEADS

NUM_KEYPOINTS = 3
SIZE: Size = (64, 64)


@keras.saving.register_keras_serializable(package="tests")
class OneLayerBackbone(Backbone):
    """The smallest thing that a head can stand on: one convolution of stride 32."""

    normalisation = "tf"

    def __init__(self, input_size: Size, name: str = "one_layer", **kwargs: Any) -> None:
        images = keras.Input((*input_size, 3))
        features = keras.layers.Conv2D(8, 32, strides=32, name="conv")(images)
        super().__init__(inputs=images, outputs=features, name=name, **kwargs)
        self.input_size = input_size

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "input_size": self.input_size}


@dataclass(frozen=True)
class Parts:
    """What to check: a backbone under a narrow head, or a head on `OneLayerBackbone`."""

    backbone: str | None = None
    head: str | None = None

    def build(self, size: Size = SIZE) -> SimpleBaseline:
        if self.backbone is None:
            backbone: Backbone = OneLayerBackbone(size)
        else:
            backbone = BACKBONES[self.backbone](input_size=size)
        arguments = {"channels": (8, 8, 8)} if self.head is None else {}
        head = HEADS[self.head or "upsample_lite"](
            input_shape=backbone.output_shape[1:], num_keypoints=NUM_KEYPOINTS, **arguments
        )
        names = tuple(f"keypoint_{index}" for index in range(NUM_KEYPOINTS))
        metadata = ModelMetadata(
            "checked", size, Crop(), HeatmapCodec(size), Skeleton("checked", names)
        )
        return SimpleBaseline(backbone, head, metadata)

    @property
    def part(self) -> Callable[[SimpleBaseline], keras.Model]:
        return (
            (lambda model: model.head) if self.backbone is None else (lambda model: model.backbone)
        )


def on_one_worker(names: Iterable[str]) -> list[Any]:
    """Parameters that are names: all tests of a name are given to one worker."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]


@cache
def built(parts: Parts) -> SimpleBaseline:
    """The model that all checks share; a check leaves it as it was, but for its weights."""
    return parts.build()


def trainable(model: keras.Model, above: str = "") -> dict[str, bool]:
    """Whether a model and each layer in it that has weights, by its place, is trained."""
    found = {above: model.trainable} if model.weights else {}
    for index, layer in enumerate(getattr(model, "layers", ())):
        found |= trainable(layer, f"{above}/{index}")
    return found


def _images(size: Size = SIZE, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3)).astype(np.float32)


def has_the_stride_of_4_for_square_and_other_inputs(parts: Parts, folder: Path) -> None:
    """A heatmap is a quarter of the input, features a 32nd, whatever the aspect ratio."""
    assert built(parts)(_images(), training=False).shape == (2, 16, 16, NUM_KEYPOINTS)
    wide = parts.build((64, 96))
    assert wide.backbone.output_shape[:3] == (None, 2, 3)
    assert wide(_images((64, 96)), training=False).shape == (2, 16, 24, NUM_KEYPOINTS)


def answers_the_same_after_saving_and_loading(parts: Parts, folder: Path) -> None:
    """The `.keras` file holds all weights, BatchNorm's statistics and what is frozen."""
    model = built(parts)
    values = np.random.default_rng(1)
    for weight in model.weights:
        # Fresh statistics and biases are all 0 or 1: a file that mixed them up would go unnoticed.
        weight.assign(values.uniform(0.9, 1.1, weight.shape) * (weight.numpy() + 0.01))
    path = folder / "model.keras"
    model.freeze(2)
    try:
        model.save(path)
        frozen = trainable(model)
    finally:
        model.freeze(0)
    loaded = load_model(path)
    assert trainable(loaded) == frozen
    assert len(loaded.trainable_weights) == 2
    assert type(parts.part(loaded)) is type(parts.part(model))
    expected = model(_images(), training=False)
    spread = np.ptp(expected)
    assert spread > 0
    answer = loaded(_images(), training=False)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5 * spread)


def answers_in_float32_under_mixed_precision(parts: Parts, folder: Path) -> None:
    """Heatmaps in float16 or bfloat16 would be too coarse to decode below a pixel."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = parts.build()
    finally:
        keras.config.set_dtype_policy(before)
    assert "bfloat16" in {layer.compute_dtype for layer in parts.part(model).layers}
    heatmaps = model(_images(), training=False)
    assert heatmaps.dtype == tf.float32
    assert np.isfinite(heatmaps).all()


def trains_every_weight(parts: Parts, folder: Path) -> None:
    """No layer is left out of the graph or cut off from the loss."""
    model = built(parts)
    weights = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = keras.ops.mean(keras.ops.square(model(_images(count=4), training=True) - 1))
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    unreached = [w.path for w, g in zip(weights, gradients, strict=True) if g is None]
    assert not unreached
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    kernels = [g for w, g in zip(weights, gradients, strict=True) if "kernel" in w.path]
    assert all(np.abs(gradient).max() > 0 for gradient in kernels)


def is_made_again_by_its_config(parts: Parts, folder: Path) -> None:
    """`get_config` names every argument of the constructor, by values that JSON can hold."""
    part = parts.part(built(parts))
    part.layers[-1].trainable = False
    try:
        twin = type(part).from_config(part.get_config())
        assert twin.get_config() == part.get_config()
        assert trainable(twin) == trainable(part)
    finally:
        part.layers[-1].trainable = True
    assert [weight.shape for weight in twin.weights] == [weight.shape for weight in part.weights]
    config = keras.saving.serialize_keras_object(part)["config"]
    arguments = set(type(part).__init__.__annotations__) - {"kwargs", "return"}
    assert arguments <= set(config)


def freezes_what_the_level_says(parts: Parts, folder: Path) -> None:
    """Level 1 keeps the backbone, 2 all but the last layer; frozen BatchNorms do not move."""
    model = built(parts)
    everything = len(model.trainable_weights)
    try:
        for level, left in ((1, len(model.head.trainable_weights)), (2, 2)):
            model.freeze(level)
            assert len(model.trainable_weights) == left
            frozen = model.backbone if level == 1 else model
            before = [weight.numpy() for weight in frozen.weights]
            model(_images(), training=True)
            after = [weight.numpy() for weight in frozen.weights]
            assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    finally:
        model.freeze(0)
    assert len(model.trainable_weights) == everything


CHECKS = [
    has_the_stride_of_4_for_square_and_other_inputs,
    trains_every_weight,
    freezes_what_the_level_says,
    is_made_again_by_its_config,
    answers_the_same_after_saving_and_loading,
    answers_in_float32_under_mixed_precision,
]
