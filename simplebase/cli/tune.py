"""`simplebase tune`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from simplebase.cli import model_options, options, training_options
from simplebase.cli.app import app, console, import_tensorflow, say
from simplebase.cli.commands import TRAIN
from simplebase.presets.choices import DEFAULT_PRESET
from simplebase.shell import command_line

if TYPE_CHECKING:
    from simplebase.training import EpochMetrics
    from simplebase.tuning import TuningResult


@app.command(rich_help_panel=TRAIN)
def tune(
    space: Annotated[
        Path,
        typer.Option(
            help="YAML file with the values of a recipe to try: "
            "'learning_rate: {low: 0.0003, high: "
            "0.01, log: true}', 'optimizer: [adam, adamw]', ..."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder to write; it gets a run for each trial.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="Model: a name from `simplebase presets`, or a YAML file.",
            show_default=f"that of --weights, else {DEFAULT_PRESET}",
        ),
    ] = None,
    dataset: options.Dataset = None,
    trials: Annotated[
        int, typer.Option(help="Total number of trials, including earlier ones.")
    ] = 20,
    recipe: training_options.Recipe = None,
    input_size: training_options.InputSize = None,
    backbone_weights: training_options.BackboneWeights = None,
    weights: training_options.Weights = None,
    total_epoch: training_options.TotalEpoch = None,
    seed: training_options.Seed = None,
    cache: training_options.Cache = "none",
    mixed_precision: training_options.MixedPrecision = False,
    skeleton: options.SkeletonName = None,
) -> None:
    """Try values of a recipe, and write the best recipe as YAML.

    Every trial is an ordinary training run. Optuna chooses the values, and stops a trial early if
    its val PCK is below the median of the others. To continue a stopped search, run the same
    command again.

    Example:

        simplebase tune --dataset data/cows --space space.yaml --trials 30 --output runs/tuned
    """
    given: dict[str, Any] = {
        "preset": preset,
        "dataset": dataset,
        "recipe": recipe,
        "input_size": options.parse_size(input_size),
        "backbone_weights": backbone_weights,
        "weights": weights,
        "total_epoch": total_epoch,
        "seed": seed,
        "cache": cache,
        "mixed_precision": mixed_precision,
    }
    import_tensorflow()
    from simplebase.data.loading import load_dataset
    from simplebase.training.choosing import choose_training
    from simplebase.tuning import read_space
    from simplebase.tuning import tune as run_tuning

    values = read_space(space)
    choice = choose_training({name: value for name, value in given.items() if value is not None})
    model_options.fetch_start(weights, backbone_weights)
    folder = choice.dataset
    if folder is None:
        folder = options.drawn_figures()
    named = options.chosen_skeleton(skeleton, None, None, None)
    opened = load_dataset(folder, named or choice.skeleton)
    epochs = choice.recipe.total_epoch
    with options.progress_bar("tuning") as progress:

        def observe(number: int, metrics: "EpochMetrics") -> None:
            # The bar jumps ahead if a trial is stopped early.
            progress(min(number, trials - 1) * epochs + metrics.epoch, trials * epochs)

        result = run_tuning(
            choice.preset,
            opened,
            values,
            choice.options,
            folder=output,
            trials=trials,
            observe=observe,
        )
    _print(result)
    start = choice.options.backbone_weights
    same = {
        # With --preset, `train` does not take the input size from --weights.
        "--preset": preset or (None if weights else choice.preset.name),
        "--dataset": folder,
        "--weights": weights,
        "--backbone-weights": None if start == "auto" else start,
        "--input-size": input_size,
        "--skeleton": skeleton,
        "--seed": seed,
        "--recipe": result.recipe_file,
    }
    again = ["simplebase", "train"]
    for name, value in same.items():
        again += [] if value is None else [name, str(value)]
    again += ["--mixed-precision"] if mixed_precision else []
    say(
        f"{result.recipe_file}: the recipe of trial {result.best.number}; "
        f"{result.curves}: all trials"
    )
    say(f"next: {command_line(again)}")


def _print(result: "TuningResult") -> None:
    names = list(result.best.values)
    table = Table("trial", "state", "val PCK", *names)
    for each in result.trials:
        mark = " (best)" if each == result.best else ""
        shown = (f"{v:.3g}" if isinstance(v, float) else str(v) for v in each.values.values())
        table.add_row(
            escape(each.run_dir.name),
            each.state + mark,
            options.score_text(each.val_pck),
            *map(escape, shown),
        )
    console.print(table)
