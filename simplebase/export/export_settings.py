"""The formats of exports, and their settings."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from simplebase.errors import ArgumentError
from simplebase.metadata import OUTPUTS, Output

FormatName = Literal["litert", "onnx", "mnn", "saved-model", "frozen-graph"]
Quantization = Literal["none", "float16", "dynamic", "weights", "int8"]
OutputsName = Literal["heatmaps", "keypoints", "both"]


@dataclass(frozen=True)
class Format:
    """A file format.

    Args:
        suffix: suffix of its files; empty for a folder.
        quantizations: its quantizations, floats first.
        module: module of `simplebase.export` that writes it.
        free_batch: whether its files can accept any number of images.
    """

    suffix: str
    quantizations: tuple[Quantization, ...]
    module: str
    free_batch: bool


FORMATS: dict[FormatName, Format] = {
    "litert": Format(
        ".tflite", ("none", "float16", "dynamic", "weights", "int8"), "litert", free_batch=False
    ),
    "onnx": Format(".onnx", ("none", "int8"), "onnx", free_batch=True),
    "mnn": Format(".mnn", ("none", "float16", "weights", "int8"), "mnn", free_batch=False),
    "saved-model": Format("", ("none",), "tensorflow", free_batch=True),
    "frozen-graph": Format(".pb", ("none",), "tensorflow", free_batch=True),
}

QUANTIZATIONS: dict[Quantization, str] = {
    "none": "float32 throughout",
    "float16": "float16 weights, half the size",
    "dynamic": "int8 weights; activations become int8 while it runs, where that is faster",
    "weights": "int8 weights, computed in float32",
    "int8": "weights and activations int8, by the ranges seen on the calibration images",
}
"""Descriptions for help and tables."""

_NEVER_DECODES: tuple[FormatName, Quantization] = ("mnn", "int8")

OPSETS = range(13, 19)
"""ONNX opsets that can be written: int8 per channel needs 13, tf2onnx supports up to 18."""

DEFAULT_OPSET = 18


@dataclass(frozen=True)
class ExportSettings:
    """The settings of one export.

    Args:
        format: a name in `FORMATS`.
        quantization: one of the format's quantizations.
        outputs: what the file returns.
        free_batch: whether it accepts any number of images, instead of one.
        opset: opset of ONNX.

    Raises:
        ArgumentError: a name does not exist, or values cannot be combined.
    """

    format: FormatName
    quantization: Quantization = "none"
    outputs: OutputsName = "heatmaps"
    free_batch: bool = False
    opset: int = DEFAULT_OPSET

    def __post_init__(self) -> None:
        """Checks the settings."""
        if self.format not in FORMATS:
            known = ", ".join(
                f"{name} ({form.suffix or 'folder'})" for name, form in FORMATS.items()
            )
            raise ArgumentError(
                f"format must be one of {known}; `--format web` writes a page. "
                f"Received: {self.format!r}."
            )
        _require("outputs", self.outputs, get_args(OutputsName))
        _require("quantization", self.quantization, get_args(Quantization))
        form = FORMATS[self.format]
        if self.quantization not in form.quantizations:
            raise ArgumentError(
                f"{self.format} has the quantizations {', '.join(form.quantizations)}. "
                f"Received: {self.quantization!r}."
            )
        if self.opset not in OPSETS:
            raise ArgumentError(
                f"opset must be from {OPSETS[0]} to {OPSETS[-1]}. Received: {self.opset}."
            )
        if self.free_batch and not form.free_batch:
            able = " or ".join(name for name, other in FORMATS.items() if other.free_batch)
            raise ArgumentError(
                f"a {self.format} file takes one image at a time. Leave out --dynamic-batch, or "
                f"choose --format {able}."
            )
        if (self.format, self.quantization) == _NEVER_DECODES and self.outputs != "heatmaps":
            raise ArgumentError(
                "an int8 MNN file can only return heatmaps, because MNN would quantise the "
                "coordinates too. Choose --outputs heatmaps, or --quantize weights."
            )

    @property
    def output_names(self) -> tuple[Output, ...]:
        """See `ModelMetadata.outputs`."""
        return OUTPUTS[self.outputs]

    @property
    def batch(self) -> int | None:
        """Images that the file takes at a time; None for any number."""
        return None if self.free_batch else 1

    @property
    def calibrated(self) -> bool:
        """Whether the export needs the ranges of activations."""
        return self.quantization == "int8"

    @property
    def title(self) -> str:
        """The title in tables, such as `litert int8`."""
        return self.format if self.quantization == "none" else f"{self.format} {self.quantization}"


SITE_SUFFIX = "_web"
"""End of the name of a folder for web servers."""

SITE_QUANTIZATIONS: tuple[Quantization, ...] = ("float16", "none", "int8")
"""Quantizations of a page's model."""

DEFAULT_SITE_QUANTIZATION: Quantization = "float16"
"""Half of the size of `none`, as fast and exact."""


@dataclass(frozen=True)
class SiteSettings:
    """The settings of a folder for web servers, see `simplebase.export.web`.

    Args:
        quantization: quantization of its model file, one of `SITE_QUANTIZATIONS`.

    Raises:
        ArgumentError: the quantization is not possible for a page.
    """

    quantization: Quantization = DEFAULT_SITE_QUANTIZATION
    format: Literal["web"] = "web"

    def __post_init__(self) -> None:
        """Checks the quantization."""
        if self.quantization not in SITE_QUANTIZATIONS:
            raise ArgumentError(
                f"web has the quantizations {', '.join(SITE_QUANTIZATIONS)}. "
                f"Received: {self.quantization!r}."
            )

    @property
    def title(self) -> str:
        """The title in tables, such as `web float16`."""
        return f"{self.format} {self.quantization}"


def plan_all_formats(
    folder: str | os.PathLike[str],
    stem: str,
    outputs: OutputsName = "heatmaps",
    opset: int = DEFAULT_OPSET,
) -> list[tuple[ExportSettings, Path]]:
    """Returns all formats with all their quantizations, and the path of each in `folder`.

    Args:
        folder: the folder to write.
        stem: start of the files' names.
        outputs: outputs of the formats that support them; the others return heatmaps.
        opset: opset of ONNX.
    """
    plan = []
    for name, form in FORMATS.items():
        for quantization in form.quantizations:
            ending = "" if quantization == "none" else f"_{quantization}"
            # A folder has no suffix that shows its format.
            ending += form.suffix or "_saved_model"
            decodes = (name, quantization) != _NEVER_DECODES
            settings = ExportSettings(
                name,
                quantization,
                outputs if decodes else "heatmaps",
                free_batch=form.free_batch,
                opset=opset,
            )
            plan.append((settings, Path(folder) / f"{stem}{ending}"))
    return plan


def _require(what: str, value: str, known: Iterable[str]) -> None:
    names = list(known)
    if value not in names:
        raise ArgumentError(f"{what} must be one of {', '.join(names)}. Received: {value!r}.")
