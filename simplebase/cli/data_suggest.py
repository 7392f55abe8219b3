"""`simplebase data suggest`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from simplebase.cli import options
from simplebase.cli.app import say, warn
from simplebase.cli.data import data_app


@data_app.command()
def suggest(
    model: Annotated[
        Path,
        typer.Argument(
            callback=options.open_runnable,
            help="Model of any format, or the name of a pretrained one.",
            metavar="MODEL",
        ),
    ],
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Videos, images, folders or patterns of images, dataset folders (their images).",
            metavar="SOURCE...",
        ),
    ],
    output: Annotated[Path, typer.Argument(help="The folder to write.", metavar="OUT")],
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", min=1, help="How many frames in all; each source has the same share."
        ),
    ] = 50,
    labelled: Annotated[
        Path | None,
        typer.Option(
            help="Dataset of the model's keypoints: poses unlike its poses are interesting too."
        ),
    ] = None,
    labels: Annotated[
        Literal["labelme", "coco"], typer.Option(help="Format of the keypoints to correct.")
    ] = "labelme",
    every: Annotated[
        int, typer.Option(min=1, metavar="N", help="Look at each Nth frame of a video only.")
    ] = 1,
    min_score: Annotated[float, typer.Option(help="Leave out keypoints below it.")] = 0.1,
    alike: Annotated[
        float,
        typer.Option(
            help="Grey levels; frames are near duplicates if no pixel of their images, 30 pixels "
            "wide, differs by more. -1 keeps all."
        ),
    ] = 20.0,
) -> None:
    """Write the frames whose labels may teach the model most, with its keypoints to correct.

    Interesting are low scores, disagreement with the mirrored image, jumps between frames, and
    with --labelled unlikely poses. OUT/suggestions.csv has the figures of each frame.

    Examples:

        simplebase data suggest runs/squat/best.keras day2.mp4 day3.mp4 to_label -n 50

        simplebase data suggest cows.tflite meadow/ to_label --labelled cows --labels coco
    """
    options.prepare_for_model(model)
    if labelled is not None:
        options.prepare_for(labelled)
    from simplebase.suggesting import suggest_frames

    suggestions = suggest_frames(
        model,
        sources,
        output,
        count,
        progress=options.progress_bar,
        labelled=labelled,
        labels=labels,
        every=every,
        min_score=min_score,
        alike=alike,
    )
    for name, written in suggestions.folders.items():
        say(f"{name}: {written} frames")
    say(
        f"{output}: {suggestions.count} frames chosen from {suggestions.compared}; "
        f"{suggestions.alike} left out that look like a chosen one"
    )
    if suggestions.count < count:
        warn(f"{count} frames were asked for, and no more of them differ.")
