"""Batches to augment, and settings in a word."""

from typing import Any

import numpy as np
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.augmentation.random import StepRandom
from simplebase.geometry import Size
from simplebase.presets import AugmentationSettings, Recipe
from simplebase.skeletons import Skeleton

SKELETON = Skeleton(
    "cross",
    ("left", "right", "top", "bottom", "middle"),
    horizontal_pairs=(("left", "right"),),
    vertical_pairs=(("top", "bottom"),),
)


def items(**named: dict[str, Any]) -> tuple[AugmentationSettings, ...]:
    """As a recipe would read them: `items(rotation={"degrees": 10})`."""
    listed = [{"name": name, **values} for name, values in named.items()]
    return Recipe.model_validate(
        {"name": "test", "description": "test", "augmentation": listed}
    ).augmentation


def augmentation(
    *settings: AugmentationSettings,
    size: Size = (64, 48),
    seed: int = 0,
    skeleton: Skeleton = SKELETON,
) -> Augmentation:
    return Augmentation(settings, size, skeleton, seed)


def run(layer: Augmentation, images: np.ndarray, keypoints: np.ndarray, step: int = 0) -> Any:
    batch = {"images": tf.constant(images), "keypoints": tf.constant(keypoints, tf.float32)}
    result = layer(batch, step=step)
    return result["images"].numpy(), result["keypoints"].numpy()


def noise(size: Size, count: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def unlabelled(count: int = 1) -> np.ndarray:
    return np.zeros((count, SKELETON.num_keypoints, 3), np.float32)


def white_dot(size: Size, x: float, y: float) -> np.ndarray:
    rows, columns = np.indices(size)
    blob = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.0**2))
    return np.repeat((255 * blob[..., None]).round(), 3, axis=2).astype(np.uint8)


def centroid(image: np.ndarray) -> np.ndarray:
    mass = image.sum(axis=-1)
    rows, columns = np.indices(mass.shape)
    return np.array([(columns * mass).sum(), (rows * mass).sum()]) / mass.sum()


class Extremes(StepRandom):
    """Draws nothing but the ends of each range."""

    def uniform(
        self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = tf.float32
    ) -> tf.Tensor:
        ends = super().uniform(shape) < 0.5
        return tf.where(ends, tf.cast(minval, dtype), tf.cast(maxval, dtype))


class Always(StepRandom):
    """Draws the same place of each range, 0 its lower end and 1 its upper."""

    def __init__(self, place: float) -> None:
        super().__init__(0)
        self.place = place

    def uniform(
        self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = tf.float32
    ) -> tf.Tensor:
        return tf.fill(shape, tf.cast(minval + self.place * (maxval - minval), dtype))


def always(place: float, layer: Augmentation) -> Augmentation:
    """`layer` with its randomness taken away."""
    layer.random = Always(place)
    for part in layer.layers:
        part.random = layer.random
    return layer
