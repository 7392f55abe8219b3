"""Whether frames chosen by `data suggest` teach more than random ones.

python benchmarks/suggestions.py DATASET --backbone-weights FILE [--seeds 3] [--also DATASET]
    [WAY...]

For each seed a model learns from 100 random images of the train split. Then 200 of the other images
get labels too: random ones, those that `data suggest` puts first, the first by one of its criteria
alone, or the centres of 200 clusters of predicted poses. On all 300 the model is trained anew from
the same start. After its last epoch it is scored on the whole val split, and on 500 images of
--also: PCK@0.5, within 5 % of the crop's side. The interval of the difference to random images
comes from resampling val images. Results stay in --output and are not computed again.
"""

import argparse
import csv
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ablation import PRESET, SIZE

from simplebase import KeypointDataset, TrainingOptions, load_dataset, load_recipe, train
from simplebase.evaluation import predict_dataset
from simplebase.metrics.confidence import bootstrap_mean, percentile_interval
from simplebase.progress import Progress
from simplebase.runtimes import Runtime, load_runtime
from simplebase.suggesting import suggest_frames

FIRST, FURTHER = 100, 200
EPOCHS = {FIRST: 60, FIRST + FURTHER: 30}
CROP = 1.25
ALSO = 500
RESAMPLES = 2000

# From the figures of a frame to its rank; the highest are labelled.
WAYS: dict[str, Callable[[dict[str, float]], float]] = {
    "random": lambda frame: 0.0,
    "suggested": lambda frame: frame["score"],
    "low scores": lambda frame: -frame["mean_score"],
    "mirror": lambda frame: frame["mirror"],
    "high scores": lambda frame: frame["mean_score"],
    "pose clusters": lambda frame: -frame["from_centre"],
}


def main() -> None:
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser(description="Compare suggested images with random ones.")
    parser.add_argument("dataset", type=Path, help="a dataset folder with both splits")
    parser.add_argument("ways", nargs="*", help=f"by default all: {', '.join(WAYS)}")
    parser.add_argument("--backbone-weights", required=True, help="ImageNet weights file")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--also", help="a dataset folder: score on images of it too")
    parser.add_argument("--output", type=Path, default=Path("runs/suggestions"))
    options = parser.parse_args()
    ways = ["random", *(way for way in options.ways or WAYS if way != "random")]
    dataset = load_dataset(options.dataset)
    scored = {"val": dataset.validation}
    if options.also:
        also = load_dataset(options.also)
        rows = np.random.default_rng(1).permutation(len(also.records))[:ALSO]
        scored["also"] = also.select(np.sort(rows))
    for seed in range(options.seeds):
        for way in ways:
            train_way(way, seed, dataset, options)
    for name, images in scored.items():
        print_table(name, images, ways, options)


def print_table(
    name: str, images: KeypointDataset, ways: list[str], options: argparse.Namespace
) -> None:
    """Scores the models of all seeds on these images, and compares each way with random images."""
    hits = {
        way: np.concatenate(
            [
                scores_on(name, images, run_folder(way, seed, options))
                for seed in range(options.seeds)
            ]
        )
        for way in ways
    }
    paths = np.tile(images.records.paths, options.seeds)
    print(f"| {name} | PCK@0.5 | against random | 95 % interval |\n|---|---|---|---|")
    for way, values in hits.items():
        difference = values.mean() - hits["random"].mean()
        samples = bootstrap_mean((values - hits["random"])[:, None], paths, resamples=RESAMPLES)
        low, high = percentile_interval(samples)
        print(f"| {way} | {values.mean():.3f} | {difference:+.3f} | {low:+.3f} to {high:+.3f} |")


def run_folder(way: str, seed: int, options: argparse.Namespace) -> Path:
    """Where the model of a way and a seed is trained."""
    folder: Path = options.output / f"seed{seed}" / way.replace(" ", "_")
    return folder


def train_way(way: str, seed: int, dataset: KeypointDataset, options: argparse.Namespace) -> None:
    """Trains on 100 random images and 200 that are chosen this way, unless that is done."""
    folder = run_folder(way, seed, options)
    if (folder / "summary.json").exists():
        return
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
    ranks = ranks_in_clusters(load_runtime(model), dataset.select(rows), seed)
    from_centre = dict(zip(dataset.records.paths[rows].tolist(), ranks, strict=True))
    with table.open(newline="") as file:
        return {
            (path := names[Path(row["file"]).stem]): {
                "from_centre": from_centre[path],
                **{key: float(row[key]) for key in ("score", "mean_score", "mirror")},
            }
            for row in csv.DictReader(file)
        }


def ranks_in_clusters(runtime: Runtime, dataset: KeypointDataset, seed: int) -> list[float]:
    """Clusters the predicted poses; of each image the rank by distance from its cluster's centre.

    Poses are compared without their place and size. There are as many clusters as images to choose,
    so those of rank 0 are one image of each.
    """
    points = predict_dataset(runtime, dataset, flip_test=True)[..., :2]
    points = points - points.mean(axis=1, keepdims=True)
    points /= np.sqrt((points**2).sum(axis=-1).mean(axis=-1))[:, None, None]
    poses = points.reshape(len(points), -1).astype(np.float32)
    cv2.setRNGSeed(seed)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-4)
    start = np.zeros((len(poses), 1), np.int32)  # It is not used with k-means++.
    _, labels, centres = cv2.kmeans(poses, FURTHER, start, stop, 3, cv2.KMEANS_PP_CENTERS)
    labels = labels.ravel()
    distances = ((poses - centres[labels]) ** 2).sum(axis=-1)
    ranks = np.empty(len(poses))
    for cluster in range(FURTHER):
        members = np.flatnonzero(labels == cluster)
        ranks[members[np.argsort(distances[members])]] = np.arange(len(members))
    return ranks.tolist()


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


def scores_on(name: str, images: KeypointDataset, folder: Path) -> np.ndarray:
    """Of the last epoch: `(N,)` shares of keypoints within 5 % of the crop's side."""
    result = folder / f"hits_{name}.npy"
    if not result.exists():
        predictions = predict_dataset(load_runtime(folder / "checkpoints" / "last.keras"), images)
        labels = images.records.keypoints
        side = images.records.scales * 200 * CROP
        errors = np.linalg.norm(predictions[..., :2] - labels[..., :2], axis=-1) / side[:, None]
        labelled = labels[..., 2] > 0
        found = (labelled & (errors <= 0.05)).sum(axis=1)
        np.save(result, found / np.maximum(labelled.sum(axis=1), 1))
    return np.load(result)


@contextmanager
def _silent(label: str) -> Iterator[Progress]:
    yield lambda done, total: None


if __name__ == "__main__":
    main()
