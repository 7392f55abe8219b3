"""Draws a new validation split of a dataset folder."""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from simplebase.converters.combining.folders import read_folder
from simplebase.converters.combining.grouping import Grouping, group_images
from simplebase.converters.conversion import Conversion
from simplebase.errors import ArgumentError, DataError
from simplebase.skeletons import Skeleton


def split_folder(
    folder: str | os.PathLike[str],
    fraction: float = 0.1,
    *,
    by: Grouping = "image",
    pattern: str | None = None,
    seed: int = 0,
    skeleton: Skeleton | None = None,
) -> Conversion:
    """Draws a new validation split; records of one group are all in the same split.

    Args:
        folder: the dataset folder.
        fraction: fraction of the images to hold out, 0 or more and below 1, as near as the groups
            allow.
        by: see `group_images`.
        pattern: see `group_images`.
        seed: 0 or above; the same seed draws the same groups.
        skeleton: the skeleton of the records. The default comes from the folder's text files.

    Raises:
        ArgumentError: an argument is out of range, or the dataset is packed.
        MissingFileError: the folder, its annotations or a skeleton is missing.
        DataError: a record is invalid, `pattern` is not found in a path, or there is one group.
    """
    if not 0 <= fraction < 1:
        raise ArgumentError(
            f"the validation split must be 0 or more and below 1. Received: {fraction}."
        )
    if seed < 0:
        raise ArgumentError(f"seed must be 0 or above. Received: {seed}.")
    conversion = read_folder(folder, skeleton)
    conversion.require_records()
    groups = group_images(conversion.images, by, pattern)
    what = by if pattern is None else "group"
    if fraction > 0 and len(groups) < 2:
        raise DataError(
            f"{conversion.image_folder}: all images are of one {what}, so that none can be held "
            "out without its neighbours. Choose another --by, or groups with --group."
        )
    if by == "video" and pattern is None and len(groups) == len(conversion.images):
        conversion.warnings.append(
            "no two images are of one video, going by the number at the end of their names. If "
            "they are frames, name their video with --group PATTERN."
        )
    held_out = draw_groups(groups, fraction, seed)
    conversion.hold_out(path for name in held_out for path in groups[name])
    if what != "image":
        conversion.notes.append(f"{what}s held out: {len(held_out)} of {len(groups)}")
    return conversion


def draw_groups(groups: Mapping[str, Sequence[str]], fraction: float, seed: int) -> list[str]:
    """Draws groups until they contain the fraction of the images; at least one and never all.

    Groups are taken in random order. A group is skipped if it would increase the difference from
    the requested number of images, so a video with half of the dataset is not drawn for a tenth.

    Args:
        groups: two or more groups with their images.
        fraction: fraction of the images, at least 0 and below 1. With 0, none is drawn.
        seed: 0 or above.
    """
    if fraction == 0:
        return []
    wanted = round(fraction * sum(map(len, groups.values())))
    names = list(groups)
    order = [names[index] for index in np.random.default_rng(seed).permutation(len(names))]
    drawn: list[str] = []
    count = 0
    for name in order:
        size = len(groups[name])
        if abs(count + size - wanted) < abs(count - wanted) and len(drawn) < len(order) - 1:
            drawn.append(name)
            count += size
    return drawn or [min(order, key=lambda name: len(groups[name]))]
