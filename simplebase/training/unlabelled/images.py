"""The sources of unlabelled images that the user names."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from simplebase.presets.preset import YamlSettings


def _absolute(path: str | os.PathLike[str]) -> str:
    """Makes the path absolute, because the run may be resumed from another folder."""
    if "://" in os.fspath(path):
        raise ValueError("give files, not a stream: a run reads its images again and again")
    return str(Path(path).absolute())


_Path = Annotated[str | Path, AfterValidator(_absolute)]


class UnlabelledImages(YamlSettings):
    """Unlabelled images, and how the objects in them are found.

    Args:
        sources: images, folders or patterns of images, videos, and dataset folders.
        boxes: JSON file of boxes, see `simplebase.demo.finding.boxes.read_frame_boxes`.
        detector: YOLOX file (`.onnx`) that finds the objects.
        detector_class: the detector's class of the objects.

    Without `boxes` and `detector`, the object fills the image. The objects of a dataset folder are
    those of its records, whose labels are ignored.
    """

    sources: tuple[_Path, ...] = Field(min_length=1)
    boxes: _Path | None = None
    detector: _Path | None = None
    detector_class: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_finder(self) -> "UnlabelledImages":
        if self.boxes is not None and self.detector is not None:
            raise ValueError("give boxes or a detector, not both")
        return self
