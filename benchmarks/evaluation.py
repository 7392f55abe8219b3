"""How fast evaluation goes, against `model.predict` on one image at a time.

python benchmarks/evaluation.py MODEL.keras DATASET [--images 128]

Both read, crop, predict and decode the same records, with the same figures in the end.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from simplebase import KeypointDataset, load_dataset, load_model
from simplebase.data.pipeline import BatchSource
from simplebase.estimator import SimpleBaseline
from simplebase.evaluation import mean_pck, predict_dataset
from simplebase.geometry import invert, transform_points
from simplebase.runtimes import load_runtime


def main() -> None:
    """Prints images a second of both, and their PCK."""
    parser = argparse.ArgumentParser(description="Time evaluation.")
    parser.add_argument("model", help="a .keras file")
    parser.add_argument("dataset", help="a dataset folder with a val split")
    parser.add_argument("--images", type=int, default=128, help="of the val split")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each; the fastest counts")
    options = parser.parse_args()
    val = load_dataset(options.dataset).validation
    dataset = val.select(np.arange(min(options.images, len(val))))
    model, runtime = load_model(options.model), load_runtime(options.model)
    jobs: dict[str, Callable[[], np.ndarray]] = {
        "model.predict, one at a time": lambda: one_at_a_time(model, dataset),
        "simplebase eval": lambda: predict_dataset(runtime, dataset),
    }
    seconds = dict.fromkeys(jobs, float("inf"))
    scores = {}
    for job in jobs.values():
        job()  # traces
    for _ in range(options.rounds):
        for name, job in jobs.items():
            started = time.perf_counter()
            predictions = job()
            seconds[name] = min(seconds[name], time.perf_counter() - started)
            scores[name] = mean_pck(predictions, dataset, model.metadata.input_size)
    slowest = next(iter(seconds.values()))
    for name, taken in seconds.items():
        speed, ratio = len(dataset) / taken, slowest / taken
        print(f"{name:30} {speed:7.1f} images/s   x {ratio:4.1f}   PCK {scores[name]:.4f}")


def one_at_a_time(model: SimpleBaseline, dataset: KeypointDataset) -> np.ndarray:
    """What a first script does."""
    metadata = model.metadata
    source = BatchSource(dataset, metadata.crop, metadata.input_size, 1, workers=1)
    predictions = []
    for batch in source.batches():
        heatmaps = model.predict(batch["images"], verbose=0)
        points, scores = metadata.codec.decode(heatmaps, "dark")
        located = transform_points(invert(batch["matrices"]), points)
        predictions.append(np.concatenate([located, scores[..., None]], axis=-1))
    return np.concatenate(predictions)


if __name__ == "__main__":
    main()
