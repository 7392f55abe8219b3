"""Writes a dataset folder as labelme's files, see `simplebase.converters.labelme`.

```
OUT/
├── images/            the images, and beside each its .json
├── classes.txt  match_point.txt  skeleton.txt
└── simplebase.txt     says that simplebase wrote the folder and may replace it
```

The files cannot store the order of keypoints, flip pairs and splits. The text files store the first
two: `simplebase convert labelme OUT/images DIR --classes-path OUT/classes.txt
--matchpoint-path OUT/match_point.txt --skeleton-path OUT/skeleton.txt`.
"""

import os
from pathlib import PurePosixPath
from typing import Any

from simplebase.converters.conversion import ConversionReport
from simplebase.converters.image_files import ImageMode, place_images
from simplebase.converters.outgoing import (
    Outgoing,
    open_outgoing,
    replacing_own,
    require_own_label_files,
)
from simplebase.data.dataset import IMAGES
from simplebase.files import write_json
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, write_text_files
from simplebase.skeletons.textfiles import CLASSES, MATCH_POINT, SKELETON

CONTENT = (IMAGES, CLASSES, MATCH_POINT, SKELETON)
_VERSION = "5.5.0"
"""The version of labelme whose files have these fields."""
_PIXEL_CENTRE = 0.5
_HIDDEN = "hidden"


def to_labelme(
    dataset: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    images: ImageMode = "copy",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Writes a dataset folder as labelme's files; coordinates are not rounded.

    Args:
        dataset: the folder.
        output: the folder to write, which appears only when it is complete.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        images: `copy` or `link`.
        overwrite: replace `output` if this function wrote it.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `output` contains the dataset, or `images` is `none`.
        MissingFileError: the folder or a file in it is missing.
        DataError: a record is wrong, no image was found, or the format cannot hold a name.
        OutputExistsError: `output` exists, and `overwrite` is off or another program wrote it.
    """
    outgoing = open_outgoing(dataset, output, skeleton, CONTENT, overwrite=overwrite)
    require_own_label_files(outgoing.files)
    outgoing.note_lost_splits()
    contents = {
        PurePosixPath(IMAGES, path).with_suffix(".json"): _file(outgoing, path)
        for path in outgoing.files
    }
    # With new names, `images` cannot be a link to the source, into which files would be written.
    files = {f"{IMAGES}/{path}": file for path, file in outgoing.files.items()}
    with replacing_own(output, "to-labelme", CONTENT, overwrite=overwrite) as partial:
        place_images(files, partial, images, outgoing.image_folder, progress=progress)
        for name, content in contents.items():
            write_json(partial / name, content)
        write_text_files(outgoing.skeleton, partial)
    return outgoing.report()


def _file(outgoing: Outgoing, path: str) -> dict[str, Any]:
    """Returns the content of an image's file."""
    height, width = outgoing.sizes[path]
    shapes = []
    for group, index in enumerate(outgoing.objects[path], start=1):
        shapes += _shapes(outgoing, index, group)
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": PurePosixPath(path).name,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def _shapes(outgoing: Outgoing, index: int, group: int) -> list[dict[str, Any]]:
    """Returns the points of an object, and the rectangle of its box."""
    skeleton = outgoing.skeleton
    shapes = []
    keypoints = outgoing.records.keypoints[index].tolist()
    for name, (x, y, visibility) in zip(skeleton.keypoints, keypoints, strict=True):
        if visibility > 0:
            place = [x + _PIXEL_CENTRE, y + _PIXEL_CENTRE]
            flags = {_HIDDEN: True} if visibility == 1 else {}
            shapes.append(_shape("point", name, [place], group, flags))
    if box := outgoing.box(index):
        left, top, width, height = box
        corners = [[left, top], [left + width, top + height]]
        shapes.append(_shape("rectangle", skeleton.name, corners, group, {}))
    return shapes


def _shape(
    kind: str, label: str, points: list[list[float]], group: int, flags: dict[str, bool]
) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": flags,
        "mask": None,
    }
