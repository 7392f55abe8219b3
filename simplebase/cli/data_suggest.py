"""`simplebase data suggest`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from simplebase.cli import model_options, options
from simplebase.cli.app import say, warn
from simplebase.cli.data import data_app
from simplebase.errors import counted
from simplebase.shell import command_line
from simplebase.skeletons.textfiles import CLASSES


@data_app.command()
def suggest(
    model: Annotated[
        Path,
        typer.Argument(
            callback=model_options.open_runnable,
            help="Model file of any format, or the name of a pretrained model.",
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
            "--count", "-n", min=1, help="Total number of frames; each source has an equal share."
        ),
    ] = 50,
    labelled: Annotated[
        Path | None,
        typer.Option(
            help="Dataset with the model's keypoints: prefer poses that are unlike its poses, and "
            "leave out frames that look like its images."
        ),
    ] = None,
    labels: Annotated[
        Literal["labelme", "coco", "cvat"], typer.Option(help="Format of the keypoints to correct.")
    ] = "labelme",
    box: Annotated[
        str | None,
        typer.Option(
            help="X,Y,WIDTH,HEIGHT of the object in every frame. [default: the whole frame]",
            rich_help_panel=options.PLACE,
        ),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="JSON file: a list of boxes, or lists by file name or frame number, as in demo.",
            rich_help_panel=options.PLACE,
        ),
    ] = None,
    detector: model_options.Detector = None,
    detector_class: model_options.DetectorClass = 0,
    every: Annotated[
        int, typer.Option(min=1, metavar="N", help="Use only every Nth frame of a video.")
    ] = 1,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Leave out keypoints with a lower score. [default: as the model recommends, else "
            "0.1]"
        ),
    ] = None,
    alike: options.Alike = 20.0,
) -> None:
    """Choose frames that a model is unsure of, with its keypoints as labels to correct.

    A model is unsure if scores are low, if the mirrored image gives other keypoints, if keypoints
    jump between frames or, with --labelled, if poses are unlikely. OUT/suggestions.csv lists these
    criteria for each frame.

    The model sees whole frames unless --box, --boxes or --detector say where the objects are. Boxes
    that fit give better keypoints.

    Examples:

        simplebase data suggest runs/squat/checkpoints/best.keras day2.mp4 day3.mp4 to_label -n 50

        simplebase data suggest person day2.mp4 to_label --detector yolox-nano --labels cvat

        simplebase data suggest cows.tflite meadow/ to_label --labelled cows --labels coco
    """
    model_options.prepare_for_model(model)
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
        box=options.parse_box(box),
        boxes=boxes,
        detector=detector,
        detector_class=detector_class,
        every=every,
        min_score=min_score,
        alike=alike,
    )
    for name, written in suggestions.folders.items():
        say(f"{name}: {counted(written, 'frame')}")
    left_out = [f"{suggestions.alike} left out as near duplicates"]
    if labelled is not None:
        left_out.append(f"{suggestions.labelled} like images of {labelled}")
    if suggestions.without_object:
        left_out.append(f"{suggestions.without_object} without an object")
    say(
        f"{output}: {suggestions.count} of {counted(suggestions.compared, 'frame')} chosen; "
        + ", ".join(left_out)
    )
    if suggestions.count < count:
        reason = "there are no more frames"
        if suggestions.without_object:
            reason += " with an object"
        if suggestions.alike or suggestions.labelled:
            like = "chosen ones" if labelled is None else "chosen or labelled images"
            others = "the others with an object" if suggestions.without_object else "the others"
            reason = f"{others} look like {like}. A smaller --alike keeps more"
        warn(f"{counted(suggestions.count, 'frame')} written instead of {count}: {reason}.")
    _say_next(labels, output)


def _say_next(labels: str, output: Path) -> None:
    """Prints how to correct the labels, and which command converts them afterwards."""
    dataset, images = output.with_name(f"{output.name}_dataset"), output / "images"
    file = output / {"cvat": "annotations.xml", "coco": "annotations/train.json"}.get(labels, "")
    if labels == "labelme":
        say(f"next: {command_line(['labelme', output, '--labels', output / CLASSES])}")
        words: list[Path | str] = [output, dataset]
    elif labels == "cvat":
        say(f"next: in CVAT, create a task with {images} and upload {file} as CVAT 1.1")
        words = [file, dataset, "--image-folder", images]
    else:
        say(f"next: correct {file}")
        words = [images, dataset, "--train-annotations", file]
    say("then: " + command_line(["simplebase", "convert", labels, *words]))
