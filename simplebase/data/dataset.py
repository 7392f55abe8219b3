"""A dataset folder: `annotations.json` (or `.json.gz`), `images/`, and optionally a skeleton.

```
DIR/
├── annotations.json   records, see `simplebase.data.records`
├── images/            what `img_paths` points into
├── classes.txt        keypoint names          ┐
├── match_point.txt    pairs that swap in flips │ optional: else the caller names a skeleton
└── skeleton.txt       lines for drawings       ┘
```
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simplebase.data.records import Records, read_records
from simplebase.errors import DataError, MissingFileError
from simplebase.files import require_file
from simplebase.skeletons import Skeleton, read_text_files
from simplebase.skeletons.textfiles import CLASSES, MATCH_POINT, SKELETON

ANNOTATIONS = "annotations.json"
IMAGES = "images"


@dataclass(frozen=True)
class KeypointDataset:
    """Records, the skeleton they follow and the folder their images are in."""

    folder: Path
    skeleton: Skeleton
    records: Records

    def __len__(self) -> int:
        """Number of records."""
        return len(self.records)

    @property
    def train(self) -> "KeypointDataset":
        """The records to train on."""
        return self._split(~self.records.validation, "train")

    @property
    def validation(self) -> "KeypointDataset":
        """The held-out records."""
        return self._split(self.records.validation, "val")

    def _split(self, mask: np.ndarray, name: str) -> "KeypointDataset":
        if not mask.any():
            raise DataError(
                f"{self.folder}: the {name} split is empty; isValidation is 0 in train records and "
                "1 in val records."
            )
        return KeypointDataset(self.folder, self.skeleton, self.records.select(mask))

    def require_images(self) -> None:
        """Says which image is missing before hours of training do.

        Raises:
            MissingFileError: a record's image is not there; whether it can be read is not checked.
        """
        for index in range(len(self)):
            require_file(self.image_path(index), "the image")

    def image_path(self, index: int) -> Path:
        """Path of the image of record `index`."""
        return self.folder / IMAGES / self.records.paths[index]


def load_dataset(
    folder: str | os.PathLike[str], skeleton: Skeleton | None = None
) -> KeypointDataset:
    """Reads a dataset folder.

    Args:
        folder: the folder.
        skeleton: what the records follow; by default what the folder's own text files say.

    Raises:
        MissingFileError: the folder, its annotations or a skeleton is missing.
        DataError: a file holds something else than it should.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: the dataset folder does not exist. Check --dataset.")
    if skeleton is None:
        skeleton = _own_skeleton(folder)
    annotations = folder / ANNOTATIONS
    if not annotations.exists() and annotations.with_suffix(".json.gz").exists():
        annotations = annotations.with_suffix(".json.gz")
    records = read_records(annotations, skeleton.num_keypoints, skeleton.name)
    return KeypointDataset(folder, skeleton, records)


def _own_skeleton(folder: Path) -> Skeleton:
    if not (folder / CLASSES).exists():
        raise MissingFileError(
            f"{folder} has no {CLASSES}. Name its skeleton with --skeleton, or --classes-path."
        )
    match_point, lines = folder / MATCH_POINT, folder / SKELETON
    return read_text_files(
        folder / CLASSES,
        match_point if match_point.exists() else None,
        lines if lines.exists() else None,
    )
