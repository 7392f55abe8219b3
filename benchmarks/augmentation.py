"""Milliseconds an image of each augmentation layer, of KerasCV's own, and of the default recipe.

python benchmarks/augmentation.py

All are traced, in turns, on a batch of 16 random uint8 images; the fastest turn counts, as whatever
else runs on the machine only makes it slower. KerasCV's layers see the images alone, as its
geometry cannot move keypoints. The rows `keras_cv` are layers of KerasCV as an item of a recipe,
with draws from (seed, step), against the bare layer.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import keras
import keras_cv
import numpy as np
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.augmentation.foreign import keras_cv_layer
from simplebase.codec import HeatmapCodec
from simplebase.presets import Recipe, load_recipe
from simplebase.presets.augmentation_settings import KerasCVSettings
from simplebase.skeletons import load_skeleton

SIZE = (256, 256)
BATCH = 16
SKELETON = load_skeleton("mpii")
WHITE = (0, 255)
Job = Callable[[], Any]
Key = tuple[str, str]

# Items of ours and the layers of KerasCV that do the same; a KerasCV layer has no probability.
KERAS_CV: dict[str, Callable[[], Any]] = {
    "horizontal_flip": lambda: keras_cv.layers.RandomFlip("horizontal"),
    "rotation": lambda: keras_cv.layers.RandomRotation(40 / 360),
    "scale": lambda: keras_cv.layers.RandomZoom(0.3),
    "shift": lambda: keras_cv.layers.RandomTranslation(0.1, 0.1),
    "brightness": lambda: keras_cv.layers.RandomBrightness(0.2, value_range=WHITE),
    "contrast": lambda: keras_cv.layers.RandomContrast(value_range=WHITE, factor=0.2),
    "chroma": lambda: keras_cv.layers.RandomSaturation((0.4, 0.6)),
    "grayscale": lambda: keras_cv.layers.Grayscale(3),
    "sharpness": lambda: keras_cv.layers.RandomSharpness(0.5, value_range=WHITE),
    "blur": lambda: keras_cv.layers.RandomGaussianBlur(11, 1.5),
    "equalization": lambda: keras_cv.layers.Equalization(WHITE),
    "random_cutout": lambda: keras_cv.layers.RandomCutout(0.4, 0.4),
}
# Layers that only KerasCV has: as an item of a recipe, and called as it is.
KERAS_CV_ITEMS: dict[str, dict[str, Any]] = {
    "RandomHue": {"factor": 0.2},
    "RandomChannelShift": {"factor": 0.2},
    "ChannelShuffle": {},
}
GEOMETRY = ("horizontal_flip", "rotation", "scale", "shift")
COLOUR = ("brightness", "contrast", "chroma", "grayscale")
KERNELS = ("blur", "sharpness")
ROWS = (GEOMETRY, ("horizontal_flip", "rotation", "scale"), COLOUR, KERNELS)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Time the augmentation layers.")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each")
    options = parser.parse_args()
    own: dict[str, Job] = {}
    others: dict[str, Job] = {}
    singles = [(name,) for name in KERAS_CV if name not in GEOMETRY]
    for names in (*ROWS, *singles):
        row = ", ".join(names)
        own[row] = augment(*({"name": name} | certain(name) for name in names))
        others[row] = in_sequence(*(KERAS_CV[name]() for name in names))
    for name, *_ in singles:
        own[f"{name}, default probability"] = augment({"name": name})
    recipe = load_recipe("default")
    own["default recipe"] = augment(*recipe.augmentation)
    others["default recipe"] = in_sequence(
        *(KERAS_CV[item.name]() for item in recipe.augmentation if item.name in KERAS_CV)
    )
    own["default recipe and half_body"] = augment(*recipe.augmentation, {"name": "half_body"})
    own["default recipe and targets"] = augment(*recipe.augmentation, encode=True)
    own["one cast to float32"] = in_sequence()
    for name, values in KERAS_CV_ITEMS.items():
        item = {"name": "keras_cv", "layer": name, **values}
        own[f"keras_cv {name}"] = augment(item)
        others[f"keras_cv {name}"] = in_sequence(keras_cv_layer(KerasCVSettings(**item)))
    fastest = time_in_turns(
        {("own", name): job for name, job in own.items()}
        | {("KerasCV", name): job for name, job in others.items()},
        options.rounds,
    )
    print(f"{'ms/image, 256x256':42} {'ours':>6} {'KerasCV':>8} {'ratio':>6}")
    for row in own:
        ours, other = fastest["own", row], fastest.get(("KerasCV", row))
        compared = "" if other is None else f"{other:8.2f} {ours / other:6.2f}"
        print(f"{row:42} {ours:6.2f} {compared}")


def certain(name: str) -> dict[str, Any]:
    """What makes an item certain, as KerasCV's are; a flip is a flip of half the images."""
    return {} if name in GEOMETRY else {"probability": 1}


def augment(*items: Any, encode: bool = False) -> Job:
    """Our layers of these items, on canvases as large as they ask for."""
    settings = Recipe.model_validate({"name": "", "description": "", "augmentation": items})
    layer = Augmentation(settings.augmentation, SIZE, SKELETON)
    codec = HeatmapCodec(SIZE)

    def step(images: tf.Tensor, keypoints: tf.Tensor, number: tf.Tensor) -> Any:
        batch = layer({"images": images, "keypoints": keypoints}, step=number)
        if not encode:
            return batch
        return batch["images"], codec.encode(batch["keypoints"], ops=keras.ops)

    return traced(step, *random_batch(layer.canvas_size), tf.constant(1))


def in_sequence(*layers: Any) -> Job:
    """KerasCV's layers one after the other, on images as large as the input."""

    def step(images: tf.Tensor) -> Any:
        images = tf.cast(images, tf.float32)
        for layer in layers:
            images = layer(images)
        return images

    return traced(step, random_batch(SIZE)[0])


def traced(step: Callable[..., Any], *arguments: tf.Tensor) -> Job:
    """`step` as one graph, not compiled by XLA, which has no kernel for the warp."""
    graph = tf.function(step, jit_compile=False)
    return lambda: graph(*arguments)


def random_batch(size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Images `(B, H, W, 3)` uint8 and keypoints `(B, K, 3)`, all labelled."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, *size, 3), dtype=np.uint8)
    places = rng.uniform(0.2, 0.8, (BATCH, SKELETON.num_keypoints, 2)) * size[::-1]
    keypoints = np.concatenate([places, np.full((*places.shape[:2], 1), 2.0)], axis=-1)
    return tf.constant(images), tf.constant(keypoints, tf.float32)


def time_in_turns(jobs: dict[Key, Job], rounds: int) -> dict[Key, float]:
    """The fastest of `rounds` calls of each in milliseconds an image, without those that fail."""
    fastest: dict[Key, float] = {}
    for name, job in jobs.items():
        try:
            job()
        except Exception as error:  # Some of KerasCV's layers do not trace.
            print(f"{' '.join(name)} fails: {type(error).__name__}")
        else:
            fastest[name] = float("inf")
    for _ in range(rounds):
        for name in fastest:
            started = time.perf_counter()
            jobs[name]()
            seconds = time.perf_counter() - started
            fastest[name] = min(fastest[name], 1000 * seconds / BATCH)
    return fastest


if __name__ == "__main__":
    main()
