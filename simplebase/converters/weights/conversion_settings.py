"""The settings of a converted model besides its weights: input, crop, codec, keypoints."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.codec import HeatmapCodec
from simplebase.converters.weights.checkpoint import Checkpoint
from simplebase.converters.weights.mmpose_meta import input_statistics
from simplebase.converters.weights.recognition import Recognised
from simplebase.errors import ArgumentError, DataError
from simplebase.geometry import Crop, Size
from simplebase.metadata import ModelMetadata
from simplebase.normalisation import NORMALISATIONS
from simplebase.presets import INPUT_MULTIPLE, Preset, load_preset
from simplebase.skeletons import Skeleton, load_skeleton

_MPII_SHIFT = 15.0
"""Pixels per scale by which MPII's crops lie below the person's centre in the official code."""

_BY_NUMBER = {16: "mpii", 17: "coco"}

# The official sizes: 256x256 for MPII, 256x192 for COCO. Targets of the larger COCO models, 384x288
# and 384x384, have a sigma of 3.
_USUAL_SIZE: Size = (256, 256)
_USUAL_COCO_SIZE: Size = (256, 192)
_LARGE, _LARGE_SIGMA = 384, 3.0


@dataclass(frozen=True)
class ConversionSettings:
    """All settings of a converted file besides its weights.

    Args:
        input_size: `(H, W)`.
        normalisation: a name of `simplebase.normalisation`; None for the family's own.
        backbone_arguments: arguments of the backbone without `input_size` and `normalisation`.
        head_arguments: arguments of the head that do not follow from the file's shapes.
        metadata: metadata of a whole model; None for a backbone.
        notes: assumptions that the user should know.
    """

    input_size: Size
    normalisation: str | None
    backbone_arguments: dict[str, Any]
    head_arguments: dict[str, Any]
    metadata: ModelMetadata | None
    notes: tuple[str, ...]


def choose_settings(
    checkpoint: Checkpoint,
    recognised: Recognised,
    *,
    preset: str | os.PathLike[str] | Preset | None,
    input_size: Size | None,
    skeleton: Skeleton | None,
    normalisation: str | None,
) -> ConversionSettings:
    """Takes each setting from the user, else the preset, else the file, else the origin's code.

    Raises:
        ArgumentError: the user's settings do not match the file.
        DataError: the file states a normalisation that is not supported.
    """
    if preset is not None and not isinstance(preset, Preset):
        preset = load_preset(preset)
    if preset is not None:
        _require_fitting(preset, recognised, checkpoint.path)
    notes: list[str] = []
    backbone, head = dict(recognised.arguments), dict(recognised.head_arguments)
    if preset is not None:
        backbone |= preset.backbone.model_dump(exclude={"name"}, exclude_none=True)
        head |= preset.head.model_dump(include={"bn_epsilon", "bn_momentum"}, exclude_none=True)
    found = None
    if recognised.head is not None:
        found = _skeleton(checkpoint, recognised.head.num_keypoints, skeleton, notes)
    size = _input_size(checkpoint, recognised, input_size, preset, found, notes)
    return ConversionSettings(
        input_size=size,
        normalisation=_normalisation(checkpoint, recognised, normalisation),
        backbone_arguments=backbone,
        head_arguments=head,
        metadata=None if found is None else _metadata(recognised, preset, size, found),
        notes=tuple(notes),
    )


def _require_fitting(preset: Preset, recognised: Recognised, path: Path) -> None:
    """Checks that a preset has the file's network and does not contradict its shapes."""
    found: dict[str, Any] = {"backbone": recognised.backbone}
    asked: dict[str, Any] = {"backbone": preset.backbone.name}
    if recognised.head is not None:
        found["head"], asked["head"] = recognised.head.name, preset.head.name
        for key in ("channels", "kernel_size"):
            if (value := getattr(preset.head, key)) is not None:
                found[key], asked[key] = getattr(recognised.head, key), value
    for key in ("alpha", "stem_channels"):
        if (value := getattr(preset.backbone, key)) is not None:
            found[key], asked[key] = recognised.arguments.get(key), value
    for key, value in asked.items():
        if found[key] != value:
            raise ArgumentError(
                f"{path} has the {key} {found[key]}, but the preset {preset.name} has {value}. "
                "Leave out --preset, or choose the one that the file was trained with."
            )


def _skeleton(
    checkpoint: Checkpoint, count: int, chosen: Skeleton | None, notes: list[str]
) -> Skeleton:
    if chosen is not None:
        if chosen.num_keypoints != count:
            raise ArgumentError(
                f"{checkpoint.path} has {count} heatmaps, but the skeleton {chosen.name!r} has "
                f"{chosen.num_keypoints} keypoints."
            )
        return chosen
    if checkpoint.skeleton is not None and checkpoint.skeleton.num_keypoints == count:
        return checkpoint.skeleton
    if count in _BY_NUMBER:
        name = _BY_NUMBER[count]
        notes.append(
            f"the {count} keypoints are assumed to be those of {name}. If they are not, give "
            "--skeleton or --classes-path."
        )
        return load_skeleton(name)
    notes.append(
        f"the {count} keypoints have no names. Name them with --skeleton or --classes-path."
    )
    return Skeleton("unnamed", tuple(f"keypoint_{index}" for index in range(count)))


def _input_size(
    checkpoint: Checkpoint,
    recognised: Recognised,
    chosen: Size | None,
    preset: Preset | None,
    skeleton: Skeleton | None,
    notes: list[str],
) -> Size:
    size = chosen or checkpoint.input_size
    if size is None and (size := _size_in_name(checkpoint.path.name)):
        notes.append(f"the input size {size[0]}x{size[1]} is taken from the file's name.")
    if size is None:
        usual = _USUAL_SIZE
        if preset is not None:
            usual = preset.input_size
        elif skeleton is not None and skeleton.name == "coco" and checkpoint.layout == "torch":
            usual = _USUAL_COCO_SIZE
        if recognised.head is not None:
            notes.append(
                f"the file does not state its input size, so {usual[0]}x{usual[1]} is assumed. If "
                "that is wrong, give --input-size."
            )
        size = usual
    if any(side <= 0 or side % INPUT_MULTIPLE for side in size):
        raise ArgumentError(
            f"each side of the input size must be a multiple of {INPUT_MULTIPLE}. "
            f"Received: {size[0]}x{size[1]}."
        )
    return size


def _size_in_name(name: str) -> Size | None:
    """Reads the size in a file name such as `pose_resnet_50_256x192.pth.tar`."""
    sizes = [(int(h), int(w)) for h, w in re.findall(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)", name)]
    sizes = [size for size in sizes if all(side and side % INPUT_MULTIPLE == 0 for side in size)]
    return sizes[0] if len(sizes) == 1 else None


def _normalisation(
    checkpoint: Checkpoint, recognised: Recognised, chosen: str | None
) -> str | None:
    """Chooses the user's normalisation, else that of the file's statistics, else the origin's."""
    statistics = input_statistics(checkpoint.tensors)
    if chosen is not None or statistics is None:
        return chosen or recognised.origin.normalisation
    for name, known in NORMALISATIONS.items():
        of_rgb = not known.get("bgr")
        if of_rgb and np.allclose([known["mean"], known["std"]], statistics, rtol=0, atol=0.01):
            return name
    mean, deviation = (", ".join(f"{value:g}" for value in row) for row in statistics)
    raise DataError(
        f"{checkpoint.path} was trained on images with the mean {mean} and the deviation "
        f"{deviation}, which no normalisation here has. Choose one with --normalisation."
    )


def _metadata(
    recognised: Recognised, preset: Preset | None, size: Size, skeleton: Skeleton
) -> ModelMetadata:
    """Returns crop and codec of the origin's code, with the values of the preset's YAML."""
    assert recognised.head is not None, "only a whole model has metadata"
    origin = recognised.origin
    shifts = origin.always_shifts or skeleton.name == "mpii"
    crop = {"padding": 1.25, "center_shift": _MPII_SHIFT if shifts else 0.0}
    large = size[0] >= _LARGE and not origin.always_shifts
    codec: dict[str, Any] = {
        "sigma": _LARGE_SIGMA if large else origin.sigma,
        "alignment": origin.alignment,
    }
    if preset is not None:
        crop |= preset.crop.model_dump(include=_named(preset, "crop"))
        codec |= preset.codec.model_dump(include=_named(preset, "codec"))
    return ModelMetadata(
        preset=preset.name if preset else f"{recognised.backbone}_{recognised.head.name}",
        input_size=size,
        crop=Crop(**crop),
        codec=HeatmapCodec(size, **codec),
        skeleton=skeleton,
    )


def _named(preset: Preset, part: str) -> set[str]:
    """Returns the keys of a part that the preset's YAML sets."""
    return set(getattr(preset, part).model_fields_set) if part in preset.model_fields_set else set()
