"""Runs KerasCV and Keras layers that change pixels, with randomness from (seed, step)."""

import contextlib
import difflib
import inspect
from collections.abc import Iterator
from typing import Any

import keras
import keras_cv
import tensorflow as tf
from keras_cv.core import FactorSampler, NormalFactorSampler, UniformFactorSampler
from keras_cv.layers import BaseImageAugmentationLayer, VectorizedBaseImageAugmentationLayer

from simplebase.augmentation.random import StepRandom
from simplebase.errors import ArgumentError, first_line, listed
from simplebase.presets.augmentation_settings import KerasCVSettings

WHITE = 255.0


class ImageLayer:
    """Calls a Keras or KerasCV layer on a batch's images; keypoints are not changed.

    All random numbers of the layer and of its inner layers depend on (seed, step) only:

    - Its `tf.random.Generator` objects get a new state at the start of each call.
    - Its `FactorSampler` objects use `tf.random.uniform` and cannot be repeated. During the call
      they are replaced by samplers that draw from such a generator.
    - Seed generators of Keras read a new state, and what they write back is dropped.

    After the call, only the state of the layer's own generators has changed. This class is not a
    Keras layer, so that generators are not among the weights of a training model.

    Args:
        layer: takes images `(B, H, W, 3)` float32, 0 to 255, and returns such images of the same
            size; see `check_layer`.

    `random`, set by `Augmentation`, is the source of the draws.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        self.layer = layer
        self.random = StepRandom(0)
        # KerasCV's layers have no inference mode.
        takes = inspect.signature(layer.call).parameters
        self._training = {"training": True} if "training" in takes else {}
        parts = list(with_inner_layers(layer))
        # Without a seed, KerasCV's layers refer to the global generator, but most never use it.
        shared = tf.random.get_global_generator()
        found = (value for part in parts for value in vars(part).values())
        held = {id(value): value for value in found if isinstance(value, tf.random.Generator)}
        self._generators = [value for value in held.values() if value is not shared]
        self._samplers = list(_replaceable_samplers(parts))
        self._generators.extend(ours.generator for _, _, _, ours in self._samplers)
        # A separate function, because Keras's `fit` turns off AutoGraph, which RandomApply needs.
        self._traced = tf.function(self._change, jit_compile=False)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Returns the batch with changed images, `(B, H, W, 3)` float32 within 0 to 255.

        Raises:
            ArgumentError: the layer changes the size of images.
        """
        images = tf.cast(batch["images"], tf.float32)
        with _without_tracing_warnings():
            changed = self._traced(images, self.random.seed())
        if not images.shape.is_compatible_with(changed.shape):
            raise ArgumentError(
                f"augmentation layer {type(self.layer).__name__} makes images of shape "
                f"{tuple(changed.shape)} of those of shape {tuple(images.shape)}; sizes have to "
                "stay."
            )
        return {**batch, "images": tf.ensure_shape(changed, images.shape)}

    def _change(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = _Seeds(seed)
        for generator in self._generators:
            generator.reset(seeds.state(generator.state.shape[0], generator.state.dtype))
        with self._own_samplers(), _SeedScope(seeds):
            changed = tf.cast(self.layer(images, **self._training), tf.float32)
        # A raw op, because `tf.clip_by_value` takes two passes.
        return tf.raw_ops.ClipByValue(t=changed, clip_value_min=0.0, clip_value_max=WHITE)

    @contextlib.contextmanager
    def _own_samplers(self) -> Iterator[None]:
        for part, name, _, ours in self._samplers:
            setattr(part, name, ours)
        try:
            yield
        finally:
            for part, name, theirs, _ in self._samplers:
                setattr(part, name, theirs)


@contextlib.contextmanager
def _without_tracing_warnings() -> Iterator[None]:
    """Suppresses TensorFlow's long warnings that some of KerasCV's layers are slow to trace."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


class _Seeds:
    """Derives states of generators from one seed `(2,)` int32."""

    def __init__(self, seed: tf.Tensor) -> None:
        self._seed = seed
        self._count = 0

    def state(self, length: int, dtype: Any) -> tf.Tensor:
        """Returns `(length,)` integers from the whole range of `dtype`, different in each call."""
        self._count += 1
        seed = tf.random.experimental.stateless_fold_in(self._seed, self._count)
        return tf.random.stateless_uniform((length,), seed, None, None, dtype)


class _GeneratorSampler(FactorSampler):
    """Draws the same distribution as a KerasCV sampler, from a generator that can be reset."""

    def __init__(self, sampler: UniformFactorSampler | NormalFactorSampler) -> None:
        self.sampler = sampler
        self.generator = tf.random.Generator.from_seed(1)

    def __call__(self, shape: Any = (), dtype: Any = "float32") -> tf.Tensor:
        sampler = self.sampler
        if isinstance(sampler, UniformFactorSampler):
            return self.generator.uniform(shape, sampler.lower, sampler.upper, dtype)
        drawn = self.generator.normal(shape, sampler.mean, sampler.stddev, dtype)
        return tf.clip_by_value(drawn, sampler.min_value, sampler.max_value)


class _SeedScope(keras.StatelessScope):
    """A scope in which Keras's seed generators, including the global one, take states of `seeds`.

    Other variables keep their value.
    """

    def __init__(self, seeds: _Seeds) -> None:
        super().__init__()
        self._seeds = seeds

    def get_current_value(self, variable: Any) -> Any:
        """Returns the variable's value in this scope, or `None` if the outer value applies."""
        value = super().get_current_value(variable)
        if value is None and variable.name == "seed_generator_state":
            value = self._seeds.state(variable.shape[0], variable.dtype)
            self.add_update((variable, value))
        return value


def with_inner_layers(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """Yields the layer and all its inner layers, each once."""
    seen: set[int] = set()
    waiting = [layer]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        for value in vars(part).values():
            several = value.values() if isinstance(value, dict) else value
            inner = several if isinstance(value, dict | list | tuple) else [value]
            waiting.extend(item for item in inner if isinstance(item, keras.layers.Layer))


def _replaceable_samplers(
    parts: list[keras.layers.Layer],
) -> Iterator[tuple[keras.layers.Layer, str, FactorSampler, _GeneratorSampler]]:
    """Returns layer, attribute, sampler and substitute for each sampler in a public attribute."""
    for part in parts:
        for name, value in vars(part).items():
            if isinstance(value, UniformFactorSampler | NormalFactorSampler) and name[0] != "_":
                yield part, name, value, _GeneratorSampler(value)


def keras_cv_layer(settings: KerasCVSettings) -> keras.layers.Layer:
    """Builds the layer that an item of a recipe names.

    Raises:
        ArgumentError: KerasCV does not have the layer, or the arguments are invalid.
    """
    layers = _augmentation_layers()
    if settings.layer not in layers:
        near = difflib.get_close_matches(settings.layer, layers, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {listed(layers, 60)}."
        raise ArgumentError(f"KerasCV has no augmentation layer {settings.layer!r}; {hint}")
    arguments = settings.arguments
    if "seed" in arguments:
        raise ArgumentError(
            f"keras_cv layer {settings.layer}: leave out seed; the draws follow from the seed of "
            "the training run."
        )
    kind = layers[settings.layer]
    takes = [name for name in inspect.signature(kind).parameters if name not in ("seed", "kwargs")]
    if "value_range" in takes:
        arguments = {"value_range": (0, 255), **arguments}
    policy = keras.config.dtype_policy()
    try:
        # For inner layers that it builds itself, to which its own dtype does not apply.
        keras.config.set_dtype_policy("float32")
        # Without a seed, or with 0, it would draw from TensorFlow's global generator.
        return kind(**{"seed": 1, "dtype": "float32", **arguments})
    except Exception as error:
        raise ArgumentError(
            f"keras_cv layer {settings.layer} refuses its arguments: {first_line(error)} "
            f"It takes {listed(takes)}."
        ) from error
    finally:
        keras.config.set_dtype_policy(policy)


def _augmentation_layers() -> dict[str, type[keras.layers.Layer]]:
    bases = (BaseImageAugmentationLayer, VectorizedBaseImageAugmentationLayer)
    public = {name: getattr(keras_cv.layers, name) for name in dir(keras_cv.layers)}
    return {
        name: value
        for name, value in public.items()
        if isinstance(value, type) and issubclass(value, bases) and value not in bases
    }
