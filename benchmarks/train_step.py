"""Milliseconds an image of the training step, against the bare network's.

python benchmarks/train_step.py [--size 256] [PRESET...]

The bare network takes random float images and heatmaps that are there already, with a plain mean
square and the same optimizer. Ours takes a batch as the input pipeline delivers it: canvases in
uint8 and keypoints. The steps run in turns, and the fastest of each counts, as whatever else runs
on the machine only makes it slower.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.estimator import SimpleBaseline
from simplebase.losses import LOSSES
from simplebase.presets import Recipe, load_recipe
from simplebase.skeletons import load_skeleton
from simplebase.training.distribution import distribute
from simplebase.training.optimizer import build_optimizer, build_schedule
from simplebase.training.step import TrainingStep
from simplebase.training.training_model import TrainingModel
from simplebase.training.weight_average import WeightAverage

BATCH = 16
SKELETON = load_skeleton("mpii")
Job = Callable[[], Any]


def main() -> None:
    """Prints a table a preset."""
    parser = argparse.ArgumentParser(description="Time the training step.")
    parser.add_argument(
        "presets", nargs="*", default=["mobilenetv2_upsample_lite", "resnet50_deconv"]
    )
    parser.add_argument("--size", type=int, default=256, help="side of the input")
    parser.add_argument("--rounds", type=int, default=8, help="turns of each")
    options = parser.parse_args()
    recipe = load_recipe("default")
    for preset in options.presets:
        size = (options.size, options.size)
        jobs = {
            "bare network, random tensors": bare_step(preset, size, recipe),
            "simplebase without augmentation": our_step(
                build(preset, size), recipe.updated({"augmentation": ()})
            ),
            "simplebase": our_step(build(preset, size), recipe),
            "simplebase, moving average": our_step(
                build(preset, size), recipe.updated({"ema": 0.999})
            ),
        }
        fastest = time_in_turns(jobs, options.rounds)
        bare = next(iter(fastest.values()))
        print(f"{preset}, {options.size}x{options.size}, batch {BATCH}")
        for name, milliseconds in fastest.items():
            print(f"  {name:34} {milliseconds:8.1f} ms/image   x {milliseconds / bare:.2f}")


def bare_step(preset: str, size: tuple[int, int], recipe: Recipe) -> Job:
    """Forward, backward and update, with nothing around it."""
    model = build(preset, size)
    optimizer = build_optimizer(recipe, build_schedule(recipe, 100, transfer=False))
    optimizer.build(model.trainable_variables)
    images = tf.random.uniform((BATCH, *size, 3), 0, 255)
    heatmaps = tf.random.uniform(
        (BATCH, *model.metadata.codec.heatmap_size, SKELETON.num_keypoints)
    )

    def step() -> tf.Tensor:
        weights = model.trainable_variables
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.ops.square(model(images, training=True) - heatmaps))
        optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
        return loss

    graph = tf.function(step, jit_compile=False)
    return lambda: float(graph())


def our_step(model: SimpleBaseline, recipe: Recipe) -> Job:
    """The step of `simplebase.train`, on a batch that stays the same."""
    augmentation = Augmentation(recipe.augmentation, model.metadata.input_size, SKELETON)
    training_model = TrainingModel(model, augmentation, LOSSES[recipe.loss_type], recipe.loss_scale)
    optimizer = build_optimizer(recipe, build_schedule(recipe, 100, transfer=False))
    optimizer.build(model.trainable_variables)
    average = None if recipe.ema is None else WeightAverage(model, recipe.ema)
    step = TrainingStep(training_model, optimizer, distribute(), average)
    rng = np.random.default_rng(0)
    canvas = augmentation.canvas_size
    places = rng.uniform(0.2, 0.8, (BATCH, SKELETON.num_keypoints, 2)) * canvas[::-1]
    visible = np.full((*places.shape[:2], 1), 2.0)
    batch = {
        "images": rng.integers(0, 256, (BATCH, *canvas, 3), dtype=np.uint8),
        "keypoints": np.concatenate([places, visible], axis=-1).astype(np.float32),
    }
    return lambda: step(batch, 1)


def build(preset: str, size: tuple[int, int]) -> SimpleBaseline:
    """A model with random weights."""
    return SimpleBaseline.from_preset(
        preset, skeleton=SKELETON, input_size=size, backbone_weights="none"
    )


def time_in_turns(jobs: dict[str, Job], rounds: int) -> dict[str, float]:
    """The fastest of `rounds` calls of each in milliseconds an image, after one to trace it."""
    for job in jobs.values():
        job()
    fastest = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            seconds = time.perf_counter() - started
            fastest[name] = min(fastest[name], 1000 * seconds / BATCH)
    return fastest


if __name__ == "__main__":
    main()
