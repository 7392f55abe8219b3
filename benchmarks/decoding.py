"""What each way to decode is worth, and what it takes, with and without the flip test.

python benchmarks/decoding.py MODEL DATASET [--images 300]

PCK is of upstream's normaliser, each with the 95 % interval of its difference to the first row.
Milliseconds are of a whole evaluation, from image file to keypoints; decoding alone stands last.
"""

import argparse
import time
from dataclasses import dataclass
from typing import get_args

import numpy as np

from simplebase import load_dataset
from simplebase.codec import DecodeMethod
from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import BatchSource
from simplebase.evaluation import Figure, difference, predict_dataset
from simplebase.evaluation.measuring import FEWEST_IMAGES, choose_normaliser, measure_pck
from simplebase.runtimes import Runtime, load_runtime

THRESHOLDS = (0.1, 0.2, 0.5)


@dataclass
class Way:
    """A way to decode, the PCKs that it comes to and its fastest times in seconds."""

    decode: DecodeMethod
    flip_test: bool
    figures: tuple[Figure, ...]
    whole: float = float("inf")
    decoding: float = float("inf")


def main() -> None:
    """Prints a row for each way."""
    parser = argparse.ArgumentParser(description="Measure the ways to decode.")
    parser.add_argument("model", help="a model file that answers heatmaps")
    parser.add_argument("dataset", help="a dataset folder with a val split")
    parser.add_argument("--images", type=int, default=300, help="of the val split")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each; the fastest counts")
    options = parser.parse_args()
    if options.images < FEWEST_IMAGES:
        parser.error(f"--images must be at least {FEWEST_IMAGES}: fewer have no interval.")
    val = load_dataset(options.dataset).validation
    dataset = val.select(np.arange(min(options.images, len(val))))
    runtime = load_runtime(options.model)
    heatmaps = _heatmaps(runtime, dataset)
    ways = [
        Way(decode, flip, _figures(runtime, dataset, decode, flip))
        for flip in (False, True)
        for decode in get_args(DecodeMethod)
    ]
    for _ in range(options.rounds):
        for way in ways:
            _time(way, runtime, dataset, heatmaps)
    _print(ways, len(dataset))


def _heatmaps(runtime: Runtime, dataset: KeypointDataset) -> np.ndarray:
    source = BatchSource(dataset, runtime.metadata.crop, runtime.metadata.input_size, 32)
    return np.concatenate([runtime.predict(batch["images"]) for batch in source.batches()])


def _figures(
    runtime: Runtime, dataset: KeypointDataset, decode: DecodeMethod, flip_test: bool
) -> tuple[Figure, ...]:
    found = predict_dataset(runtime, dataset, decode=decode, flip_test=flip_test)
    normaliser = choose_normaliser("upstream", dataset, runtime.metadata.input_size)
    return measure_pck(found, dataset, normaliser, THRESHOLDS).figures


def _time(way: Way, runtime: Runtime, dataset: KeypointDataset, heatmaps: np.ndarray) -> None:
    started = time.perf_counter()
    predict_dataset(runtime, dataset, decode=way.decode, flip_test=way.flip_test)
    ended = time.perf_counter()
    runtime.metadata.codec.decode(heatmaps, way.decode)
    way.whole = min(way.whole, ended - started)
    way.decoding = min(way.decoding, time.perf_counter() - ended)


def _print(ways: list[Way], images: int) -> None:
    reference = ways[0]
    pcks = "".join(f"{f'PCK@{threshold:g}':>9} {'95 %':>16}" for threshold in THRESHOLDS)
    print(f"{'decode':8} {'flip':5}{pcks} {'ms':>6} {'ratio':>6} {'decoding':>9}")
    for way in ways:
        cells = ""
        for figure, first in zip(way.figures, reference.figures, strict=True):
            ends = difference(figure, first).interval
            interval = f"{ends[0]:+.3f} to {ends[1]:+.3f}" if ends and way is not reference else ""
            value = "n/a" if figure.value is None else f"{figure.value:.3f}"
            cells += f"{value:>9} {interval:>16}"
        whole, decoding = (1000 * seconds / images for seconds in (way.whole, way.decoding))
        flip = "yes" if way.flip_test else "no"
        ratio = way.whole / reference.whole
        print(f"{way.decode:8} {flip:5}{cells} {whole:6.2f} {ratio:6.2f} {decoding:9.3f}")


if __name__ == "__main__":
    main()
