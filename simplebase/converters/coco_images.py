"""Finds the images of a COCO annotation file, which states their names but not their folder."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal

from simplebase.converters.image_files import find_image
from simplebase.converters.image_search import ImageSearch, StatedImage, several_images

Split = Literal["train", "val"]

_SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
# Whole words only: `train2017` and `my_val` belong to a split, `trainval` and `interval` do not.
_SPLIT_WORD = re.compile(rf"(?<![a-z])({'|'.join(_SPLIT_OF)})(?![a-z])", re.IGNORECASE)


def split_images(source: Path, split: Split, names: Iterable[str]) -> ImageSearch:
    """Returns a search for the images of a split's annotation file.

    A missing image is not taken from a folder that is named after the other split.

    Args:
        source: the image folder.
        split: the split of the file.
        names: every `file_name` in the file.
    """
    look_up = partial(_find_in, _image_folders(source, split))
    return ImageSearch(source, map(StatedImage, names), look_up, partial(_folder_rank, split))


def _image_folders(source: Path, split: Split) -> list[list[Path]]:
    """Returns where to search the images of a split: lists of folders, the most likely list first.

    These are the image folder `source` itself; folders in it, up to two levels deep, that are named
    after the split; and folders that are named after no split.
    """
    lists: list[list[Path]] = [[source], [], []]
    for folder in sorted(path for depth in ("*/", "*/*/") for path in source.glob(depth)):
        rank = _folder_rank(split, folder.relative_to(source))
        if rank is not None:
            lists[rank].append(folder)
    return lists


def _folder_rank(split: Split, folder: Path) -> int | None:
    """Returns 0 for the image folder, 1 for folders of the split, 2 for folders of no split."""
    if not folder.parts:
        return 0
    named_after = _splits(folder)
    if split in named_after:
        return 1
    return None if named_after else 2


def _splits(folder: Path) -> set[str]:
    """Returns `train`, `val`, both or none, by the words in a path such as `images/train2017`."""
    return {_SPLIT_OF[word.lower()] for word in _SPLIT_WORD.findall(str(folder))}


def _find_in(folders: list[list[Path]], path: str) -> Path | None:
    """Returns the image at `path` in the first list of folders that has it; `None` if none has.

    Raises:
        DataError: several folders of that list have it.
    """
    for equally_likely in folders:
        found = [image for folder in equally_likely if (image := find_image(folder, path))]
        if len(found) > 1:
            raise several_images(path, found[0], found[1])
        if found:
            return found[0]
    return None
