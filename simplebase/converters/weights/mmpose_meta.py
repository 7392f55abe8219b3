"""Reads an MMPose checkpoint's content besides weights: keypoints, statistics, a second copy."""

from collections.abc import Collection
from typing import Any

import numpy as np

from simplebase.converters.weights.checkpoint import Tensors
from simplebase.errors import DataError
from simplebase.skeletons import Link, Skeleton, load_skeleton

_BUILT_IN = ("coco", "mpii", "lsp", "animal_pose")

_COPY = "ema_"
_PREPROCESSOR = "data_preprocessor."
_CHANNELS = 3


def skeleton_of(checkpoint: dict[str, Any]) -> Skeleton | None:
    """Returns the skeleton in `meta.dataset_meta`; None if there is no valid one.

    Args:
        checkpoint: the content besides the state dict.
    """
    match checkpoint.get("meta"):
        case {"dataset_meta": {"keypoint_id2name": dict(names)} as described}:
            pass
        case _:
            return None
    found = [names.get(index) for index in range(len(names))]
    keypoints = tuple(name for name in found if isinstance(name, str))
    if not keypoints or len(keypoints) < len(found):
        return None
    for built_in in map(load_skeleton, _BUILT_IN):
        if built_in.keypoints == keypoints:
            return built_in
    name = described.get("dataset_name")
    try:
        return Skeleton(
            name=name if isinstance(name, str) else "mmpose",
            keypoints=keypoints,
            horizontal_pairs=_pairs(described.get("flip_indices"), keypoints),
            links=_links(described.get("skeleton_links"), keypoints),
        )
    except DataError:
        return None


def spare_copies(names: Collection[str]) -> set[str]:
    """Returns names of the copies of MMCV's moving average, such as `ema_backbone_conv1_weight`.

    They are not the average: the hook swaps the two before it writes a checkpoint, so that the
    averaged values have the usual names (mmcv, runner/hooks/ema.py). MMEngine also swaps, and
    writes the other copy beside the state dict.
    """
    return {f"{_COPY}{name.replace('.', '_')}" for name in names}.intersection(names)


def input_statistics(tensors: Tensors) -> np.ndarray | None:
    """Returns mean and deviation of each channel, `(2, 3)` of 0..255, if MMPose 1.x wrote them.

    Raises:
        DataError: one is missing, or they do not have three channels.
    """
    if not any(name.startswith(_PREPROCESSOR) for name in tensors.names):
        return None
    found = []
    for name in ("mean", "std"):
        name = f"{_PREPROCESSOR}{name}"
        values = tensors.take(name, tensors.shape(name) if name in tensors else ()).ravel()
        if len(values) != _CHANNELS:
            raise DataError(
                f"{tensors.where}: {name} has {len(values)} numbers, but only networks with "
                f"{_CHANNELS} input channels are supported."
            )
        found.append(values)
    return np.stack(found)


def _pairs(indices: Any, keypoints: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Returns the flip pairs in `flip_indices`, the order of keypoints in a mirrored image."""
    if not isinstance(indices, list) or not all(_is_index(i, keypoints) for i in indices):
        return ()
    return tuple((keypoints[i], keypoints[j]) for i, j in enumerate(indices) if i < j)


def _links(links: Any, keypoints: tuple[str, ...]) -> tuple[Link, ...]:
    if not isinstance(links, list):
        return ()
    found = []
    for link in links:
        match link:
            case (start, end) if _is_index(start, keypoints) and _is_index(end, keypoints):
                found.append(Link(keypoints[start], keypoints[end]))
    return tuple(found)


def _is_index(value: Any, keypoints: tuple[str, ...]) -> bool:
    return type(value) is int and 0 <= value < len(keypoints)
