"""The settings of a prediction."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from simplebase.codec import DecodeMethod
from simplebase.demo.finding.boxes import Finder
from simplebase.demo.finding.places import open_finder, require_fit, require_one_place
from simplebase.errors import ArgumentError
from simplebase.files import file_sha256, require_exists, require_file
from simplebase.geometry import Fit
from simplebase.images import DepthRange
from simplebase.pose import Box

BATCH_SIZE = 32


@dataclass(frozen=True)
class PredictionSettings:
    """Where the objects are, and how the model is run.

    Args:
        box: x, y, width, height of the object in every image. By default, the boxes of the source
            or, if it has none, the whole image.
        boxes: a file of boxes, see `simplebase.demo.finding.boxes.read_frame_boxes`.
        detector: a YOLOX `.onnx` file that finds the objects.
        detector_class: the detector's class to look for, see `Detector`.
        fit: how a box is fitted into the model's input, see `Crop.box_matrix`.
        decode: how heatmaps become points, see `HeatmapCodec.decode`.
        flip_test: average with the mirrored image, see `PoseEstimator`.
        batch_size: number of crops per call of the model, from one or several images.
        depth_range: which values of images of more than 8 bits become black and white. The default
            is the range with which the model was trained.

    Raises:
        ArgumentError: two of `box`, `boxes` and `detector` are given, or a value is invalid.
    """

    box: Box | None = None
    boxes: str | os.PathLike[str] | None = None
    detector: str | os.PathLike[str] | None = None
    detector_class: int = 0
    fit: Fit = "letterbox"
    decode: DecodeMethod = "dark"
    flip_test: bool = False
    batch_size: int = BATCH_SIZE
    depth_range: DepthRange | None = None

    def __post_init__(self) -> None:
        """Checks the values."""
        require_one_place(self.box, self.boxes, self.detector)
        require_fit(self.fit)
        if self.decode not in get_args(DecodeMethod):
            known = ", ".join(get_args(DecodeMethod))
            raise ArgumentError(f"--decode must be one of {known}. Received: {self.decode!r}.")
        if self.batch_size < 1:
            raise ArgumentError(f"--batch-size must be at least 1. Received: {self.batch_size}.")

    @property
    def ignores_source_boxes(self) -> bool:
        """Whether the settings say where the objects are. Boxes of the source are then ignored."""
        return (self.box, self.boxes, self.detector) != (None, None, None)

    def finder(self) -> Finder:
        """Returns what says where the objects are, and opens the files that it needs.

        Raises:
            MissingFileError, DataError: a file is missing or damaged.
            MissingPackageError: the detector's runtime is not installed.
        """
        return open_finder(
            box=self.box,
            boxes=self.boxes,
            detector=self.detector,
            detector_class=self.detector_class,
            threads=1,  # Several threads call a detector at once, each with its own image.
        )

    def to_config(self) -> dict[str, Any]:
        """Returns the settings that determine the rows, with the hash of each file's content.

        The batch size is left out, because it changes rows only by rounding.
        """
        config = asdict(self)
        del config["batch_size"]
        config["depth_range"] = None if self.depth_range is None else str(self.depth_range)
        config["box"] = None if self.box is None else list(self.box)
        for name, what in (("boxes", "the file of boxes"), ("detector", "the detector")):
            if config[name] is not None:
                config[name] = file_sha256(require_file(config[name], what))
        return config


def model_sha256(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a model file, or of all files of a SavedModel folder.

    Raises:
        MissingFileError: there is no such model.
    """
    require_exists(path)
    path = Path(path)
    if path.is_file():
        return file_sha256(path)
    import hashlib

    digest = hashlib.sha256()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\n".encode())
    return digest.hexdigest()
