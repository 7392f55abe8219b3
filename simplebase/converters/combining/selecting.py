"""Selects a part of a dataset folder."""

import os
import re
from typing import Literal

import numpy as np

from simplebase.converters.combining.folders import read_folder
from simplebase.converters.combining.grouping import Grouping, compile_pattern, group_images
from simplebase.converters.conversion import Conversion
from simplebase.errors import ArgumentError, DataError, shown
from simplebase.skeletons import Skeleton

_RANGE = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?")
_STREAM = 1
"""Separates random selections from other draws with the same seed, such as `draw_held_out`."""


def select_folder(
    folder: str | os.PathLike[str],
    *,
    image_set: Literal["train", "val", "all"] = "all",
    records: str | None = None,
    pattern: str | None = None,
    first: int | None = None,
    by: Grouping = "video",
    group: str | None = None,
    random: int | None = None,
    seed: int = 0,
    skeleton: Skeleton | None = None,
) -> Conversion:
    """Keeps some records of a dataset; each stays in its split.

    The given criteria are applied one after another, in this order.

    Args:
        folder: the dataset folder.
        image_set: the split to keep records of.
        records: numbers of records in the annotation file, such as `0-99,250`.
        pattern: a regular expression that is searched in the image paths.
        first: number of images to keep of each video or folder, by the numbers in their paths.
        by: how images are grouped for `first`, see `group_images`.
        group: instead of `by`, see `group_images`.
        random: number of images to draw from the rest.
        seed: seed, 0 or above. The same seed draws the same images.
        skeleton: the skeleton of the records. The default comes from the folder's text files.

    Raises:
        ArgumentError: no criterion is given, an argument is out of range or malformed, there are
            fewer images than `random`, or the dataset is packed.
        MissingFileError: the folder, its annotations or a skeleton is missing.
        DataError: a record is invalid, or none is left.
    """
    if image_set == "all" and records is pattern is first is random is None:
        raise ArgumentError(
            "say what to keep: --image-set, --records, --pattern, --first or --random."
        )
    for name, value, least in (("first", first, 1), ("random", random, 1), ("seed", seed, 0)):
        if value is not None and value < least:
            raise ArgumentError(f"{name} must be {least} or above. Received: {value}.")
    ranges = None if records is None else _ranges(records)
    searched = None if pattern is None else compile_pattern(pattern)

    conversion = read_folder(folder, skeleton, ranges)
    if image_set != "all":
        held_out = image_set == "val"
        conversion.keep(
            [each for each in conversion.records if (each["isValidation"] > 0) == held_out]
        )
        if not conversion.records:
            raise DataError(f"{folder}: no record is in the {image_set} split.")
    conversion.require_records()
    paths = list(conversion.images)
    if searched is not None:
        paths = [path for path in paths if searched.search(path)]
        if not paths:
            raise DataError(
                f"{conversion.image_folder}: {shown(pattern)} is found in no image path, such as "
                f"{shown(next(iter(conversion.images)))}."
            )
    if first is not None:
        groups = group_images(paths, by, group)
        paths = [path for images in groups.values() for path in images[:first]]
        what = by if group is None else "group"
        conversion.notes.append(f"{what}s: {len(groups)}, of each the first {first} images")
    if random is not None:
        paths = _drawn(paths, random, seed)
    kept = set(paths)
    conversion.keep([each for each in conversion.records if each["img_paths"] in kept])
    return conversion


def _drawn(paths: list[str], count: int, seed: int) -> list[str]:
    if count > len(paths):
        raise ArgumentError(f"{count} images cannot be drawn from {len(paths)}. Ask for fewer.")
    names = sorted(paths)
    random = np.random.default_rng([seed, _STREAM])
    return [names[at] for at in random.permutation(len(names))[:count]]


def _ranges(text: str) -> list[range]:
    """`0-99,250` as ranges."""
    ranges = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        start, end = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if start > end:
            raise ArgumentError(f"records are numbers such as 0-99,250. Received: {shown(part)}.")
        ranges.append(range(start, end + 1))
    return ranges
