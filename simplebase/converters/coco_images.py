"""Where the images of a COCO annotation file are: it says their names, not their folder."""

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
# As words: `train2017` and `my_val` are folders of a split, `trainval` and `interval` are not.
_SPLIT_WORD = re.compile(rf"(?<![a-z])({'|'.join(_SPLIT_OF)})(?![a-z])", re.IGNORECASE)


def split_images(source: Path, split: Split, names: Iterable[str]) -> ImageSearch:
    """The images of the annotation file of a split.

    An image that its own split lacks is not taken from a folder named after the other.

    Args:
        source: the image folder.
        split: whose file it is.
        names: every `file_name` in it.
    """
    look_up = partial(_find_in, _image_folders(source, split))
    return ImageSearch(source, map(StatedImage, names), look_up, partial(_folder_rank, split))


def _image_folders(source: Path, split: Split) -> list[list[Path]]:
    """Where to look for the images of a split: lists of folders, the likeliest list first.

    The image folder `source` itself; the folders in it, two levels deep, that are named after the
    split; those named after none.
    """
    lists: list[list[Path]] = [[source], [], []]
    for folder in sorted(path for depth in ("*/", "*/*/") for path in source.glob(depth)):
        rank = _folder_rank(split, folder.relative_to(source))
        if rank is not None:
            lists[rank].append(folder)
    return lists


def _folder_rank(split: Split, folder: Path) -> int | None:
    """0 for the image folder itself, 1 for folders of the split, 2 for those of none."""
    if not folder.parts:
        return 0
    named_after = _splits(folder)
    if split in named_after:
        return 1
    return None if named_after else 2


def _splits(folder: Path) -> set[str]:
    """`train`, `val`, both or none, by the words in a path such as `images/train2017`."""
    return {_SPLIT_OF[word.lower()] for word in _SPLIT_WORD.findall(str(folder))}


def _find_in(folders: list[list[Path]], path: str) -> Path | None:
    """The image at `path` in the first list of folders that has it; `None` if it is nowhere.

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
