"""Writes a dataset folder as COCO keypoint files.

```
OUT/
├── annotations/train.json, val.json   the splits that exist
├── images/                            copies, links, or one link to the dataset's folder
└── simplebase.txt                     says that simplebase wrote the folder and may replace it
```

This command restores exactly the same dataset (see `simplebase.converters.own_fields`):

```
simplebase convert coco OUT/images DIR --train-annotations OUT/annotations/train.json
--val-annotations OUT/annotations/val.json
```

Leave out the option of a split that does not exist.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.converters.conversion import NO_IMAGE, ConversionReport, summarise
from simplebase.converters.image_files import (
    ImageMode,
    place_images,
    require_apart,
)
from simplebase.converters.outgoing import WRITTEN_BY, image_files
from simplebase.converters.own_fields import collect_own_fields
from simplebase.data.coco_categories import OWN_KEY
from simplebase.data.coco_format import (
    coco_annotation,
    coco_category,
    coco_image,
    with_ids,
)
from simplebase.data.dataset import IMAGES, annotation_file, own_skeleton
from simplebase.data.records import Records, read_records
from simplebase.errors import MissingFileError
from simplebase.files import read_json, replacing, write_text
from simplebase.images import image_size
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

ANNOTATIONS = "annotations"
MARKERS = (ANNOTATIONS, IMAGES, WRITTEN_BY)
"""COCO's own folders also have the first two. The last marks our folders, which may be replaced."""

_WRITTEN_BY_TEXT = (
    "Written by `simplebase convert to-coco`, which replaces this folder if --overwrite is given.\n"
)
_SPLITS = (("train", False), ("val", True))


def to_coco(
    dataset: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    images: ImageMode = "copy",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Writes a dataset folder in COCO's format.

    Args:
        dataset: the folder.
        output: the folder to write, which appears only when it is complete.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        images: `copy`, `link` or `none`, as in `write_dataset`.
        overwrite: replace `output` if this function wrote it.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `output` contains the dataset.
        MissingFileError: the folder or a file in it is missing.
        DataError: a record is wrong, or no image was found.
        OutputExistsError: `output` exists, and `overwrite` is off or another program wrote it.
    """
    folder = Path(dataset)
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: the dataset folder does not exist.")
    skeleton = skeleton or own_skeleton(folder)
    annotations = annotation_file(folder)
    records = read_records(annotations, skeleton.num_keypoints, skeleton.name)
    names = [str(record["dataset"]) for record in read_json(annotations)]
    files = image_files(folder / IMAGES, records.paths)
    require_apart(output, [folder, annotations, *files.values()])
    numbered = with_ids(records, by_split=True)
    content = _content(records, numbered, names, files, skeleton)
    with replacing(output, overwrite=overwrite, folder_markers=MARKERS) as partial:
        (partial / ANNOTATIONS).mkdir(parents=True)
        for split, each in content.items():
            write_text(partial / ANNOTATIONS / f"{split}.json", json.dumps(each))
        write_text(partial / WRITTEN_BY, _WRITTEN_BY_TEXT)
        place_images(files, partial / IMAGES, images, folder / IMAGES, progress=progress)
    return _report(records, files, _renumbered(records, numbered))


def _renumbered(records: Records, numbered: Records) -> list[str]:
    """Returns notes on ids that were replaced."""
    notes = []
    for split, validation in _SPLITS:
        for what, reason, own, given in (
            ("images", " or different for one image", records.image_ids, numbered.image_ids),
            ("annotations", " or below 1", records.annotation_ids, numbered.annotation_ids),
        ):
            changed = (own != -1) & (own != given) & (records.validation == validation)
            if changed.any():
                notes.append(
                    f"{split}.json gives its {what} new ids, because some of those in the dataset "
                    f"are repeated, missing{reason}"
                )
    return notes


def _report(records: Records, files: dict[str, Path], notes: list[str]) -> ConversionReport:
    kept = [
        {"img_paths": path, "isValidation": validation}
        for path, validation in zip(records.paths, records.validation, strict=True)
        if path in files
    ]
    left_out = Counter({NO_IMAGE: len(records) - len(kept)} if len(kept) < len(records) else {})
    return summarise(kept, left_out, notes)


def _content(
    records: Records,
    numbered: Records,
    names: list[str],
    files: dict[str, Path],
    skeleton: Skeleton,
) -> dict[str, dict[str, Any]]:
    """Yields the splits that have records, each as a COCO file with the ids of `numbered`."""
    chosen = np.flatnonzero([path in files for path in records.paths])
    category = coco_category(skeleton) | {OWN_KEY: skeleton.to_config()}
    content = {}
    for split, validation in _SPLITS:
        indices = [int(index) for index in chosen if records.validation[index] == validation]
        if indices:
            ids = {records.paths[index]: int(numbered.image_ids[index]) for index in indices}
            content[split] = {
                "info": {"description": f"{skeleton.name}, {split}"},
                "licenses": [],
                "categories": [category],
                "images": [coco_image(ids[path], path, image_size(files[path])) for path in ids],
                "annotations": [
                    _annotation(
                        records,
                        index,
                        names[index],
                        image_id=int(numbered.image_ids[index]),
                        annotation_id=int(numbered.annotation_ids[index]),
                    )
                    for index in indices
                ],
            }
    return content


def _annotation(
    records: Records, index: int, dataset: str, *, image_id: int, annotation_id: int
) -> dict[str, Any]:
    """Returns COCO's annotation with the extra fields."""
    own = collect_own_fields(
        records, index, dataset, image_id=image_id, annotation_id=annotation_id
    )
    annotation = coco_annotation(records, index, image_id=image_id, annotation_id=annotation_id)
    return annotation | {OWN_KEY: own}
