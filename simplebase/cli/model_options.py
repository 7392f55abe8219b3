"""Options that take models, and functions that fetch the models that they name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simplebase.cli.app import import_tensorflow, say
from simplebase.cli.options import PLACE, progress_bar

if TYPE_CHECKING:
    from simplebase.zoo import Kind


def open_models(value: Any) -> Any:
    """Returns the files of Keras models; downloads pretrained models by name."""
    return _files(value, "keypoints")


def open_runnable(value: Any) -> Any:
    """Callback of options that take models of any format to run: downloads them by name."""
    return _files(value, "keypoints", runnable=True)


def open_detector(value: Path | None) -> Path | None:
    """Callback of options that take a detector: downloads it by name."""
    file: Path | None = _files(value, "detector")
    return file


Detector = Annotated[
    Path | None,
    typer.Option(
        callback=open_detector,
        help="YOLOX detector (.onnx) that finds the objects, or its name: yolox-nano, "
        "yolox-tiny, yolox-s.",
        rich_help_panel=PLACE,
    ),
]
DetectorClass = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Class of the detector to look for; in COCO, 0 is a person.",
        rich_help_panel=PLACE,
    ),
]


def fetch_start(
    weights: Path | None, backbone_weights: str | None, teacher: Path | None = None
) -> None:
    """Downloads the starting weights and the teacher by name. The run's config keeps the names.

    This is not a callback, because conversions use TensorFlow, whose devices must be set up before.
    """
    _files(weights, "keypoints")
    _files(teacher, "keypoints")
    if backbone_weights not in ("auto", "imagenet", "none"):
        _files(backbone_weights, "backbone")


def _files(value: Any, kind: "Kind", runnable: bool = False) -> Any:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [_files(each, kind, runnable) for each in value]
    from simplebase.zoo import model_file

    return model_file(value, kind, runnable=runnable, announce=say, progress=progress_bar)


def prepare_for_model(model: str | os.PathLike[str]) -> None:
    """Imports TensorFlow without its messages, if it will run the model.

    Raises:
        ArgumentError, MissingFileError, DataError: see `load_runtime`.
    """
    from simplebase.runtimes import needs_tensorflow

    if needs_tensorflow(model):
        import_tensorflow()
