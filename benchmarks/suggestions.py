"""Whether frames chosen by `data suggest` teach more than random ones.

python benchmarks/suggestions.py DATASET --backbone-weights FILE [--seeds 3] [WAY...]

For each seed a model learns from 100 random images of the train split. Then 200 of the other images
get labels too: random ones, those that `data suggest` puts first, or the first by one of its parts
alone. On all 300 the model is trained anew from the same start, and scored on the whole val split
after its last epoch: PCK@0.5, within 5 % of the crop's side. The interval of the difference to
random images comes from drawing val images. Results lie in --output and are not made again.
"""

import argparse
import csv
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ablation import PRESET, SIZE

from simplebase import KeypointDataset, TrainingOptions, load_dataset, load_recipe, train
from simplebase.evaluation import predict_dataset
from simplebase.metrics.confidence import bootstrap_mean, percentile_interval
from simplebase.progress import Progress
from simplebase.runtimes import load_runtime
from simplebase.suggesting import suggest_frames

FIRST, FURTHER = 100, 200
EPOCHS = {FIRST: 60, FIRST + FURTHER: 30}
CROP = 1.25
RESAMPLES = 2000

# From the figures of a frame to its rank; the highest are labelled.
WAYS: dict[str, Callable[[dict[str, float]], float]] = {
    "random": lambda frame: 0.0,
    "suggested": lambda frame: frame["score"],
    "low scores": lambda frame: -frame["mean_score"],
    "mirror": lambda frame: frame["mirror"],
    "high scores": lambda frame: frame["mean_score"],
}


def main() -> None:
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser(description="Compare suggested images with random ones.")
    parser.add_argument("dataset", type=Path, help="a dataset folder with both splits")
    parser.add_argument("ways", nargs="*", help=f"by default all: {', '.join(WAYS)}")
    parser.add_argument("--backbone-weights", required=True, help="ImageNet weights file")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("runs/suggestions"))
    options = parser.parse_args()
    ways = ["random", *(way for way in options.ways or WAYS if way != "random")]
    dataset = load_dataset(options.dataset)
    hits = {
        way: np.concatenate([hits_of(way, seed, dataset, options) for seed in range(options.seeds)])
        for way in ways
    }
    images = np.tile(dataset.validation.records.paths, options.seeds)
    print("| images | PCK@0.5 | against random | 95 % interval |\n|---|---|---|---|")
    for way, values in hits.items():
        difference = values.mean() - hits["random"].mean()
        samples = bootstrap_mean((values - hits["random"])[:, None], images, resamples=RESAMPLES)
        low, high = percentile_interval(samples)
        print(f"| {way} | {values.mean():.3f} | {difference:+.3f} | {low:+.3f} to {high:+.3f} |")


def hits_of(
    way: str, seed: int, dataset: KeypointDataset, options: argparse.Namespace
) -> np.ndarray:
    """`(N,)`: of each val record the share of keypoints that the trained model finds."""
    folder = options.output / f"seed{seed}" / way.replace(" ", "_")
    result = folder / "hits.npy"
    if not result.exists():
        rows = np.flatnonzero(~dataset.records.validation)
        rows = np.random.default_rng(seed).permutation(rows)
        first, others = rows[:FIRST], rows[FIRST:]
        if way == "random":
            chosen = others[:FURTHER]
        else:
            figures = figures_of(others, first, seed, dataset, options)
            value = WAYS[way]
            best = sorted(others, key=lambda row: -value(figures[str(dataset.records.paths[row])]))
            chosen = np.array(best[:FURTHER])
        train_on(np.concatenate([first, chosen]), dataset, folder, seed, options)
        np.save(result, score(dataset, folder))
    return np.load(result)


def figures_of(
    rows: np.ndarray,
    first: np.ndarray,
    seed: int,
    dataset: KeypointDataset,
    options: argparse.Namespace,
) -> dict[str, dict[str, float]]:
    """Of each image of `rows` what `data suggest` with the model of `first` says of it."""
    folder = options.output / f"seed{seed}"
    model = folder / "first" / "checkpoints" / "last.keras"
    if not (folder / "first" / "summary.json").exists():
        train_on(first, dataset, folder / "first", seed, options)
    table = folder / "suggestions" / "suggestions.csv"
    if not table.exists():
        paths = sorted(dataset.records.paths[rows])
        images = folder / "images"
        shutil.rmtree(images, ignore_errors=True)
        names = link(paths, options.dataset / "images", images)
        suggest_frames(
            model, [images], table.parent, len(paths), progress=_silent, alike=-1, labels="coco"
        )
        (images / "names.txt").write_text("\n".join(f"{name} {path}" for name, path in names))
    listed = (folder / "images" / "names.txt").read_text().splitlines()
    names = dict(line.split(" ", 1) for line in listed)
    with table.open(newline="") as file:
        return {
            names[Path(row["file"]).stem]: {
                key: float(row[key]) for key in ("score", "mean_score", "mirror")
            }
            for row in csv.DictReader(file)
        }


def link(paths: list[str], source: Path, target: Path) -> Any:
    """Links to images of a folder under numbers, which no two folders share."""
    target.mkdir(parents=True)
    names = []
    for number, path in enumerate(paths):
        name = f"{number:06d}"
        (target / (name + Path(path).suffix)).symlink_to((source / path).resolve())
        names.append((name, path))
    return names


def train_on(
    rows: np.ndarray,
    dataset: KeypointDataset,
    folder: Path,
    seed: int,
    options: argparse.Namespace,
) -> None:
    """Trains from ImageNet weights on some train records; a few val records are watched."""
    watched = np.flatnonzero(dataset.records.validation)[:50]
    recipe = load_recipe("small").updated({"total_epoch": EPOCHS[len(rows)]})
    settings = TrainingOptions(
        recipe=recipe,
        input_size=SIZE,
        backbone_weights=options.backbone_weights,
        cache="memory",
        seed=seed,
    )
    part = dataset.select(np.sort(np.concatenate([rows, watched])))
    train(PRESET, part, settings, run_dir=folder, overwrite=True)


def score(dataset: KeypointDataset, folder: Path) -> np.ndarray:
    """Of the last epoch: `(N,)` shares of keypoints within 5 % of the crop's side."""
    val = dataset.validation
    predictions = predict_dataset(load_runtime(folder / "checkpoints" / "last.keras"), val)
    labels = val.records.keypoints
    side = val.records.scales * 200 * CROP
    errors = np.linalg.norm(predictions[..., :2] - labels[..., :2], axis=-1) / side[:, None]
    labelled = labels[..., 2] > 0
    return (labelled & (errors <= 0.05)).sum(axis=1) / labelled.sum(axis=1)


@contextmanager
def _silent(label: str) -> Iterator[Progress]:
    yield lambda done, total: None


if __name__ == "__main__":
    main()
