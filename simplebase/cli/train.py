"""`simplebase train`."""

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import app, console, import_tensorflow, say

if TYPE_CHECKING:
    from simplebase.training import EpochMetrics, TrainingResult


@app.command()
def train(
    preset: Annotated[
        str, typer.Option(help="Model: a name from `simplebase presets`, or a YAML file.")
    ] = "mobilenetv2_upsample_lite",
    dataset: options.Dataset = None,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    input_size: Annotated[
        str | None, typer.Option(help="HEIGHTxWIDTH, each a multiple of 32.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="How to train: default, quick, or a YAML. [default: the preset's]"),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Samples a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its peak.")] = None,
    total_epoch: Annotated[int | None, typer.Option(min=1, help="Epochs to train.")] = None,
    backbone_weights: Annotated[
        str, typer.Option(help="auto, imagenet, none, or a weights file of the backbone.")
    ] = "auto",
    normalisation: Annotated[
        str | None,
        typer.Option(help="What --backbone-weights expects: tf, torch, caffe or upstream."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A whole model (.keras) to start from.")
    ] = None,
    cache: Annotated[
        Literal["none", "memory", "disk"],
        typer.Option(help="Keep decoded images for the next epochs; disk outlasts the run."),
    ] = "none",
    skip_bad_images: options.SkipBadImages = False,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Same seed, same machine: same run.")
    ] = 0,
    run_dir: Annotated[
        Path | None, typer.Option(help="Where to write. [default: runs/TIME_PRESET]")
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Train a model and keep its best checkpoint.

    Without --dataset it trains on the embedded synthetic figures with the recipe `quick`, from
    random weights, in some minutes on a laptop.

    Examples:

        simplebase train --preset mobilenetv2_upsample_lite

        simplebase train --dataset data/cows --input-size 256x192 --total-epoch 60

        simplebase train --dataset data/mpii --skeleton mpii --backbone-weights imagenet
    """
    from simplebase.data.synthetic import embedded_dataset
    from simplebase.files import require_output, write_json
    from simplebase.presets import load_preset, load_recipe

    if json is not None:
        require_output(json, overwrite=overwrite)
    size = options.parse_size(input_size)
    chosen = load_preset(preset)
    settings = load_recipe(recipe or (chosen.recipe if dataset else "quick"))
    given = {
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "total_epoch": total_epoch,
    }
    settings = settings.updated({key: value for key, value in given.items() if value is not None})
    if dataset is None:
        with options.progress_bar("drawing the embedded dataset") as progress:
            dataset = str(embedded_dataset(progress))
        if weights is None and backbone_weights == "auto":
            backbone_weights = "none"
    opened = options.open_dataset(dataset, skeleton, classes_path, matchpoint_path, skeleton_path)
    if skip_bad_images:
        opened = options.skip_bad_images(opened)
    run_dir = run_dir or Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}_{chosen.name}"

    import_tensorflow()
    from simplebase.training import train as run_training

    title = f"{chosen.name} on {dataset} with recipe {settings.name} -> {run_dir}"
    with _Display(title) as display:
        result = run_training(
            chosen,
            opened,
            run_dir=run_dir,
            recipe=settings,
            input_size=size,
            backbone_weights=backbone_weights,
            normalisation=normalisation,
            weights=weights,
            cache=cache,
            seed=seed,
            overwrite=overwrite,
            observer=display,
        )
    _print_result(result, dataset)
    if json is not None:
        write_json(json, result.to_config(), overwrite=overwrite)


def _print_result(result: "TrainingResult", dataset: str) -> None:
    say(
        f"val PCK@0.5 {options.score_text(result.val_pck)} (epoch {result.best_epoch}); "
        f"mean pose of the train split {options.score_text(result.mean_pose_pck)}"
    )
    say(f"best checkpoint: {result.best}")
    say(f"next: {shlex.join(['simplebase', 'eval', str(result.best), '--dataset', dataset])}")


class _Display:
    """A live bar within the epoch, and a line for each that ended."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._epochs = self._steps = self._batch_size = 0
        self._epoch_started = time.perf_counter()
        self._run = self._inner = self._progress.add_task("", total=1, note="", visible=False)

    def __enter__(self) -> "_Display":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def started(self, epochs: int, steps_per_epoch: int, batch_size: int) -> None:
        """Before the first step."""
        self._epochs, self._steps, self._batch_size = epochs, steps_per_epoch, batch_size
        self._run = self._progress.add_task("run  ", total=epochs * steps_per_epoch, note="steps")
        self._inner = self._progress.add_task("epoch", total=steps_per_epoch, note="")
        say(self._title)
        console.print(_row("epoch", "loss", "val PCK", "lr", "images/s"), style="bold")

    def stepped(self, epoch: int, step: int, loss: float) -> None:
        """After each step."""
        if step == 1:
            self._epoch_started = time.perf_counter()
            self._progress.reset(self._inner, total=self._steps, description=f"epoch {epoch}")
        rate = (step - 1) * self._batch_size / (time.perf_counter() - self._epoch_started + 1e-9)
        note = f"loss {loss:.4f}" + (f"  {rate:.0f} images/s" if step > 1 else "")
        self._progress.update(self._inner, completed=step, note=note)
        self._progress.advance(self._run)

    def validating(self, done: int, total: int) -> None:
        """While the val split is predicted."""
        self._progress.update(self._inner, completed=done, total=total, note="validating")

    def epoch_ended(self, metrics: "EpochMetrics") -> None:
        """After each epoch's validation."""
        console.print(
            _row(
                f"{metrics.epoch}/{self._epochs}",
                f"{metrics.loss:.4f}",
                options.score_text(metrics.val_pck),
                f"{metrics.learning_rate:.2e}",
                f"{metrics.images_per_second:.0f}",
            )
        )


def _row(*cells: str) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in cells:
        table.add_column(width=9, justify="right")
    table.add_row(*cells)
    return table
