"""Where the encoded images of records come from: a folder of files, or packed shards."""

import os
from pathlib import Path
from typing import Protocol

import numpy as np

from simplebase.files import require_file
from simplebase.geometry import Crop, Size
from simplebase.images import read_bytes


class ImageStore(Protocol):
    """The images of `N` records, in the records' order."""

    @property
    def matrices(self) -> np.ndarray | None:
        """`(N, 2, 3)` from the record's pixels to those of the stored image; None: they are one."""

    def name(self, index: int) -> str:
        """What errors call the image of record `index`."""

    def read(self, index: int) -> bytes:
        """The encoded image of record `index`.

        Raises:
            MissingFileError, DataError: it is missing or cannot be read.
        """

    def require(self) -> None:
        """Says which image is missing before hours of training do.

        Raises:
            MissingFileError: an image is not there; whether it can be decoded is not checked.
        """

    def identity(self) -> bytes:
        """Changes whenever one of the images does."""

    def check_canvas(self, crop: Crop, input_size: Size, canvas_size: Size) -> None:
        """Warns where these images have less than canvases of `canvas_size` look at."""

    def shuffled(self, seed: int, epoch: int) -> np.ndarray:
        """`(N,)` all indices in a random order that this store is quick to read in."""

    def select(self, index: np.ndarray) -> "ImageStore":
        """The images of the records at `index`, indices or a mask of length `N`."""


class FolderImages:
    """Image files below a folder.

    Args:
        folder: the dataset's `images` folder.
        paths: `(N,)` paths relative to it.
    """

    matrices = None

    def __init__(self, folder: Path, paths: np.ndarray) -> None:
        self.folder = folder
        self.paths = paths

    def path(self, index: int) -> Path:
        """The file of record `index`."""
        return self.folder / self.paths[index]

    def name(self, index: int) -> str:
        """Its path."""
        return str(self.path(index))

    def read(self, index: int) -> bytes:
        """What the file holds."""
        return read_bytes(self.path(index))

    def require(self) -> None:
        """Raises MissingFileError for the first file that is not there."""
        for path in dict.fromkeys(self.paths):
            require_file(self.folder / path, "the image")

    def identity(self) -> bytes:
        """Paths, sizes and times of the files."""
        text = [str(self.folder.resolve())]
        for path in self.paths:
            status = require_file(self.folder / path, "the image").stat()
            text.append(f"{path} {status.st_size} {status.st_mtime_ns}")
        return os.fsencode("\n".join(text))

    def check_canvas(self, crop: Crop, input_size: Size, canvas_size: Size) -> None:
        """Whole images have all there is."""

    def shuffled(self, seed: int, epoch: int) -> np.ndarray:
        """A permutation: files can be read in any order."""
        return np.random.default_rng([seed, epoch]).permutation(len(self.paths))

    def select(self, index: np.ndarray) -> "FolderImages":
        """The files of the records at `index`."""
        return FolderImages(self.folder, self.paths[index])
