"""Checks of the records themselves: boxes, crops, keypoints and visibility.

Each check takes the valid records as columns and yields findings whose `record` is a row of them.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from simplebase.data.checking.findings import Finding
from simplebase.data.records import Records
from simplebase.geometry import PERSON_PIXELS, Crop
from simplebase.skeletons import Skeleton, pairs_by_name

# Annotation tools round coordinates, and some count pixels from 1.
_TOLERANCE = 1.0  # pixels

# Fewer pixels than a heatmap has cells.
_TINY = 32.0

# The longer side of COCO's boxes is 0.8 to 1.6 times that of the keypoints in them.
_BOX_OVER_KEYPOINTS = (0.5, 3.0)


def check_boxes(records: Records, sizes: np.ndarray) -> Iterator[Finding]:
    """Compares boxes and head boxes with the images' `sizes` `(N, 2)` and with the keypoints."""
    heads = records.headboxes
    for row in np.flatnonzero((heads[:, 2:] <= heads[:, :2]).any(axis=1)):
        corners = _numbers(heads[row])
        yield Finding("box-without-area", f"headboxes x1, y1, x2, y2 is {corners}", int(row))
    boxes = records.boxes
    for row in np.flatnonzero((boxes[:, 2:] <= 0).any(axis=1)):
        message = f"bbox x, y, width, height is {_numbers(boxes[row])}"
        yield Finding("box-without-area", message, int(row))
    # Pixel 0 starts at -0.5. A box from 0 to the width covers the image in either convention.
    over = np.maximum(-boxes[:, :2], boxes[:, :2] + boxes[:, 2:] - sizes).max(axis=1)
    for row in np.flatnonzero(over > _TOLERANCE):
        message = f"bbox reaches {over[row]:.0f} px beyond the image of {_size(sizes[row])}"
        yield Finding("box-outside-image", message, int(row))
    yield from _boxes_against_keypoints(records)


def _boxes_against_keypoints(records: Records) -> Iterator[Finding]:
    labelled = records.keypoints[..., 2] > 0
    points = records.keypoints[..., :2]
    start, end = records.boxes[:, None, :2], records.boxes[:, None, :2] + records.boxes[:, None, 2:]
    outside = ((points < start - _TOLERANCE) | (points > end + _TOLERANCE)).any(axis=-1) & labelled
    counts, missed = labelled.sum(axis=1), outside.sum(axis=1)
    for row in np.flatnonzero(2 * missed > counts):
        message = f"{missed[row]} of {counts[row]} keypoints lie outside of bbox"
        yield Finding("box-misses-keypoints", message, int(row))
    long_side = records.boxes[:, 2:].max(axis=1)
    ratio = long_side / np.maximum(extents(records), 1.0)
    low, high = _BOX_OVER_KEYPOINTS
    # Few keypoints say little about the object's size.
    wrong = ((ratio < low) | (ratio > high)) & (2 * counts >= labelled.shape[1]) & (long_side > 0)
    for row in np.flatnonzero(wrong):
        message = f"bbox is {ratio[row]:.1f} times as long as the keypoints' extent"
        yield Finding("box-size", message, int(row))


def check_crops(records: Records, skeleton: Skeleton, crop: Crop) -> Iterator[Finding]:
    """Compares the network's crop, the square around `objpos`, with the keypoints."""
    labelled = records.keypoints[..., 2] > 0
    center = records.centers + [0.0, crop.center_shift] * records.scales[:, None]
    distance = np.abs(records.keypoints[..., :2] - center[:, None]).max(axis=-1)
    unit = PERSON_PIXELS * crop.padding / 2
    beyond = (distance > unit * records.scales[:, None]) & labelled
    for row in np.flatnonzero(beyond.any(axis=1)):
        if (beyond[row] == labelled[row]).all():
            middle = _numbers(np.round(records.keypoints[row, labelled[row], :2].mean(axis=0)))
            where = f"objpos is {_numbers(np.round(center[row]))}, their middle {middle}"
            message = f"the crop around objpos holds none of the keypoints ({where})"
            yield Finding("crop-misses-object", message, int(row))
        else:
            needed = np.where(labelled[row], distance[row], 0).max() / unit
            message = (
                f"the crop cuts off {_names(skeleton, beyond[row])} (scale_provided is "
                f"{records.scales[row]:.3g}; with {needed:.3g}, the crop would contain all)"
            )
            yield Finding("crop-cuts-keypoints", message, int(row))
    heights = PERSON_PIXELS * records.scales
    for row in np.flatnonzero(heights < _TINY):
        yield Finding("tiny-object", f"the object is {heights[row]:.0f} px high", int(row))


def check_keypoints(records: Records, sizes: np.ndarray, skeleton: Skeleton) -> Iterator[Finding]:
    """Compares keypoints with the images' `sizes` `(N, 2)`, and records with each other."""
    labelled = records.keypoints[..., 2] > 0
    points = records.keypoints[..., :2]
    last = sizes[:, None] - 1
    outside = (points < -_TOLERANCE) | (points > last + _TOLERANCE)
    outside = outside.any(axis=-1) & labelled & ~np.isnan(sizes[:, :1])
    for row in np.flatnonzero(outside.any(axis=1)):
        names = _names(skeleton, outside[row])
        message = f"{names} outside the image of {_size(sizes[row])}"
        yield Finding("keypoint-outside-image", message, int(row))
    for row in np.flatnonzero(~labelled.any(axis=1)):
        yield Finding("no-keypoints", "no keypoint is labelled", int(row))
    first: dict[tuple[str, bytes], int] = {}
    for repeated in np.flatnonzero(labelled.any(axis=1)).tolist():
        key = (records.paths[repeated], records.keypoints[repeated].tobytes())
        if first.setdefault(key, repeated) != repeated:
            message = "an earlier record has the same keypoints of the same image"
            yield Finding("repeated-record", message, repeated)


def check_labelling(records: Records, joints: np.ndarray, skeleton: Skeleton) -> Iterator[Finding]:
    """Finds unusual properties of all records together.

    Args:
        records: `N` records.
        joints: `(N, K, 3)` as in the file.
        skeleton: provides the names.
    """
    for name, mask in (("train", ~records.validation), ("val", records.validation)):
        if not mask.any():
            value = int(name == "val")
            yield Finding("empty-split", f"no record is in the {name} split (isValidation {value})")
    labelled = records.keypoints[..., 2] > 0
    train = labelled[~records.validation]
    if len(train):
        for name, count in zip(skeleton.keypoints, train.sum(axis=0), strict=True):
            share = f"{name} is labelled in {count} of {len(train)} train records"
            if count == 0:
                yield Finding("keypoint-never-labelled", share)
            elif count < len(train) / 100:
                yield Finding("keypoint-rarely-labelled", share)
    # Coordinates beyond the first pixel. For unlabelled keypoints, upstream writes 0 or 1.
    ignored = ~labelled & (joints[..., :2] > 1).all(axis=-1)
    if ignored.any():
        yield Finding(
            "unusual-visibility",
            f"{ignored.sum()} keypoints of {ignored.any(axis=1).sum()} records have coordinates "
            "but visibility 0, which means not labelled; hidden keypoints have visibility 1",
        )


def check_flip_pairs(skeleton: Skeleton) -> Iterator[Finding]:
    """Finds names that differ only in left and right but do not swap in a flip."""
    paired = {frozenset(pair) for pair in skeleton.horizontal_pairs}
    for left, right in pairs_by_name(skeleton.keypoints):
        if {left, right} not in paired:
            message = f"{left} and {right} do not swap when an image is mirrored"
            advice = f"write {left},{right},h into match_point.txt"
            yield Finding("missing-flip-pairs", f"{message}: {advice}")


def extents(records: Records) -> np.ndarray:
    """Returns `(N,)`: longer side of the labelled keypoints' extent in pixels; 0 without any."""
    labelled = records.keypoints[..., 2:] > 0
    points = records.keypoints[..., :2]
    lowest = np.where(labelled, points, np.inf).min(axis=1)
    highest = np.where(labelled, points, -np.inf).max(axis=1)
    return np.maximum(highest - lowest, 0).max(axis=-1)


def _names(skeleton: Skeleton, mask: np.ndarray) -> str:
    names: Sequence[str] = [skeleton.keypoints[index] for index in np.flatnonzero(mask)]
    return ", ".join(names)


def _numbers(values: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _size(size: np.ndarray) -> str:
    return f"{size[0]:.0f}x{size[1]:.0f} pixels"
