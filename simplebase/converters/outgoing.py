"""The common part of writers of other tools' formats.

`open_outgoing` reads the dataset and finds its images, a writer fills the folder that
`replacing_own` yields, and `Outgoing.report` counts what was written and left out.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from simplebase.converters.conversion import (
    NO_IMAGE,
    NO_KEYPOINT,
    ConversionReport,
    summarise,
)
from simplebase.converters.image_files import find_image, require_apart
from simplebase.data.dataset import IMAGES, annotation_file, own_skeleton, require_folder
from simplebase.data.records import Records, read_records
from simplebase.errors import DataError
from simplebase.files import replacing, require_output, write_text
from simplebase.geometry import Size
from simplebase.images import image_size
from simplebase.skeletons import Skeleton, pairs_by_name

WRITTEN_BY = "simplebase.txt"
"""Marks a folder that simplebase wrote and may replace, because other tools' folders look alike."""

OUTSIDE = "keypoint: outside its image"


@dataclass
class Outgoing:
    """The records of a dataset with an image and a labelled keypoint.

    Args:
        image_folder: the dataset's images.
        skeleton: the skeleton of the records.
        records: `N` objects, in the order of the dataset.
        files: the image file of each path, in order of appearance.
        left_out: number of records or other items that were left out, by reason.
        notes: notes for the user.
    """

    image_folder: Path
    skeleton: Skeleton
    records: Records
    files: dict[str, Path]
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def sizes(self) -> dict[str, Size]:
        """The upright `(height, width)` of each image by its path."""
        return {path: image_size(file) for path, file in self.files.items()}

    @cached_property
    def objects(self) -> dict[str, list[int]]:
        """The indices of the records of each image by its path."""
        found: dict[str, list[int]] = {path: [] for path in self.files}
        for index, path in enumerate(self.records.paths):
            found[path].append(index)
        return found

    def box(self, index: int) -> list[float] | None:
        """Returns x, y, width, height of a record's box, from the edge of the first pixel."""
        box = self.records.boxes[index]
        return None if np.isnan(box).any() else box.tolist()

    def is_inside(self, path: str, points: np.ndarray) -> np.ndarray:
        """Returns which of `(K, 2)` points lie inside an image."""
        height, width = self.sizes[path]
        inside = (points >= -0.5) & (points <= np.array([width, height]) - 0.5)
        return np.all(inside, axis=1)

    def drop(self, chosen: np.ndarray, reason: str) -> None:
        """Leaves out the records of a mask of length `N`, and images that only they have."""
        if chosen.any():
            self.left_out[reason] += int(chosen.sum())
            self.records = self.records.select(~chosen)
            kept = set(self.records.paths)
            self.files = {path: file for path, file in self.files.items() if path in kept}
            self.__dict__.pop("objects", None)

    def drop_keypoints_outside(self) -> None:
        """Makes keypoints outside their image unlabelled, for formats that cannot store them.

        Raises:
            DataError: no record is left.
        """
        for index, path in enumerate(self.records.paths):
            keypoints = self.records.keypoints[index]
            outside = (keypoints[:, 2] > 0) & ~self.is_inside(path, keypoints[:, :2])
            keypoints[outside] = 0
            self.left_out[OUTSIDE] += int(outside.sum())
        self.left_out = +self.left_out
        self.drop_unlabelled()

    def drop_unlabelled(self) -> None:
        """Leaves out records without a labelled keypoint, as the readers do.

        Raises:
            DataError: no record is left.
        """
        self.drop(np.all(self.records.keypoints[:, :, 2] <= 0, axis=1), NO_KEYPOINT)
        if not len(self.records):
            raise DataError(
                f"{self.image_folder}: no record with an image has a labelled keypoint that the "
                "format can hold. Check the dataset with `simplebase data check`."
            )

    def note_lost_pairs(self) -> None:
        """Notes which flip pairs are lost if a reader infers them from the names."""
        mine = {frozenset(pair) for pair in self.skeleton.horizontal_pairs}
        if mine != {frozenset(pair) for pair in pairs_by_name(self.skeleton.keypoints)}:
            self.notes.append(
                "the format cannot store flip pairs, and those of this dataset do not follow from "
                "the keypoints' names: keep match_point.txt"
            )
        elif self.skeleton.vertical_pairs:
            self.notes.append("the format cannot store vertical flip pairs")

    def note_lost_splits(self) -> None:
        """Notes that the format has no splits, if this dataset has two."""
        if len(set(self.records.validation.tolist())) > 1:
            self.notes.append("the format has no splits: train and val images are mixed")

    def report(self) -> ConversionReport:
        """Returns the counts of both splits, and of what was left out."""
        written = [
            {"img_paths": path, "isValidation": validation}
            for path, validation in zip(self.records.paths, self.records.validation, strict=True)
        ]
        return summarise(written, self.left_out, self.notes)


def open_outgoing(
    dataset: str | os.PathLike[str],
    output: str | os.PathLike[str],
    skeleton: Skeleton | None,
    content: Sequence[str],
    *,
    overwrite: bool,
) -> Outgoing:
    """Opens a dataset folder to write it in another format.

    Args:
        dataset: the folder.
        output: the folder to write.
        skeleton: the skeleton of the records; `None` for that of the folder's text files.
        content: see `replacing_own`. The output is checked before images are read.
        overwrite: whether `output` may be replaced.

    Raises:
        ArgumentError: `output` contains the dataset.
        MissingFileError: the folder or a file in it is missing.
        DataError: a record is wrong, no image was found, no keypoint is labelled, or a name has
            characters that other formats cannot store.
        OutputExistsError: `output` exists and may not be replaced.
    """
    folder = require_folder(dataset)
    skeleton = skeleton or own_skeleton(folder)
    annotations = annotation_file(folder)
    records = read_records(annotations, skeleton.num_keypoints, skeleton.name)
    files = image_files(folder / IMAGES, records.paths)
    require_apart(output, [folder, annotations, *files.values()])
    names = (*content, WRITTEN_BY)
    require_output(output, overwrite=overwrite, folder_markers=names, folder_content=names)
    require_plain_names([skeleton.name, *skeleton.keypoints], str(folder))
    require_plain_names(files, str(annotations))
    outgoing = Outgoing(folder / IMAGES, skeleton, records, files)
    outgoing.drop(np.array([path not in files for path in records.paths]), NO_IMAGE)
    outgoing.drop_unlabelled()
    return outgoing


def image_files(folder: Path, paths: Iterable[str]) -> dict[str, Path]:
    """Returns the existing images by their paths.

    Raises:
        DataError: no image exists.
    """
    found = {path: find_image(folder, path) for path in dict.fromkeys(paths)}
    files = {path: file for path, file in found.items() if file}
    if not files:
        raise DataError(f"{folder}: none of the {len(found)} images was found there.")
    return files


def require_plain_names(names: Iterable[str], where: str) -> None:
    """Checks that names survive being written to a text, XML, YAML or CSV file and read back.

    Raises:
        DataError: a name is empty, has spaces at its ends or a character that cannot be printed.
    """
    for name in names:
        if not name or name != name.strip() or not name.isprintable():
            raise DataError(
                f"{where}: the name {name!r} is empty, has spaces at its ends or a control "
                "character, which the format cannot hold. Rename it."
            )


def require_own_label_files(paths: Iterable[str]) -> None:
    """Checks that no images would share a label file because they differ only in the suffix.

    Raises:
        DataError: two images would.
    """
    found: dict[PurePosixPath, str] = {}
    for path in paths:
        other = found.setdefault(PurePosixPath(path).with_suffix(""), path)
        if other != path:
            raise DataError(
                f"the images {other} and {path} differ only in their suffix, but the format has "
                "one label file for both. Rename one of them in the dataset."
            )


@contextmanager
def replacing_own(
    output: str | os.PathLike[str], command: str, content: Sequence[str], *, overwrite: bool
) -> Iterator[Path]:
    """Yields the path of a new folder, which becomes `output` when the block succeeds.

    Args:
        output: the folder to write.
        command: the command that writes it, such as `to-yolo`.
        content: its content besides `simplebase.txt`. A folder with other content is not replaced.
        overwrite: whether an earlier folder may be replaced.

    Raises:
        OutputExistsError: `output` exists and may not be replaced.
    """
    names = (*content, WRITTEN_BY)
    with replacing(
        output, overwrite=overwrite, folder_markers=names, folder_content=names
    ) as partial:
        yield partial
        write_text(
            partial / WRITTEN_BY,
            f"Written by `simplebase convert {command}`, which replaces this folder if "
            "--overwrite is given.\n",
        )
