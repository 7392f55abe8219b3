"""What each choice of a recipe is worth: trainings that differ in one thing.

python benchmarks/ablation.py DATASET --backbone-weights FILE [--workers 2] [NAME...]

Each variation trains mobilenetv1_upsample_lite at 128x128 on the same images, with the same seed,
in a process of its own, and is scored on the val split: the share of labelled keypoints within 2, 5
and 10 % of the side of a crop with the usual padding of 1.25, and within 5 % with flip test. All
but those of recipe `small` start from `default` with sigma 1.5 and padding 1. What is in --output
already is not trained again, so a table can grow.

`--images 0 --epochs 20 baseline` is the full budget. The dataset of docs/experiments/recipes.md is
that of `simplebase convert lsp SOURCE DATASET --val-split 0.3`: 300 images of LSP are held out.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

PRESET, SIZE = "mobilenetv1_upsample_lite", (128, 128)
THRESHOLDS = (0.2, 0.5, 1.0)  # of upstream's normaliser: 2, 5 and 10 % of the crop's side


@dataclass(frozen=True)
class Variation:
    """One change.

    Args:
        what: for the table.
        changes: values in place of the recipe's.
        arguments: of `simplebase.train`.
        recipe: what is changed; `default` has `BASE` besides.
        bn_momentum: of backbone and head.
        decode: how heatmaps become points.
        whole_cells: draw targets at the nearest heatmap cell.
        retrain: `False` scores the baseline's model in another way.
    """

    what: str
    changes: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    recipe: str = "default"
    bn_momentum: float | None = None
    decode: Any = "dark"
    whole_cells: bool = False
    retrain: bool = True


def geometry(degrees: float, probability: float, factor: float) -> list[dict[str, Any]]:
    """Flip, rotation and scale."""
    return [
        {"name": "horizontal_flip"},
        {"name": "rotation", "degrees": degrees, "probability": probability},
        {"name": "scale", "factor": factor},
    ]


BASE = {"sigma": 1.5, "padding": 1.0}

LSP = "lsp_*"  # as `convert lsp` calls its images beside those of LSP-extended, lspet_*

COLOUR = [{"name": name, "amount": 0.2} for name in ("chroma", "contrast", "brightness")]

VARIATIONS = {
    "baseline": Variation("as it is"),
    "quarter": Variation("quarter-cell decoding", decode="quarter", retrain=False),
    "argmax": Variation("argmax decoding", decode="argmax", retrain=False),
    "whole-cells": Variation("targets at whole cells", whole_cells=True),
    "sigma-1": Variation("sigma 1", {"sigma": 1.0}),
    "sigma-2": Variation("sigma 2", {"sigma": 2.0}),
    "sigma-3": Variation("sigma 3", {"sigma": 3.0}),
    "mse": Variation("loss not masked", {"loss_type": "mse"}),
    "smooth-l1": Variation("smooth L1 loss", {"loss_type": "smooth_l1"}),
    "ohkm": Variation("hard keypoint mining", {"loss_type": "ohkm"}),
    "adaptive-wing": Variation(
        "adaptive wing loss", {"loss_type": "adaptive_wing", "loss_scale": 1.0}
    ),
    "scale-1": Variation("loss x 1", {"loss_scale": 1.0}),
    "scale-10000": Variation("loss x 10,000", {"loss_scale": 10000.0}),
    "upstream-normalisation": Variation(
        "upstream's normalisation", arguments={"normalisation": "upstream"}
    ),
    "random-weights": Variation("random weights", arguments={"backbone_weights": "none"}),
    "rmsprop": Variation("RMSprop 5e-4", {"optimizer": "rmsprop", "learning_rate": 5e-4}),
    "sgd": Variation("SGD 0.01", {"optimizer": "sgd", "learning_rate": 0.01}),
    "adamw": Variation("AdamW, decay 0.05", {"optimizer": "adamw", "weight_decay": 0.05}),
    "rate-5e-4": Variation("learning rate 5e-4", {"learning_rate": 5e-4}),
    "rate-2e-3": Variation("learning rate 2e-3", {"learning_rate": 2e-3}),
    "constant": Variation("constant learning rate", {"decay_type": "none"}),
    "step": Variation("step decay", {"decay_type": "step"}),
    "no-warm-up": Variation("no warm-up", {"warmup_epochs": 0.0}),
    "clip": Variation("gradient norm up to 1", {"clip_norm": 1.0}),
    "frozen-first": Variation("backbone frozen for one epoch", {"transfer_epoch": 1}),
    "ema": Variation("moving average 0.99", {"ema": 0.99}),
    "bn-0.1": Variation("BatchNorm momentum 0.1", bn_momentum=0.1),
    "bn-0.99": Variation("BatchNorm momentum 0.99", bn_momentum=0.99),
    "padding-0.9": Variation("crop padding 0.9", {"padding": 0.9}),
    "padding-1.25": Variation("crop padding 1.25", {"padding": 1.25}),
    "no-fade": Variation("geometry does not fade", {"geometry_fade": 0.0}),
    "no-augmentation": Variation("no augmentation", {"augmentation": []}),
    "flip-only": Variation("flips only", {"augmentation": geometry(0, 0, 1)}),
    "weak": Variation("rotation 30 in 60 %", {"augmentation": geometry(30, 0.6, 1.25) + COLOUR}),
    "strong": Variation("rotation 40, scale 1.5", {"augmentation": geometry(40, 1, 1.5) + COLOUR}),
    "regularised": Variation(
        "rotation 35 in 60 %, scale 1.25, more colour, grey images, noise cutout, AdamW 0.05",
        {
            "augmentation": [
                *geometry(35, 0.6, 1.25),
                *({"name": name, "amount": 0.3} for name in ("chroma", "contrast", "brightness")),
                {"name": "grayscale", "probability": 0.1},
                {"name": "random_cutout", "size": [0.1, 0.3], "fill": "noise"},
            ],
            "optimizer": "adamw",
            "weight_decay": 0.05,
        },
    ),
    "weak-finish": Variation(
        "rotation 30 in 60 %; the last half on LSP only",
        {"augmentation": geometry(30, 0.6, 1.25) + COLOUR, "finish_on": LSP},
    ),
    "small": Variation("recipe small", recipe="small"),
    "small-finish": Variation(
        "recipe small; the last half on LSP only", {"finish_on": LSP}, recipe="small"
    ),
    "no-colour": Variation("no colour changes", {"augmentation": geometry(40, 1, 1.3)}),
}


def main() -> None:
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser(description="Train variations of a recipe.")
    parser.add_argument("dataset", help="a dataset folder with both splits")
    parser.add_argument("names", nargs="*", help="by default all")
    parser.add_argument("--backbone-weights", required=True, help="ImageNet weights file")
    parser.add_argument("--images", type=int, default=1000, help="to train on; 0 is all")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--output", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--workers", type=int, default=1, help="trainings at a time")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    # Another budget is another table.
    options.output /= f"{options.images or 'all'}_images_{options.epochs}_epochs"
    names = options.names or list(VARIATIONS)
    if not options.one:
        names = ["baseline", *(name for name in names if name != "baseline")]
    unknown = [name for name in names if name not in VARIATIONS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: not among {', '.join(VARIATIONS)}")
    if options.one:
        run(names[0], options)
        return
    missing = [name for name in names if not scores_file(name, options).exists()]
    # What only scores the baseline anew comes after it.
    missing.sort(key=lambda name: (not VARIATIONS[name].retrain, name != "baseline"))
    with ThreadPoolExecutor(options.workers) as pool:
        for retrain in (True, False):
            group = [name for name in missing if VARIATIONS[name].retrain == retrain]
            list(pool.map(lambda name: in_a_process(name, options), group))
    print_table(names, options)


def in_a_process(name: str, options: argparse.Namespace) -> None:
    """Runs this script again for one variation; its output goes to this one's."""
    arguments = [options.dataset, name, "--one", "--backbone-weights", options.backbone_weights]
    arguments += ["--images", str(options.images), "--epochs", str(options.epochs)]
    arguments += ["--output", str(options.output.parent)]
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, __file__, *arguments], check=True, env=environment)


def scores_file(name: str, options: argparse.Namespace) -> Path:
    """What a variation leaves."""
    return options.output / f"{name}.json"


def run(name: str, options: argparse.Namespace) -> None:
    """Trains and scores one variation."""
    from simplebase import load_dataset
    from simplebase.evaluation import mean_pck, predict_dataset
    from simplebase.files import write_json
    from simplebase.runtimes import load_runtime

    variation = VARIATIONS[name]
    dataset = load_dataset(options.dataset)
    folder = options.output / (name if variation.retrain else "baseline")
    if variation.retrain:
        train_variation(variation, dataset, folder, options)
    # Of the last epoch: the best one would be chosen on the images that it is scored on.
    runtime = load_runtime(folder / "checkpoints" / "last.keras")
    val = dataset.validation
    scores = []
    for flip_test, thresholds in ((False, THRESHOLDS), (True, THRESHOLDS[1:2])):
        predictions = predict_dataset(runtime, val, decode=variation.decode, flip_test=flip_test)
        scores += [
            mean_pck(predictions, val, SIZE, threshold=threshold) for threshold in thresholds
        ]
    write_json(scores_file(name, options), scores)
    print(f"{name}: {scores}", flush=True)


def train_variation(
    variation: Variation, dataset: Any, folder: Path, options: argparse.Namespace
) -> None:
    """Trains one variation into its folder."""
    from simplebase import TrainingOptions, load_preset, load_recipe, train

    if options.images:
        dataset = subset(dataset, options.images)
    preset = load_preset(PRESET)
    if variation.bn_momentum is not None:
        change = {"bn_momentum": variation.bn_momentum}
        parts = {
            part: getattr(preset, part).model_copy(update=change) for part in ("backbone", "head")
        }
        preset = preset.model_copy(update=parts)
    base = BASE if variation.recipe == "default" else {}
    values = base | {"total_epoch": options.epochs} | variation.changes
    recipe = load_recipe(variation.recipe).updated(values)
    arguments = {"backbone_weights": options.backbone_weights} | variation.arguments
    with whole_cells(variation.whole_cells):
        train(
            preset,
            dataset,
            TrainingOptions(recipe=recipe, input_size=SIZE, cache="memory", **arguments),
            run_dir=folder,
            overwrite=True,
        )


def subset(dataset: Any, images: int, watched: int | None = None) -> Any:
    """`images` random train records, and `watched` random val records or all of them."""
    import numpy as np

    random = np.random.default_rng(0)
    validation = dataset.records.validation
    train_rows = random.permutation(np.flatnonzero(~validation))[:images]
    val_rows = random.permutation(np.flatnonzero(validation))[:watched]
    return dataset.select(np.sort(np.concatenate([train_rows, val_rows])))


@contextmanager
def whole_cells(wanted: bool) -> Iterator[None]:
    """Within it, targets are drawn where the nearest heatmap cell is, as upstream's are."""
    from keras import ops

    from simplebase.codec import HeatmapCodec

    encode = HeatmapCodec.encode

    def rounded(codec: HeatmapCodec, keypoints: Any, ops: Any = ops) -> Any:
        cells = ops.round((keypoints[..., :2] - codec.cell_offset) / codec.stride)
        points = cells * codec.stride + codec.cell_offset
        return encode(codec, ops.concatenate([points, keypoints[..., 2:]], axis=-1), ops)

    if not wanted:
        yield
        return
    with patch.object(HeatmapCodec, "encode", rounded):
        yield


def print_table(names: list[str], options: argparse.Namespace) -> None:
    """A Markdown table, each row also against the baseline."""
    print("| | 2 % | 5 % | 10 % | 5 % with flip test | 5 % against the first |")
    print("|---|---|---|---|---|---|")
    baseline = json.loads(scores_file("baseline", options).read_text())
    for name in names:
        scores = json.loads(scores_file(name, options).read_text())
        cells = " | ".join(f"{score:.3f}" for score in scores)
        difference = "" if name == "baseline" else f"{scores[1] - baseline[1]:+.3f}"
        print(f"| {VARIATIONS[name].what} | {cells} | {difference} |")


if __name__ == "__main__":
    main()
