"""Provides the encoded images of records, from a folder of files or from packed shards."""

import os
from pathlib import Path
from typing import Protocol

import numpy as np

from simplebase.files import require_file
from simplebase.geometry import Crop, Size
from simplebase.images import DepthRange, decode_image, read_bytes


class ImageStore(Protocol):
    """The images of `N` records, in the records' order."""

    @property
    def matrices(self) -> np.ndarray | None:
        """`(N, 2, 3)` from the record's pixels to the stored image's; None if they are the same."""

    @property
    def depth_range(self) -> DepthRange | None:
        """Which values of deep images become black and white; None if not chosen."""

    def with_default_depth(self, depth_range: DepthRange | None) -> "ImageStore":
        """Returns the same images, with `depth_range` if none was chosen."""

    def name(self, index: int) -> str:
        """Returns the name of record `index`'s image in messages."""

    def read(self, index: int) -> bytes:
        """Returns the encoded image of record `index`.

        Raises:
            MissingFileError, DataError: it is missing or cannot be read.
        """

    def require(self) -> None:
        """Checks before training that all images exist.

        Raises:
            MissingFileError: an image does not exist. Whether it can be decoded is not checked.
        """

    def identity(self) -> bytes:
        """Returns a key that changes whenever an image changes."""

    def check_canvas(self, crop: Crop, input_size: Size, canvas_size: Size) -> None:
        """Warns if the images are too small for canvases of `canvas_size`."""

    def shuffled(self, seed: int, epoch: int) -> np.ndarray:
        """Returns `(N,)`: all indices in a random order that this store can read quickly."""

    def select(self, index: np.ndarray) -> "ImageStore":
        """Returns the images of the records at `index`, indices or a mask of length `N`."""


def decode_stored(images: ImageStore, index: int) -> np.ndarray:
    """Returns the image of record `index` as `(H, W, 3)` uint8 RGB.

    Raises:
        MissingFileError, DataError: it is missing, or cannot be read or decoded.
    """
    return decode_image(images.read(index), images.name(index), depth_range=images.depth_range)


class FolderImages:
    """Image files below a folder.

    The folder and the files may be links to any place, because they are the user's own, and
    `convert --images link` creates links. When `paths` are read, it is checked that they stay in
    the folder, see `simplebase.data.fields.stays_inside`.

    Args:
        folder: the dataset's `images` folder.
        paths: `(N,)` paths relative to it.
        depth_range: see `simplebase.images.DepthRange`.
    """

    matrices = None

    def __init__(
        self, folder: Path, paths: np.ndarray, depth_range: DepthRange | None = None
    ) -> None:
        self.folder = folder
        self.paths = paths
        self.depth_range = depth_range

    def with_default_depth(self, depth_range: DepthRange | None) -> "FolderImages":
        """Returns the same files, read with `depth_range` if none was chosen."""
        return FolderImages(self.folder, self.paths, self.depth_range or depth_range)

    def path(self, index: int) -> Path:
        """Returns the file of record `index`."""
        return self.folder / self.paths[index]

    def name(self, index: int) -> str:
        """Its path."""
        return str(self.path(index))

    def read(self, index: int) -> bytes:
        """Reads the file's content."""
        return read_bytes(self.path(index))

    def require(self) -> None:
        """Raises MissingFileError for the first file that does not exist."""
        for path in dict.fromkeys(self.paths):
            require_file(self.folder / path, "the image")

    def identity(self) -> bytes:
        """Returns a key from paths, sizes and times of the files, and the depth range."""
        text = [str(self.folder.resolve())]
        if self.depth_range is not None:
            text.append(f"depth range {self.depth_range}")
        for path in self.paths:
            status = require_file(self.folder / path, "the image").stat()
            text.append(f"{path} {status.st_size} {status.st_mtime_ns}")
        return os.fsencode("\n".join(text))

    def check_canvas(self, crop: Crop, input_size: Size, canvas_size: Size) -> None:
        """Does nothing, because whole images are always large enough."""

    def shuffled(self, seed: int, epoch: int) -> np.ndarray:
        """Returns a permutation, because files can be read in any order."""
        return np.random.default_rng([seed, epoch]).permutation(len(self.paths))

    def select(self, index: np.ndarray) -> "FolderImages":
        """Returns the files of the records at `index`."""
        return FolderImages(self.folder, self.paths[index], self.depth_range)
