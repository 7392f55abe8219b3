"""Where the images of a COCO annotation file are: it says their names, not their folder."""

import re
from pathlib import Path
from typing import Literal

from simplebase.converters.image_files import find_image
from simplebase.errors import DataError

_SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
# As words: `train2017` and `my_val` are folders of a split, `trainval` and `interval` are not.
_SPLIT_WORD = re.compile(rf"(?<![a-z])({'|'.join(_SPLIT_OF)})(?![a-z])", re.IGNORECASE)


def image_folders(source: Path, split: Literal["train", "val"]) -> list[list[Path]]:
    """Where to look for the images of a split: lists of folders, the likeliest list first.

    The image folder `source` itself; the folders in it, two levels deep, that are named after the
    split; those named after none. An image that its own split lacks is not taken from the other.
    """
    own, neutral = [], []
    for folder in sorted(path for depth in ("*/", "*/*/") for path in source.glob(depth)):
        named_after = _splits(folder.relative_to(source))
        if split in named_after:
            own.append(folder)
        elif not named_after:
            neutral.append(folder)
    return [[source], own, neutral]


def _splits(folder: Path) -> set[str]:
    """`train`, `val`, both or none, by the words in a path such as `images/train2017`."""
    return {_SPLIT_OF[word.lower()] for word in _SPLIT_WORD.findall(str(folder))}


def find_split_image(folders: list[list[Path]], name: str) -> Path | None:
    """The image file in the first list of `image_folders` that has it; `None` if it is nowhere.

    Raises:
        DataError: several folders of that list have it.
    """
    for equally_likely in folders:
        found = [image for folder in equally_likely if (image := find_image(folder, name))]
        if len(found) > 1:
            raise DataError(
                f"several images are called {name}: {found[0]} and {found[1]}. Put the folder "
                "into the annotation file's file_name, or give it as the image folder."
            )
        if found:
            return found[0]
    return None
