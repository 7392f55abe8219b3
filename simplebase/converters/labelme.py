"""labelme (https://github.com/wkentaro/labelme): a folder of its JSON files with `point` shapes.

A point's label is the keypoint's name. `labelme_shapes` says which points are one object. labelme's
canvas is continuous, with the first pixel from 0 to 1, so half a pixel is subtracted to get
coordinates of pixel centres. X-AnyLabeling (https://github.com/CVHub520/X-AnyLabeling) writes the
same format and adds `difficult` to each shape, which its users set for hidden keypoints. The order
of keypoints, flip pairs and lines may be in `classes.txt`, `match_point.txt` and `skeleton.txt` in
the folder, which `data suggest` and `demo` write.
"""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from simplebase.converters.conversion import Conversion
from simplebase.converters.image_files import EmbeddedImage
from simplebase.converters.image_search import StatedImage
from simplebase.converters.label_files import refuse_archive, report_unreadable
from simplebase.converters.labelled import (
    LabelledImage,
    infer_skeleton,
    pairs_note,
    to_conversion,
)
from simplebase.converters.labelme_shapes import labelled_objects
from simplebase.data import expect
from simplebase.data.dataset import own_skeleton
from simplebase.data.fields import stated_size
from simplebase.errors import DataError, MissingFileError
from simplebase.files import read_json
from simplebase.images import IMAGE_SUFFIXES
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, pairs_by_name
from simplebase.skeletons.textfiles import CLASSES, MATCH_POINT


def read_labelme(
    source: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads all labelme files in a folder and its subfolders.

    Args:
        source: the folder. Images are searched at the stated paths and then by their file names,
            but not outside the folder.
        skeleton: the keypoints; by default those of `classes.txt` in the folder. Without that file,
            the labels in order of appearance, in files sorted by name. If the folder lacks one of
            `classes.txt` and `match_point.txt`, flip pairs are inferred from left and right in the
            names.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.
        progress: is called with the number of finished files and the total.

    Raises:
        MissingFileError: the folder does not exist.
        DataError: no file can be read, there are no points, or a label is not in the skeleton.

    Unreadable files are left out, counted in `left_out`, and named in a warning.
    """
    source = Path(source)
    refuse_archive(source)
    if not source.is_dir():
        raise MissingFileError(f"{source}: the folder of labelme files does not exist.")
    left_out: Counter[str] = Counter()
    files = _read_files(source, left_out, progress)
    notes: list[str] = []
    if skeleton is None and (source / CLASSES).is_file():
        skeleton = own_skeleton(source)
        notes = [f"keypoints: those of {source / CLASSES}"]
        if not (source / MATCH_POINT).exists():
            skeleton = replace(skeleton, horizontal_pairs=pairs_by_name(skeleton.keypoints))
            notes.append(pairs_note(skeleton))
    elif skeleton is None:
        skeleton, notes = infer_skeleton(source.resolve().name, files.values())
    return to_conversion(
        source,
        list(files),
        list(files.values()),
        skeleton,
        dataset="labelme",
        val_split=val_split,
        seed=seed,
        left_out=left_out,
        notes=notes,
    )


def _read_files(
    source: Path, left_out: Counter[str], progress: Progress | None
) -> dict[Path, LabelledImage]:
    """Reads all labelme files below `source`, sorted by name; others are counted in `left_out`."""
    paths = sorted(source.rglob("*.json"), key=lambda path: path.as_posix())
    files: dict[Path, LabelledImage] = {}
    unreadable = []
    for done, path in enumerate(paths, start=1):
        try:
            content = read_json(path)
        except DataError as error:
            unreadable.append(str(error))
        else:
            if file := _parse_file(content, path, source, left_out):
                files[path] = file
        if progress:
            progress(done, len(paths))
    what = f".json files in {source}"
    report_unreadable(unreadable, len(files), len(paths), what, left_out)
    if not any(file.objects for file in files.values()):
        raise DataError(
            f"{source}: no labelme file in it has a point. Expected .json files with shapes of "
            f"type point. Found {len(files)} labelme files among {len(paths)} .json files."
        )
    return files


def _parse_file(
    content: Any, path: Path, source: Path, left_out: Counter[str]
) -> LabelledImage | None:
    if not isinstance(content, dict) or "shapes" not in content:
        left_out["file: JSON that is not labelme's"] += 1
        return None
    shapes = expect.items(content["shapes"], f"{path}, shapes")
    objects = labelled_objects(shapes, str(path), left_out)
    said = content.get("imagePath") or _image_beside(path)
    said = expect.text(said, f"{path}, imagePath")
    name = path.relative_to(source)
    return LabelledImage(
        image=StatedImage(said, name.parent.as_posix()),
        size=stated_size(content.get("imageWidth"), content.get("imageHeight")),
        objects=objects,
        where=str(path),
        embedded=EmbeddedImage(path) if content.get("imageData") else None,
        embedded_name=name.with_suffix("").as_posix(),
    )


def _image_beside(path: Path) -> str | None:
    """Returns the name of the image with the label file's name; `None` if there is none."""
    found = (path.with_suffix(suffix) for suffix in IMAGE_SUFFIXES)
    return next((image.name for image in found if image.is_file()), None)
