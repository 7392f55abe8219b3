"""Images a second that the input pipeline hands over, against a plain Python loader.

    python benchmarks/input_pipeline.py DATASET [DATASET ...]

256x256, batches of 16, the canvas of the recipe `default`. The plain loader also augments and draws
heatmaps, as such loaders do; here that is part of the training graph and not of these figures (see
`simplebase bench data` and benchmarks/augmentation.py).
"""

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import plain_loader

from simplebase.augmentation import Augmentation
from simplebase.data.dataset import KeypointDataset
from simplebase.data.loading import load_dataset
from simplebase.data.pipeline import BatchSource
from simplebase.geometry import Crop
from simplebase.presets import load_recipe

SIZE, BATCH = (256, 256), 16
IMAGES = 1600
ROUNDS = 3


def rate(batches: Iterable[Any]) -> float:
    """Images a second, all but the first batch: a loader may take its time to begin."""
    iterator = iter(batches)
    next(iterator)
    started = time.perf_counter()
    count = sum(1 for _ in iterator)
    return count * BATCH / (time.perf_counter() - started)


def measure(dataset: KeypointDataset) -> dict[str, float]:
    """The best rate of each loader in alternating rounds: what others do only ever slows."""
    dataset = dataset.select(np.arange(IMAGES) % len(dataset))
    settings = load_recipe("default").augmentation
    canvas = Augmentation(settings, SIZE, dataset.skeleton).canvas_size
    workers = plain_loader.WORKERS
    plain = BatchSource(dataset, Crop(), SIZE, BATCH, canvas, workers=workers)
    cached = BatchSource(dataset, Crop(), SIZE, BATCH, canvas, cache="memory", workers=workers)
    order = dataset.images.shuffled(seed=0, epoch=0)
    rate(cached.batches(order))
    loaders: dict[str, Callable[[], Iterable[Any]]] = {
        "plain loader, 2 threads": lambda: plain_loader.batches(dataset, SIZE, BATCH),
        "simplebase": lambda: plain.batches(order),
        "simplebase, memory cache": lambda: cached.batches(order),
    }
    best = dict.fromkeys(loaders, 0.0)
    for _ in range(ROUNDS):
        for name, loader in loaders.items():
            best[name] = max(best[name], rate(loader()))
    return best


def main() -> None:
    """Prints a table for each dataset."""
    for folder in sys.argv[1:]:
        rates = measure(load_dataset(folder))
        baseline = next(iter(rates.values()))
        print(folder)
        for name, value in rates.items():
            print(f"  {name:28} {value:8.0f} images/s   x {value / baseline:5.1f}")


if __name__ == "__main__":
    main()
