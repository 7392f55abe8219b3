"""How to train on 50, 300 or 3,000 images: what freezing and longer training are worth.

python benchmarks/few_images.py DATASET --backbone-weights FILE [--images 50 300] [NAME...]
python benchmarks/few_images.py DATASET --weights MODEL --recipe small --side 160 long

Trains a preset, by default mobilenetv1_upsample_lite at 128x128, by a recipe on random subsets of
the train split, and scores the last epoch on the whole val split: PCK@0.5, which is within 5 % of
the crop's side. It starts from ImageNet weights or from a model. Runs lie in --output and are not
trained again; `simplebase plot` draws their curves, which are of 100 val images to save time.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ablation import PRESET, SIZE, subset

from simplebase import KeypointDataset, TrainingOptions, load_dataset, load_recipe, train
from simplebase.evaluation import mean_pck, predict_dataset
from simplebase.files import write_json
from simplebase.runtimes import load_runtime

WATCHED = 100  # val images while training


@dataclass(frozen=True)
class Way:
    """A way to train: values of the recipe, for so many epochs."""

    epochs: int
    recipe: dict[str, Any] = field(default_factory=dict)


WAYS = {
    50: {
        "short": Way(40),
        "long": Way(160),
        "frozen first": Way(160, {"transfer_epoch": 40, "freeze_level": 1}),
        "head only": Way(160, {"transfer_epoch": 160, "freeze_level": 1}),
        "no fade": Way(160, {"geometry_fade": 0.0}),
    },
    300: {
        "short": Way(30),
        "long": Way(80),
        "frozen first": Way(80, {"transfer_epoch": 10, "freeze_level": 1}),
    },
    3000: {"short": Way(20)},
}


def main() -> None:
    """Trains what is missing and prints a row each."""
    parser = argparse.ArgumentParser(description="Train on few images.")
    parser.add_argument("dataset", help="a dataset folder with both splits")
    parser.add_argument("names", nargs="*", help="ways to train; by default all")
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--backbone-weights", help="ImageNet weights file")
    start.add_argument("--weights", help="a model to start from, or a pretrained one's name")
    parser.add_argument("--normalisation", help="of --backbone-weights, if not the family's")
    parser.add_argument("--preset", default=PRESET)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--side", type=int, default=SIZE[0], help="of the input, in pixels")
    parser.add_argument("--images", type=int, nargs="+", default=[50, 300], choices=WAYS)
    parser.add_argument("--output", type=Path, default=Path("runs/few_images"))
    options = parser.parse_args()
    dataset = load_dataset(options.dataset)
    print("| images | | epochs | PCK@0.5 |")
    print("|---|---|---|---|")
    for images in options.images:
        for name, way in WAYS[images].items():
            if options.names and name not in options.names:
                continue
            folder = options.output / f"{images}_{name.replace(' ', '_')}"
            if not (folder / "score.json").exists():
                train_way(way, subset(dataset, images, WATCHED), folder, options)
                write_json(folder / "score.json", score(dataset, folder))
            text = (folder / "score.json").read_text()
            print(f"| {images} | {name} | {way.epochs} | {float(text):.3f} |", flush=True)


def train_way(
    way: Way, dataset: KeypointDataset, folder: Path, options: argparse.Namespace
) -> None:
    """Trains into `folder`."""
    recipe = load_recipe(options.recipe).updated({"total_epoch": way.epochs} | way.recipe)
    start = {
        name: getattr(options, name)
        for name in ("weights", "backbone_weights", "normalisation")
        if getattr(options, name)
    }
    settings = TrainingOptions(
        recipe=recipe, input_size=(options.side, options.side), cache="memory", **start
    )
    train(options.preset, dataset, settings, run_dir=folder, overwrite=True)


def score(dataset: KeypointDataset, folder: Path) -> float | None:
    """Of the last epoch, on all of the val split."""
    runtime = load_runtime(folder / "checkpoints" / "last.keras")
    predictions = predict_dataset(runtime, dataset.validation)
    return mean_pck(predictions, dataset.validation, SIZE)


if __name__ == "__main__":
    main()
