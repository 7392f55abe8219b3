"""Measures the speed of the input pipeline, stage by stage."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.codec import HeatmapCodec
from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import Batch, BatchSource
from simplebase.data.pipeline.canvases import CanvasReader, sample_into
from simplebase.devices import SMALLER_BATCH, explaining_out_of_memory
from simplebase.errors import ArgumentError
from simplebase.metadata import ModelMetadata
from simplebase.presets import Recipe

_SEED = 0
_WARM_UP = 3  # calls before a traced function is timed


@dataclass(frozen=True)
class Stage:
    """The speed of a stage of the pipeline.

    Args:
        name: name of the stage.
        threads: number of threads; 0 if TensorFlow chooses.
        images_per_second: speed of this stage alone.
    """

    name: str
    threads: int
    images_per_second: float

    @property
    def milliseconds(self) -> float:
        """Wall time per image."""
        return 1000 / self.images_per_second

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {**asdict(self), "ms_per_image": self.milliseconds}


def measure_data(
    dataset: KeypointDataset,
    *,
    metadata: ModelMetadata,
    recipe: Recipe,
    batch_size: int,
    images: int,
) -> Iterator[Stage]:
    """Times each stage on the same random records; yields each result when it is complete.

    Args:
        dataset: the dataset. If it has fewer records than `images`, they are read repeatedly.
        metadata: provides the model's crop, input size and targets.
        recipe: provides the augmentation, which determines the canvas.
        batch_size: samples per batch.
        images: number of images to time, at least one batch.

    Raises:
        ArgumentError: `images` is less than a batch.
        MissingFileError, DataError: an image is missing or cannot be read.
    """
    if images < batch_size:
        raise ArgumentError(f"{images} images are less than a batch of {batch_size}.")
    crop, size, codec = metadata.crop, metadata.input_size, metadata.codec
    augmentation = Augmentation(recipe.augmentation, size, dataset.skeleton, _SEED)
    canvas = augmentation.canvas_size
    order = dataset.images.shuffled(_SEED, epoch=0)[np.arange(images) % len(dataset)]
    yield from _one_thread(CanvasReader(dataset, crop, size, canvas), order)
    plain = BatchSource(dataset, crop, size, batch_size, canvas)
    yield Stage("batches, no cache", plain.workers, _rate(plain.batches(order)))
    chosen = dataset.select(order)
    cached = BatchSource(chosen, crop, size, batch_size, canvas, cache="memory")
    _rate(cached.batches())
    yield Stage("batches, memory cache", cached.workers, _rate(cached.batches()))
    with explaining_out_of_memory(batch_size, SMALLER_BATCH):
        rate = _graph_rate(augmentation, codec, cached)
    yield Stage("augmentation and targets", 0, rate)


def _one_thread(reader: CanvasReader, order: np.ndarray) -> Iterator[Stage]:
    sampling, _ = reader.plan(order)
    canvas = np.empty((*reader.canvas_size, 3), np.uint8)
    seconds = {"read": 0.0, "decode": 0.0, "sample": 0.0}
    for row, index in enumerate(order):
        times = [time.perf_counter()]
        data = reader.dataset.images.read(index)
        times.append(time.perf_counter())
        image = reader.decode(data, index, sampling, row)
        times.append(time.perf_counter())
        sample_into(canvas, image, sampling, row)
        times.append(time.perf_counter())
        for name, spent in zip(seconds, np.diff(times).tolist(), strict=True):
            seconds[name] += spent
    for name, spent in seconds.items():
        yield Stage(name, 1, len(order) / spent)


def _rate(batches: Iterator[Batch]) -> float:
    """Returns images per second."""
    started = time.perf_counter()
    images = sum(len(batch["images"]) for batch in batches)
    return images / (time.perf_counter() - started)


def _graph_rate(augmentation: Augmentation, codec: HeatmapCodec, source: BatchSource) -> float:
    """Returns images per second of the training graph before the network."""

    @tf.function(jit_compile=False)
    def prepare(images: Any, keypoints: Any, step: Any) -> Any:
        batch = augmentation({"images": images, "keypoints": keypoints}, step)
        targets, weights = codec.encode(batch["keypoints"], ops=keras.ops)
        return batch["images"], targets, weights

    def run(step: int, batch: Batch) -> None:
        prepare(tf.constant(batch["images"]), tf.constant(batch["keypoints"]), tf.constant(step))

    batches = list(source.batches(drop_remainder=True))
    for step in range(_WARM_UP):
        run(step, batches[0])
    started = time.perf_counter()
    for step, batch in enumerate(batches):
        run(step, batch)
    return len(batches) * source.batch_size / (time.perf_counter() - started)
