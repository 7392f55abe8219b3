"""Sizes objects that have one labelled keypoint, or several at one point, and no box."""

from collections import Counter
from typing import Any

import numpy as np

from simplebase.converters.conversion import Conversion
from simplebase.converters.image_sizes import source_size
from simplebase.errors import DataError
from simplebase.geometry import PERSON_PIXELS, Size

UNSIZED = 1.0
"""The scale of a record until `size_single_points` sets it."""


def size_single_points(conversion: Conversion, singles: list[dict[str, Any]]) -> None:
    """Sets centre and scale of objects whose labels do not determine a size, and adds a note.

    They get the median size of the other objects, around the keypoint. If no other object has a
    size, as in files with one keypoint per object, the object is the whole image. In a crop around
    the keypoint, its position would always be the centre, so a model would learn nothing.

    Args:
        conversion: contains all records of the dataset.
        singles: the records whose size is to be set. An object in an unreadable image is left out.
    """
    wanted = {id(record) for record in singles}
    chosen = [record for record in conversion.records if id(record) in wanted]
    if not chosen:
        return
    sizes = [r["scale_provided"] for r in conversion.records if id(r) not in wanted]
    what = f"objects with one labelled keypoint and no usable box: {len(chosen)}"
    if sizes:
        scale = float(np.median(sizes))
        for record in chosen:
            record["scale_provided"] = scale
        conversion.notes.append(
            f"{what}; they get the median size of the other objects, {scale * PERSON_PIXELS:.0f} px"
        )
        return
    found = {path: _size(conversion, path) for path in {record["img_paths"] for record in chosen}}
    for record in chosen:
        if size := found[record["img_paths"]]:
            height, width = size
            record["objpos"] = [(width - 1) / 2, (height - 1) / 2]
            record["scale_provided"] = max(size) / PERSON_PIXELS
    unread = {id(record) for record in chosen if not found[record["img_paths"]]}
    if unread:
        conversion.leave_out("no size: the image cannot be read", len(unread))
        conversion.keep([record for record in conversion.records if id(record) not in unread])
    conversion.notes.append(f"{what}; no other object has a size, so each is the whole image")
    counts = Counter(record["img_paths"] for record in chosen)
    if crowded := [path for path, count in counts.items() if count > 1]:
        conversion.warnings.append(
            f"{len(crowded)} of {len(counts)} images have several objects with one labelled "
            f"keypoint and no usable box, such as {crowded[0]}. The crop of each is the whole "
            "image, so a model cannot tell which of them to find. Draw a box around each object "
            "and convert again."
        )


def _size(conversion: Conversion, path: str) -> Size | None:
    try:
        return source_size(conversion.images[path])
    except DataError:
        return conversion.stated_sizes.get(path)
