"""Which images a training learns from without labels: what a user names."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from simplebase.presets.preset import YamlSettings


def _absolute(path: str | os.PathLike[str]) -> str:
    """From the root: the run may be resumed from another folder."""
    if "://" in os.fspath(path):
        raise ValueError("give files: a run reads its images again and again, so no stream")
    return str(Path(path).absolute())


_Path = Annotated[str | Path, AfterValidator(_absolute)]


class UnlabelledImages(YamlSettings):
    """Images without labels, and where the objects are in them.

    Args:
        sources: images, folders or patterns of images, videos, dataset folders.
        boxes: JSON file of boxes, see `simplebase.demo.finding.boxes.read_frame_boxes`.
        detector: YOLOX file (`.onnx`) that finds the objects.
        detector_class: which of its classes.

    Without `boxes` and `detector` the object fills the image. Of a dataset folder the objects are
    where its records say, and its labels are not looked at.
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
