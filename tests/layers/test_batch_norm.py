"""The fused BatchNorm against that of Keras: results, gradients, statistics and files."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from simplebase.backbones import MobileNetV2Backbone
from simplebase.layers.batch_norm import BatchNormalization

RELATIVE_ERROR = {"float32": 1e-5, "mixed_float16": 1e-3, "mixed_bfloat16": 8e-3}
"""Of each dtype; the last two keep 11 and 8 bits."""

Norm = type[keras.layers.BatchNormalization]


def draw(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Values away from 0, so that a mean left out shows."""
    return np.random.default_rng(seed).normal(1.5, 2, shape).astype(np.float32)


def build(kind: Norm, shape: tuple[int, ...], **arguments: Any) -> keras.layers.BatchNormalization:
    """A layer whose weights differ from each other and from a fresh layer's."""
    layer = kind(**{"momentum": 0.9, "epsilon": 1e-5, **arguments})
    layer.build(shape)
    drawn = np.random.default_rng(2)
    layer.set_weights([drawn.uniform(0.5, 2, weight.shape) for weight in layer.weights])
    return layer


def train(layer: keras.layers.BatchNormalization, images: np.ndarray, **call: Any) -> list[Any]:
    """Outputs, gradients of the input and of the weights, and the weights after the call."""
    inputs = tf.constant(images)
    upstream = draw(1, images.shape)
    variables = [weight.value for weight in layer.trainable_weights]

    @tf.function(jit_compile=False)
    def run() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True, **call)
            loss = tf.reduce_sum(tf.cast(outputs, tf.float32) * upstream)
        return outputs, tape.gradient(loss, [inputs, *variables])

    outputs, gradients = run()
    return [outputs, *gradients, *layer.get_weights()]


def assert_close(actual: list[Any], expected: list[Any], tolerance: float) -> None:
    """Each within `tolerance` of the largest value, as gradients cancel to nearly 0 in places."""
    for mine, theirs in zip(actual, expected, strict=True):
        theirs = np.float32(theirs)
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(
            np.float32(mine), theirs, rtol=0, atol=tolerance * np.abs(theirs).max()
        )


def operations(layer: keras.layers.Layer, shape: tuple[int, ...], **call: Any) -> set[str]:
    """The operations of TensorFlow that a call is made of."""
    traced = tf.function(lambda x: layer(x, **call), jit_compile=False)
    graph = traced.get_concrete_function(tf.TensorSpec(shape, layer.compute_dtype)).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("policy", RELATIVE_ERROR)
@pytest.mark.parametrize("shape", [(4, 8, 6, 5), (3, 7, 5, 9), (1, 1, 1, 4)], ids=str)
def test_training_computes_what_keras_does(shape: tuple[int, ...], policy: str) -> None:
    ours, theirs = (
        train(build(kind, shape, dtype=policy), draw(0, shape))
        for kind in (BatchNormalization, keras.layers.BatchNormalization)
    )
    assert ours[0].dtype == theirs[0].dtype
    assert_close(ours, theirs, RELATIVE_ERROR[policy])


@pytest.mark.parametrize("policy", RELATIVE_ERROR)
def test_training_is_fused(policy: str) -> None:
    layer = build(BatchNormalization, (4, 8, 6, 5), dtype=policy)
    assert "FusedBatchNormV3" in operations(layer, (None, None, None, 5), training=True)


def test_the_moving_variance_follows_the_variance_divided_by_the_size() -> None:
    layer = build(BatchNormalization, (2, 1, 1, 1), momentum=0.5)
    layer.set_weights([np.float32([value]) for value in (1, 0, 0, 0)])
    # Mean 2 and variance 1; the fused operation returns 2, the variance of a sample of two.
    layer(np.float32([1, 3]).reshape(2, 1, 1, 1), training=True)
    np.testing.assert_allclose(layer.get_weights()[2:], [[1.0], [0.5]], rtol=1e-6)


def test_training_without_gamma_or_beta_computes_what_keras_does() -> None:
    shape = (4, 8, 6, 5)
    for arguments in ({"scale": False}, {"center": False}):
        ours, theirs = (
            train(build(kind, shape, **arguments), draw(0, shape))
            for kind in (BatchNormalization, keras.layers.BatchNormalization)
        )
        assert_close(ours, theirs, 1e-5)


@pytest.mark.parametrize(
    ("shape", "arguments", "call"),
    [
        ((4, 5, 8, 6), {"axis": 1}, {}),
        ((4, 6), {}, {}),
        ((4, 8, 6, 5), {"synchronized": True}, {}),
        ((4, 8, 6, 5), {"dtype": "float64"}, {}),
        ((4, 8, 6, 5), {}, {"mask": tf.constant([[[True] * 6] * 8] * 3 + [[[False] * 6] * 8])}),
    ],
    ids=["axis", "vectors", "synchronized", "float64", "mask"],
)
def test_whatever_cannot_be_fused_computes_what_keras_does(
    shape: tuple[int, ...], arguments: dict[str, Any], call: dict[str, Any]
) -> None:
    ours, theirs = (
        train(build(kind, shape, **arguments), draw(0, shape), **call)
        for kind in (BatchNormalization, keras.layers.BatchNormalization)
    )
    assert_close(ours, theirs, 0)


def test_a_frozen_layer_uses_and_keeps_its_moving_statistics() -> None:
    shape = (4, 8, 6, 5)
    layer = build(BatchNormalization, shape)
    layer.trainable = False
    before = layer.get_weights()
    images = draw(0, shape)
    gamma, beta, mean, variance = before
    expected = gamma * (images - mean) / np.sqrt(variance + 1e-5) + beta
    np.testing.assert_allclose(layer(images, training=True), expected, rtol=1e-4, atol=1e-5)
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))


def test_inference_has_the_operations_that_exports_fold() -> None:
    ours, theirs = (
        operations(build(kind, (1, 8, 6, 5)), (None, 8, 6, 5), training=False)
        for kind in (BatchNormalization, keras.layers.BatchNormalization)
    )
    assert ours == theirs


def test_weights_files_are_those_of_keras(tmp_path: Path) -> None:
    """A file that was written before the layer was fused holds the same paths."""
    stored: list[dict[str, np.ndarray]] = []
    images = draw(3, (2, 4, 4, 3))
    models = []
    for kind in (BatchNormalization, keras.layers.BatchNormalization):
        layer = build(kind, (None, 4, 4, 3), name="norm")
        model = keras.Sequential([keras.Input((4, 4, 3)), layer])
        model.save_weights(path := tmp_path / f"{len(models)}.weights.h5")
        with h5py.File(path) as file:
            arrays: dict[str, np.ndarray] = {}
            file.visititems(
                lambda name, item, into=arrays: (
                    into.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
                )
            )
        stored.append(arrays)
        models.append(model)
    ours, theirs = stored
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    expected = models[1](images)
    models[0].set_weights([np.zeros(weight.shape) for weight in models[0].weights])
    models[0].load_weights(tmp_path / "1.weights.h5")
    np.testing.assert_array_equal(models[0](images), expected)


def test_a_part_of_a_model_of_ours_keeps_its_fused_layers_in_a_file(tmp_path: Path) -> None:
    """Keras stores each layer by its class where the model is none of ours."""
    backbone = MobileNetV2Backbone((32, 32), alpha=0.35)
    stem = keras.Model(backbone.input, backbone.get_layer("bn_Conv1").output)
    stem.save(tmp_path / "stem.keras")
    loaded = keras.saving.load_model(tmp_path / "stem.keras")
    assert type(loaded.get_layer("bn_Conv1")) is BatchNormalization
    images = draw(0, (2, 32, 32, 3))
    np.testing.assert_array_equal(loaded(images), stem(images))


def test_every_batch_norm_of_a_rebuilt_backbone_is_fused() -> None:
    layers = MobileNetV2Backbone((32, 32), alpha=0.35).layers
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {type(layer) for layer in norms} == {BatchNormalization}
