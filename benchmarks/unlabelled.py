"""What images without labels and a teacher are worth: the tables of docs/unlabelled.md.

python benchmarks/unlabelled.py DATASET --backbone-weights FILE [--images 50 300] [--seeds 0 1 2]
    [--more FOLDER] [--teacher FILE] [NAME...]

Trains mobilenetv1_upsample_lite at 128x128 on random subsets of the train split of `simplebase
convert lsp SOURCE DATASET --val-split 0.3`; the other records of that split, or with `--images 0`
those of the dataset folder --more, are learnt from without their labels. Scored is the last epoch
on the whole val split: PCK@0.5, which is within 5 % of the crop's side, with the 95 % interval over
the val images of the mean over seeds. Rows after `mean-teacher` differ from it in one thing, unless
they say more. What is in --output already is not trained again, so a table can grow. The --teacher
of `distil` may be the last.keras that `larger` has left in --output, and that of the rows few-...
the one of `small`. These differ from `few-file` in one thing.
"""

import argparse
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ablation import PRESET, SIZE, subset

from simplebase import KeypointDataset, TrainingOptions, load_dataset, load_recipe, train
from simplebase.evaluation import predict_dataset
from simplebase.files import write_json
from simplebase.metrics import upstream_normaliser
from simplebase.presets import Recipe
from simplebase.runtimes import load_runtime

WATCHED = 100  # val images while training
EPOCHS = {50: 160, 300: 80, 0: 20}
RESAMPLES = 2000
LARGER = "mobilenetv1_deconv"


@dataclass(frozen=True)
class Way:
    """A way to train.

    Args:
        what: for the table.
        changes: values in place of the recipe's.
        unlabelled: values in place of those of its key `unlabelled`.
        recipe: what is changed.
        alone: without the images that have no labels.
        teacher: the moving average, a model that is trained first, or the file of --teacher.
        preset: the preset that is trained.
        factor: on the number of epochs.
    """

    what: str
    changes: dict[str, Any] = field(default_factory=dict)
    unlabelled: dict[str, Any] = field(default_factory=dict)
    recipe: str = "few"
    alone: bool = False
    teacher: Literal["average", "own", "file"] = "average"
    preset: str = PRESET
    factor: float = 1.0


WAYS = {
    "small": Way("recipe small, labels alone", recipe="small", alone=True),
    "small-average": Way("the same with moving average", {"ema": 0.99}, recipe="small", alone=True),
    "small-long": Way("the same for twice the epochs", recipe="small", alone=True, factor=2),
    "larger": Way(f"{LARGER}, labels alone", recipe="small", alone=True, preset=LARGER),
    "few": Way("recipe few, self-training", teacher="own"),
    "few-file": Way("the same, with the teacher from a file", teacher="file"),
    "few-share-0.75": Way(
        "three times as many unlabelled images", teacher="file", unlabelled={"share": 0.75}
    ),
    "few-share-0.33": Way(
        "half as many unlabelled as labelled", teacher="file", unlabelled={"share": 1 / 3}
    ),
    "few-threshold-0.3": Way("threshold 0.3", teacher="file", unlabelled={"threshold": 0.3}),
    "few-no-mirror": Way("one view for the teacher", teacher="file", unlabelled={"mirror": None}),
    "few-weight-0.3": Way("weight 0.3", teacher="file", unlabelled={"weight": 0.3}),
    "mean-teacher": Way("moving average as teacher"),
    "mean-teacher-long": Way("for twice the epochs", factor=2),
    "average-0.999": Way("moving average 0.999", {"ema": 0.999}),
    "share-0.33": Way("half as many unlabelled as labelled", unlabelled={"share": 1 / 3}),
    "share-0.75": Way("three times as many", unlabelled={"share": 0.75}),
    "weight-0.3": Way("weight 0.3", unlabelled={"weight": 0.3}),
    "weight-3": Way("weight 3", unlabelled={"weight": 3.0}),
    "no-ramp": Way("no ramp", unlabelled={"ramp": 0.0}),
    "ramp-0.2": Way("ramp over a fifth of the run", unlabelled={"ramp": 0.2}),
    "threshold-0.01": Way("threshold 0.01", unlabelled={"threshold": 0.01}),
    "threshold-0.15": Way("threshold 0.15", unlabelled={"threshold": 0.15}),
    "threshold-0.3": Way(
        "threshold 0.3, mirrored views within 5 %, ramp over a fifth",
        unlabelled={"threshold": 0.3, "mirror": 0.05, "ramp": 0.2},
    ),
    "no-mirror": Way("one view for the teacher", unlabelled={"mirror": None}),
    "mirror-0.05": Way("mirrored views within 5 %", unlabelled={"mirror": 0.05}),
    "fade": Way("geometry of the views fades out", unlabelled={"geometry_fade_to": 0.0}),
    "no-fade": Way("it does not fade", unlabelled={"geometry_fade_to": 1.0}),
    "like-labelled": Way(
        "views as of labelled images, whose geometry fades out",
        unlabelled={"augmentation": None, "geometry_fade_to": 0.0},
    ),
    "plain-views": Way("views as of labelled images", unlabelled={"augmentation": None}),
    "flip-views": Way(
        "views that are flipped only: as easy as the teacher's",
        unlabelled={"augmentation": [{"name": "horizontal_flip", "probability": 0.5}]},
    ),
    "distil": Way("recipe distil", recipe="distil", teacher="file"),
    "distil-labelled": Way("on labelled images alone", recipe="distil", teacher="file", alone=True),
}


def main() -> None:
    """Trains what is missing and prints a row each."""
    parser = argparse.ArgumentParser(description="Train with images that have no labels.")
    parser.add_argument("dataset", help="a dataset folder with both splits")
    parser.add_argument("names", nargs="*", default=["small", "mean-teacher"], help=", ".join(WAYS))
    parser.add_argument("--backbone-weights", required=True, help="ImageNet weights file")
    parser.add_argument("--images", type=int, nargs="+", default=[50, 300], choices=EPOCHS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--more", help="a dataset folder, for --images 0")
    parser.add_argument("--teacher", help="a model file, for few-... and distil")
    parser.add_argument("--mixed-precision", action="store_true")
    parser.add_argument("--epochs", type=int, help="in place of the table's")
    parser.add_argument("--output", type=Path, default=Path("runs/unlabelled"))
    options = parser.parse_args()
    for name in options.names:
        if name not in WAYS:
            parser.error(f"{name} is not among {', '.join(WAYS)}")
        if WAYS[name].teacher == "file" and options.teacher is None:
            parser.error(f"{name} needs --teacher")
    if 0 in options.images and options.more is None:
        parser.error("--images 0 labels all, so give others with --more")
    dataset = load_dataset(options.dataset)
    print("| images | | PCK@0.5 | 95 % interval | pseudo keypoints, last epoch | ms an image |")
    print("|---|---|---|---|---|---|")
    for images in options.images:
        for name in options.names:
            runs = [one_run(name, images, seed, dataset, options) for seed in options.seeds]
            print_row(images, WAYS[name].what, runs)


def one_run(
    name: str, images: int, seed: int, dataset: KeypointDataset, options: argparse.Namespace
) -> dict[str, Any]:
    """Trains and scores one way with one seed, or reads what an earlier call left."""
    way = WAYS[name]
    epochs = round(way.factor * (options.epochs or EPOCHS[images]))
    folder = options.output / f"{images or 'all'}_{name}_{epochs}_epochs_seed_{seed}"
    result = folder / "result.json"
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text())
        return found
    labelled, others = parts(dataset, images, options.more)
    recipe = load_recipe(way.recipe).updated({"total_epoch": epochs} | way.changes)
    if recipe.unlabelled is not None:
        base = mean_teacher(recipe) if way.teacher == "average" else {}
        own = recipe.unlabelled.model_dump() | base | way.unlabelled
        recipe = recipe.updated({"unlabelled": own})
    start = time.perf_counter()
    trained = train(
        way.preset,
        labelled,
        TrainingOptions(
            recipe=recipe,
            input_size=SIZE,
            backbone_weights=options.backbone_weights,
            cache="memory",
            mixed_precision=options.mixed_precision,
            teacher=options.teacher if way.teacher == "file" else None,
            seed=seed,
        ),
        run_dir=folder,
        overwrite=True,
        unlabelled=None if way.alone else others,
    )
    runtime = load_runtime(folder / "checkpoints" / "last.keras")
    hits, counts = hits_by_image(runtime, dataset.validation)
    last = trained.epochs[-1]
    found = {
        "hits": hits.tolist(),
        "counts": counts.tolist(),
        "pseudo_keypoints": last.pseudo_keypoints,
        "ms_per_image": 1000 / last.images_per_second,
        "seconds": time.perf_counter() - start,
    }
    write_json(result, found)
    return found


def mean_teacher(recipe: Recipe) -> dict[str, Any]:
    """Settings for a moving average as teacher, which is unsure at first; stronger views."""
    stronger = {"rotation": {"degrees": 60}, "random_cutout": {"count": 2, "probability": 1}}
    views = [each.model_dump() for each in recipe.augmentation]
    views = [view | stronger.get(view["name"], {}) for view in views]
    return {"method": "mean-teacher", "ramp": 0.5, "geometry_fade_to": 0.5, "augmentation": views}


def parts(
    dataset: KeypointDataset, images: int, more: str | None
) -> tuple[KeypointDataset, KeypointDataset]:
    """What is learnt from with labels, and without."""
    labelled = subset(dataset, images or len(dataset.train), WATCHED)
    if images == 0:
        return labelled, load_dataset(more or "")
    known = set(labelled.records.paths)
    train_split = dataset.train
    rest = [row for row, path in enumerate(train_split.records.paths) if path not in known]
    return labelled, train_split.select(np.array(rest))


def hits_by_image(runtime: Any, dataset: KeypointDataset) -> tuple[np.ndarray, np.ndarray]:
    """`(N,)` keypoints within 5 % of the crop's side, and labelled ones, of each val image."""
    found = predict_dataset(runtime, dataset)
    labels = dataset.records.keypoints
    distance = np.linalg.norm(found[..., :2] - labels[..., :2], axis=-1)
    normaliser = upstream_normaliser(dataset.records.scales, SIZE)
    labelled = labels[..., 2] > 0
    near = distance <= 0.5 * normaliser[:, None]
    return (near & labelled).sum(axis=1), labelled.sum(axis=1)


def print_row(images: int, what: str, runs: list[dict[str, Any]]) -> None:
    """The mean over seeds; the interval is over val images, by resampling them."""
    hits = np.mean([run["hits"] for run in runs], axis=0)
    counts = np.array(runs[0]["counts"])
    chosen = np.random.default_rng(0).integers(0, len(counts), (RESAMPLES, len(counts)))
    low, high = np.quantile(hits[chosen].sum(axis=1) / counts[chosen].sum(axis=1), [0.025, 0.975])
    passed = runs[0]["pseudo_keypoints"]
    cells = [
        str(images or "all"),
        what,
        f"{hits.sum() / counts.sum():.3f}",
        f"{low:.3f} to {high:.3f}",
        "" if passed is None else f"{passed:.0%}",
        f"{np.mean([run['ms_per_image'] for run in runs]):.1f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
