"""A dataset folder: `annotations.json` (or `.json.gz`), `images/`, and optionally a skeleton.

```
DIR/
├── annotations.json   records, see `simplebase.data.records`
├── images/            the images that `img_paths` names
├── classes.txt        keypoint names          ┐
├── match_point.txt    pairs that swap in flips │ optional: else the caller names a skeleton
└── skeleton.txt       lines for drawings       ┘
```
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simplebase.data.image_store import FolderImages, ImageStore
from simplebase.data.records import Records, read_records
from simplebase.errors import DataError, MissingFileError
from simplebase.images import DepthRange
from simplebase.skeletons import Skeleton, read_text_files
from simplebase.skeletons.textfiles import CLASSES, MATCH_POINT, SKELETON

ANNOTATIONS = "annotations.json"
IMAGES = "images"
FOLDER_MARKERS = (ANNOTATIONS, IMAGES)
FOLDER_CONTENT = (ANNOTATIONS, IMAGES, CLASSES, MATCH_POINT, SKELETON)
"""The required and the possible content of a folder that simplebase writes."""


@dataclass(frozen=True)
class KeypointDataset:
    """The records of a dataset, their skeleton and their images.

    Args:
        name: where it was read from, for messages.
        skeleton: the skeleton of the keypoints.
        records: `N` labelled objects.
        images: their images, in the same order.
    """

    name: str
    skeleton: Skeleton
    records: Records
    images: ImageStore

    def __len__(self) -> int:
        """Returns the number of records."""
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
                f"{self.name}: the {name} split is empty. Draw the splits with `simplebase data "
                "split`; those of a packed dataset, before it is packed."
            )
        return self.select(mask)

    def select(self, index: np.ndarray) -> "KeypointDataset":
        """Returns the records at `index` (indices or a mask of length `N`) with their images."""
        records, images = self.records.select(index), self.images.select(index)
        return KeypointDataset(self.name, self.skeleton, records, images)

    def with_default_depth(self, depth_range: DepthRange | None) -> "KeypointDataset":
        """Returns the dataset with `depth_range` for its images, if none was chosen when opened."""
        return replace(self, images=self.images.with_default_depth(depth_range))


def load_folder(
    folder: str | os.PathLike[str],
    skeleton: Skeleton | None = None,
    depth_range: DepthRange | None = None,
) -> KeypointDataset:
    """Opens a dataset folder with the structure above.

    Args:
        folder: the folder.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        depth_range: which values of images of more than 8 bits become black and white.

    Raises:
        MissingFileError: the folder, its annotations or a skeleton is missing.
        DataError: the content of a file is invalid.
    """
    folder = require_folder(folder)
    if skeleton is None:
        skeleton = own_skeleton(folder)
    records = read_records(annotation_file(folder), skeleton.num_keypoints, skeleton.name)
    images = FolderImages(folder / IMAGES, records.paths, depth_range)
    return KeypointDataset(str(folder.absolute()), skeleton, records, images)


def require_folder(folder: str | os.PathLike[str]) -> Path:
    """Returns `folder` if it contains annotations, else raises MissingFileError."""
    folder = Path(folder)
    if folder.is_file():
        raise MissingFileError(f"{folder} is a file. Give the dataset folder that it is in.")
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: the dataset folder does not exist. Check the path.")
    if not annotation_file(folder).exists():
        raise MissingFileError(
            f"{folder} has no {ANNOTATIONS}, so it is not a dataset folder. `simplebase convert "
            "auto` makes one from the labels of other tools."
        )
    return folder


def annotation_file(folder: Path) -> Path:
    """Returns the path of `annotations.json`, or of the compressed file if only that exists."""
    plain = folder / ANNOTATIONS
    compressed = plain.with_suffix(".json.gz")
    return compressed if compressed.exists() and not plain.exists() else plain


def needs_skeleton(folder: str | os.PathLike[str]) -> bool:
    """Returns whether a dataset folder does not name its keypoints."""
    folder = Path(folder)
    return annotation_file(folder).exists() and not (folder / CLASSES).exists()


def own_skeleton(folder: Path) -> Skeleton:
    """Reads the skeleton of the folder's text files; MissingFileError if there are none."""
    if not (folder / CLASSES).exists():
        raise MissingFileError(
            f"{folder} has no {CLASSES}, so its keypoints have no names. Write that file, one name "
            "per line, or give --skeleton if the command has it."
        )
    match_point, lines = folder / MATCH_POINT, folder / SKELETON
    return read_text_files(
        folder / CLASSES,
        match_point if match_point.exists() else None,
        lines if lines.exists() else None,
    )
