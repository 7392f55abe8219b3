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
from simplebase.data.labelme_format import labelme_content, labelme_shapes
from simplebase.files import write_json
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, write_text_files
from simplebase.skeletons.textfiles import CLASSES, MATCH_POINT, SKELETON

CONTENT = (IMAGES, CLASSES, MATCH_POINT, SKELETON)


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
    shapes: list[dict[str, Any]] = []
    for group, index in enumerate(outgoing.objects[path], start=1):
        keypoints, box = outgoing.records.keypoints[index], outgoing.box(index)
        shapes += labelme_shapes(outgoing.skeleton, keypoints, box, group)
    return labelme_content(PurePosixPath(path).name, outgoing.sizes[path], shapes)
