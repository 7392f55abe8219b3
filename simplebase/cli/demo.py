"""`simplebase demo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simplebase.cli import model_options, options
from simplebase.cli.app import app, say
from simplebase.cli.commands import USE
from simplebase.errors import ArgumentError, counted

if TYPE_CHECKING:
    from simplebase.demo.run import DemoProgress
    from simplebase.skeletons import Skeleton

_LOOK, _PLACE, _WEB = "How it looks", options.PLACE, "In a browser"


@app.command(rich_help_panel=USE)
def demo(
    input: Annotated[
        str | None,
        typer.Option(
            help="An image, a folder of images, a pattern ('photos/*.jpg'), a video, the number of "
            "a camera (0), or the address of a stream (rtsp://..., http://...)."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            callback=model_options.open_runnable,
            help="Model file of any format, or the name of a pretrained model, such as person. "
            "[default: best checkpoint of the newest run in runs/, or else person-mini]",
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            help="What to write: an image, a video (.mp4), keypoints (.json, .csv), or a folder of "
            "pictures, or of labels if its name is labelme, coco or cvat. Repeatable."
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="image, folder, video, json, csv, labelme, coco or cvat. [default: by the "
            "output's name]"
        ),
    ] = None,
    show: Annotated[
        bool,
        typer.Option(
            "--show", help="Open a window. [default: if there is neither --output nor --serve]"
        ),
    ] = False,
    serve: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Show the result live at http://127.0.0.1:PORT."),
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(
            help="X,Y,WIDTH,HEIGHT of the object. [default: the whole frame]",
            rich_help_panel=_PLACE,
        ),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="JSON file: a list of boxes, lists by file name or frame number, or what "
            "--output FILE.json wrote.",
            rich_help_panel=_PLACE,
        ),
    ] = None,
    detector: model_options.Detector = None,
    detector_class: model_options.DetectorClass = 0,
    detect_every: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Detect objects in every Nth frame; in between, follow their keypoints.",
            rich_help_panel=_PLACE,
        ),
    ] = 5,
    follow: Annotated[
        bool | None,
        typer.Option(
            "--follow/--no-follow",
            help="Without a detector: find one object, run the model again around its keypoints, "
            "and follow it. [default: only if person-mini is chosen by default]",
            show_default=False,
            rich_help_panel=_PLACE,
        ),
    ] = None,
    fit: options.FitName = "letterbox",
    smooth: Annotated[
        str,
        typer.Option(
            help="Filter that smooths the keypoints of a video: one-euro or none.",
            rich_help_panel=_LOOK,
        ),
    ] = "one-euro",
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Leave out keypoints with a lower score. [default: the model's recommendation, "
            "or else 0.1]",
            rich_help_panel=_LOOK,
        ),
    ] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(
            help="Built-in skeleton with the names and lines to draw. [default: the model's]",
            rich_help_panel=_LOOK,
        ),
    ] = None,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels", help="Draw names, boxes, numbers and scores.", rich_help_panel=_LOOK
        ),
    ] = False,
    heatmap: Annotated[
        bool,
        typer.Option("--heatmap", help="Draw the heatmaps over the frame.", rich_help_panel=_LOOK),
    ] = False,
    side_by_side: Annotated[
        bool,
        typer.Option(
            "--side-by-side", help="Show the original frame on the left.", rich_help_panel=_LOOK
        ),
    ] = False,
    depth_range: options.DepthRangeText = None,
    web: Annotated[
        bool,
        typer.Option(
            "--web",
            help="Serve a page on this machine for images, videos and the webcam.",
            rich_help_panel=_WEB,
        ),
    ] = False,
    port: Annotated[
        int, typer.Option(help="Port of the page, on 127.0.0.1.", rich_help_panel=_WEB)
    ] = 7860,
    overwrite: options.Overwrite = False,
) -> None:
    """Run a model on images, a video or a camera, or in a browser.

    Examples:

        simplebase demo --input photo.jpg --output pose.jpg

        simplebase demo --input 0

        simplebase demo --model person --input photo.jpg --output pose.jpg

        simplebase demo --model cows.tflite --input meadow.mp4 --output cows.mp4 --output cows.csv

        simplebase demo --model person --detector yolox-nano --input street.mp4 --output poses.mp4

        simplebase demo --input new_photos --output labelme

        simplebase demo --web
    """
    if input is None and not web:
        raise typer.BadParameter(
            "give an image, a folder, a video or 0 for the camera, or use --web.",
            param_hint="--input",
        )
    looks: dict[str, Any] = {
        "box": options.parse_box(box),
        "boxes": boxes,
        "detector": detector,
        "detector_class": detector_class,
        "detect_every": detect_every,
        "fit": fit,
        "smooth": smooth,
        "min_score": min_score,
        "labels": labels,
        "heatmap": heatmap,
        "side_by_side": side_by_side,
        "depth_range": options.parse_depth_range(depth_range),
    }
    named = options.chosen_skeleton(skeleton, None, None, None)
    if web:
        given = {
            "--input": input is not None,
            "--output": bool(output),
            "--format": format is not None,
            "--show": show,
            "--serve": serve is not None,
            "--overwrite": overwrite,
        }
        _refuse_with_web([name for name, is_given in given.items() if is_given])
        _open_page(model, looks, follow, port, named)
    elif input is not None:
        outputs = output or []
        if format is not None and len(outputs) != 1:
            raise ArgumentError(
                "--format needs exactly one --output. For several outputs, their names decide."
            )
        progress = _run(
            model,
            input,
            outputs,
            looks=looks,
            follow=follow,
            skeleton=named,
            formats=_checked_formats(format),
            show=show or not (outputs or serve is not None),
            serve=serve,
            overwrite=overwrite,
        )
        _report(progress, input, outputs)


def _run(
    model: Path | None,
    input: str,
    outputs: list[Path],
    *,
    looks: dict[str, Any],
    follow: bool | None,
    **how: Any,
) -> "DemoProgress":
    chosen, looks = _chosen(model, looks, follow)
    from simplebase.cli.demo_display import DemoDisplay
    from simplebase.demo.run import run_demo
    from simplebase.demo.settings import DemoSettings

    with DemoDisplay() as display:
        return run_demo(
            chosen,
            input,
            outputs,
            settings=DemoSettings(**looks),
            observe=display,
            announce=lambda url: say(f"live at {url} (Ctrl-C ends it)"),
            prepare=model_options.prepare_for_model,
            **how,
        )


def _chosen(
    model: Path | None, looks: dict[str, Any], follow: bool | None
) -> tuple[Path, dict[str, Any]]:
    """Returns the model and `looks` with `follow`; prints the model if the user named none."""
    if model is not None:
        return model, looks | {"follow": bool(follow)}
    from simplebase.demo.models import embedded_model, newest_model

    newest = newest_model()
    if newest is not None:
        say(
            f"model: {newest}, the best checkpoint of your newest run; "
            "--model person-mini --follow uses the model in the package"
        )
        return newest, looks | {"follow": bool(follow)}
    whole_frame = not any(looks[place] for place in ("box", "boxes", "detector"))
    where = ", which looks for one person in the whole frame" if whole_frame else ""
    say(f"model: person-mini{where}; `simplebase models` lists others for --model")
    return embedded_model(say), looks | {"follow": whole_frame if follow is None else follow}


def _refuse_with_web(given: list[str]) -> None:
    if given:
        raise ArgumentError(
            f"--web takes images and shows results in the browser. Leave out {', '.join(given)}."
        )


def _checked_formats(given: str | None) -> list[Any]:
    from simplebase.demo.sinks import FORMATS

    if given is not None and given not in FORMATS:
        raise ArgumentError(f"--format must be one of {', '.join(FORMATS)}. Received: {given!r}.")
    return [] if given is None else [given]


def _report(progress: "DemoProgress", input: str, outputs: list[Path]) -> None:
    from simplebase.cli.demo_display import speed_text

    min_score = progress.min_score
    names = ", ".join(map(str, outputs)) or input
    if progress.frames == 1 and progress.count == 1:
        for pose in progress.poses:
            drawn = int((pose.keypoints[:, 2] >= min_score).sum())
            say(
                f"{names}: {drawn} of {len(pose.keypoints)} keypoints have a score of "
                f"{min_score:g} or more (mean {pose.score:.2f})"
            )
            if drawn == 0:
                say("Nothing was drawn: is the object in view? Try --box, or a lower --min-score.")
        if not progress.poses:
            say(f"{names}: no object was found.")
        return
    stopped = "stopped after " if progress.stopped else ""
    empty = f", {progress.without} without an object" if progress.without else ""
    say(f"{names}: {stopped}{counted(progress.frames, 'frame')}{empty}")
    say(speed_text(progress))


def _open_page(
    model: Path | None,
    looks: dict[str, Any],
    follow: bool | None,
    port: int,
    skeleton: "Skeleton | None",
) -> None:
    from simplebase.demo.models import selectable_models
    from simplebase.demo.settings import DemoSettings
    from simplebase.extras import import_with_extras

    chosen, looks = _chosen(model, looks, follow)
    models = selectable_models(chosen)
    page = import_with_extras("simplebase.demo.web")
    model_options.prepare_for_model(models[0])
    page.open_page(
        models,
        DemoSettings(**looks),
        port=port,
        announce=say,
        skeleton=skeleton,
        prepare=model_options.prepare_for_model,
    )
