"""Where the encoded images of records come from: a folder of files, or packed shards."""

import os
from pathlib import Path
from typing import Protocol

import numpy as np

from simplebase.files import require_file
from simplebase.geometry import Crop, Size
from simplebase.images import DepthRange, read_bytes


class ImageStore(Protocol):
    """The images of `N` records, in the records' order."""

    @property
    def matrices(self) -> np.ndarray | None:
        """`(N, 2, 3)` from the record's pixels to those of the stored image; None: they are one."""

    @property
    def depth_range(self) -> DepthRange | None:
        """Which values of images of more than 8 bits become black and white; None: not chosen."""

    def with_default_depth(self, depth_range: DepthRange | None) -> "ImageStore":
        """The same images; `depth_range` is taken where none was chosen."""

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

    The folder and the files may be links, wherever they lead: they are the user's own, and
    `convert --images link` makes such. That `paths` do not leave the folder is checked where they
    are read, see `simplebase.data.fields.stays_inside`.

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
        """The same files, read with `depth_range` if none was chosen."""
        return FolderImages(self.folder, self.paths, self.depth_range or depth_range)

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
        """Paths, sizes and times of the files, and the range of their values."""
        text = [str(self.folder.resolve())]
        if self.depth_range is not None:
            text.append(f"depth range {self.depth_range}")
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
        return FolderImages(self.folder, self.paths[index], self.depth_range)
