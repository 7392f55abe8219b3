"""Datumaro's JSON (https://github.com/cvat-ai/datumaro), as CVAT exports it: "Datumaro 1.0".

```
SOURCE/
├── annotations/default.json   or a file for each subset: train.json, val.json
└── images/default/...
```

A `skeleton`, or `points` of several points, is an object. `points` of one point are a keypoint that
its label names; keypoints with the same `group` other than 0 form an object. A `bbox` of the
object's group is its box, or the only box around the only object of an image. CVAT's canvas is
continuous, with the first pixel from 0 to 1, so half a pixel is subtracted to get coordinates of
pixel centres. An image's `size` is height, width.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.converters.conversion import Conversion
from simplebase.converters.datumaro.labels import Labels, read_labels, require_labels
from simplebase.converters.datumaro.objects import ObjectReader
from simplebase.converters.image_search import StatedImage
from simplebase.converters.label_sources import require_source
from simplebase.converters.labelled import (
    TEST_RECORD,
    TRAIN,
    VAL,
    LabelledImage,
    groups_of_splits,
    pairs_note,
    to_conversion,
)
from simplebase.data import expect
from simplebase.data.fields import stated_size, stays_inside
from simplebase.errors import DataError, MissingFileError, shown
from simplebase.files import read_json
from simplebase.images import IMAGE_SUFFIXES
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

WHAT = "the folder of the Datumaro project, or its .json file"
_SPLITS = {"training": TRAIN, "valid": VAL, "validation": VAL}
_ANNOTATIONS = "annotations"


@dataclass(frozen=True)
class _File:
    """A subset; `images` is its image folder below the root, if it has one."""

    path: Path
    items: list[Any]
    labels: Labels
    images: str | None

    @property
    def split(self) -> str:
        """`train`, `val`, `test`, or another name of the subset."""
        name = self.path.stem.lower()
        return _SPLITS.get(name, name)


def read_datumaro(
    source: str | os.PathLike[str],
    *,
    image_folder: str | os.PathLike[str] | None = None,
    category: str | Sequence[str] = (),
    skeleton: Skeleton | None = None,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads a Datumaro project or one of its files.

    Args:
        source: the folder that contains `annotations`, or a file.
        image_folder: the images' folder. By default the project's folder.
        category: the labels to convert. By default all.
        skeleton: the keypoints; by default those of the labels.
        val_split: fraction of the images that are held out, where no subset is called train or val.
        seed: seed of the random split.
        progress: is called with the number of finished files and the total.

    Raises:
        ArgumentError: a label of `category` does not exist.
        MissingFileError: the source or the image folder does not exist.
        DataError: a file is not Datumaro's, or labels have different keypoints.
    """
    source = require_source(Path(source), WHAT)
    paths, root = _find_files(source)
    root = root if image_folder is None else Path(image_folder)
    if not root.is_dir():
        raise MissingFileError(f"{root}: the image folder does not exist.")
    files = [_read_file(path, root) for path in paths]
    chosen = [category] if isinstance(category, str) else list(category)
    require_labels((file.labels for file in files), chosen, source)
    reader = ObjectReader(chosen)
    groups, notes = groups_of_splits({file.split for file in files})
    images: list[LabelledImage] = []
    for done, file in enumerate(files, start=1):
        found = list(_images(file, root, reader, groups.get(file.split, "")))
        if file.split == "test" and "test" not in groups:
            reader.left_out[TEST_RECORD] += sum(len(image.objects) for image in found)
        else:
            images += found
        if progress:
            progress(done, len(files))
    if skeleton is None:
        skeleton = reader.skeleton(source)
        notes += [f"keypoints: {', '.join(skeleton.keypoints)}", pairs_note(skeleton)]
    return to_conversion(
        root,
        paths,
        images,
        skeleton,
        dataset="datumaro",
        folder_option="simplebase convert datumaro --image-folder",
        val_split=val_split,
        seed=seed,
        left_out=reader.left_out,
        notes=notes,
    )


def _find_files(source: Path) -> tuple[list[Path], Path]:
    """Returns the label files, and the folder of the project."""
    if source.is_file():
        folder = source.parent
        return [source], folder.parent if folder.name == _ANNOTATIONS else folder
    folder = source / _ANNOTATIONS if (source / _ANNOTATIONS).is_dir() else source
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise DataError(f"{folder}: expected Datumaro's .json files. There are none.")
    return paths, source


def _read_file(path: Path, root: Path) -> _File:
    content = read_json(path)
    if not isinstance(content, dict) or not {"categories", "items"} <= content.keys():
        raise DataError(
            f"{path} is not a Datumaro file: expected a mapping with categories and items."
        )
    images = f"images/{path.stem}"
    return _File(
        path,
        expect.items(content["items"], f"{path}, items"),
        read_labels(content, path),
        images if (root / images).is_dir() else None,
    )


def _with_suffix(name: str, folder: Path) -> str:
    """Completes the id of an item for which no path is stated, if there is such an image."""
    if name.lower().endswith(IMAGE_SUFFIXES):
        return name
    names = [name + suffix for each in IMAGE_SUFFIXES for suffix in (each, each.upper())]
    found = (each for each in names if stays_inside(each) and (folder / each).is_file())
    return next(found, name)


def _images(file: _File, root: Path, reader: ObjectReader, group: str) -> Iterator[LabelledImage]:
    """Yields the images of a file, whose project is in `root`.

    Raises:
        DataError: a value is not what Datumaro writes.
    """
    seen: set[str] = set()
    for index, item in enumerate(file.items):
        where = f"{file.path}, items[{index}]"
        item = expect.mapping(item, where)
        name = expect.text(item.get("id"), f"{where}.id")
        if name in seen:
            raise DataError(f"{where}: the id {shown(name)} occurs twice. Keep one item.")
        seen.add(name)
        image = expect.mapping(item.get("image") or item.get("media") or {}, f"{where}.image")
        height, width, *_ = [*expect.items(image.get("size") or [], f"{where}.size"), 0, 0]
        stated = expect.text(image.get("path") or name, f"{where}.image.path")
        stated = _with_suffix(stated, root / (file.images or ""))
        yield LabelledImage(
            StatedImage(stated, file.images),
            stated_size(width, height),
            reader.objects(item, file.labels, where),
            where,
            group,
        )
