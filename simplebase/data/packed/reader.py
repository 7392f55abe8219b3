"""Reads packed datasets shard by shard, with a few shards in memory."""

import math
import os
import warnings
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

import numpy as np
import tensorflow as tf

from simplebase.data.dataset import KeypointDataset
from simplebase.data.packed.location import join
from simplebase.data.packed.manifest import (
    RECORDS,
    Manifest,
    Shard,
    checksum,
    read_columns,
    read_manifest,
    reading,
)
from simplebase.data.records import Records
from simplebase.errors import DataError, MissingFileError, SimplebaseWarning
from simplebase.geometry import Crop, Size
from simplebase.images import DepthRange
from simplebase.progress import Progress

# This many shards are mixed at any time, and a few more are kept for slower threads.
_MIXED = 16
_KEPT = _MIXED + 6

_LARGEST_ZOOM = 1.05  # largest magnification of packed pixels that is not visible

_FEATURES = {
    "image": tf.io.FixedLenFeature((), tf.string),
    "index": tf.io.FixedLenFeature((), tf.int64),
}


class PackedImages:
    """The canvases of a packed dataset as the images of its records.

    Args:
        location: the packed folder or address.
        manifest: its content.
        positions: `(N,)` positions of the records in the order of all shards.
        matrices: `(N, 2, 3)` from the original image to the canvas.
    """

    def __init__(
        self,
        location: str,
        manifest: Manifest,
        positions: np.ndarray,
        matrices: np.ndarray,
        shards: "_OpenShards | None" = None,
    ) -> None:
        self.location = location
        self.manifest = manifest
        self.matrices = matrices
        self._positions = positions
        counts = [shard.records for shard in manifest.shards]
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._shards = shards or _OpenShards(self._load)

    @property
    def depth_range(self) -> DepthRange | None:
        """The range with which the images were packed; they now have 8 bits."""
        return self.manifest.depth_range

    def with_default_depth(self, depth_range: DepthRange | None) -> "PackedImages":
        """Returns the same images; warns if they were packed with another range."""
        if depth_range not in (None, self.depth_range):
            packed = "without" if self.depth_range is None else "with another"
            own = "" if self.depth_range is None else f", {self.depth_range}"
            warnings.warn(
                f"{self.location} was packed {packed} --depth-range{own}. If its images had more "
                f"than 8 bits, pack it again with --depth-range {depth_range}.",
                SimplebaseWarning,
                stacklevel=3,
            )
        return self

    def name(self, index: int) -> str:
        """Returns the shard, and the record's row in it."""
        number, row = self._place(index)
        return f"{join(self.location, self.manifest.shards[number].name)}, record {row}"

    def read(self, index: int) -> bytes:
        """Returns the JPEG of record `index`."""
        number, row = self._place(index)
        return self._shards.get(number)[row]

    def require(self) -> None:
        """Checks that each shard exists and has the size in the manifest."""
        for number in np.unique(self._shard_numbers()):
            self._require(self.manifest.shards[number])

    def verify(self, progress: Progress | None = None) -> list[str]:
        """Reads all shards and returns a sentence about each that is damaged."""
        problems = []
        numbers = np.unique(self._shard_numbers())
        for done, number in enumerate(numbers, start=1):
            shard = self.manifest.shards[number]
            try:
                self._require(shard)
                path = join(self.location, shard.name)
                with reading(path):
                    changed = checksum(path) != shard.sha256
                if changed:
                    problems.append(f"{shard.name} has changed since it was packed.")
            except (DataError, MissingFileError) as error:
                problems.append(str(error))
            if progress:
                progress(done, len(numbers))
        return problems

    def identity(self) -> bytes:
        """Returns the checksums of the shards."""
        text = " ".join(shard.sha256 for shard in self.manifest.shards)
        return f"{self.location} {text}".encode() + self._positions.tobytes()

    def check_canvas(self, crop: Crop, input_size: Size, canvas_size: Size) -> None:
        """Warns if training needs larger or finer canvases than were packed."""
        packed = self.manifest
        zoom = input_size[0] / crop.padding / (packed.input_size[0] / packed.crop.padding)
        looks_at = math.ceil(canvas_size[0] / zoom), math.ceil(canvas_size[1] / zoom)
        beyond = any(a > b + 1 for a, b in zip(looks_at, packed.canvas_size, strict=True))
        if beyond or zoom > _LARGEST_ZOOM or crop.center_shift != packed.crop.center_shift:
            warnings.warn(
                f"{self.location} was packed for {_text(packed.input_size)} with crops of "
                f"{_text(packed.canvas_size)}, but this run needs crops of {_text(looks_at)}, "
                f"magnified by {zoom:.2f}. Missing parts are black or blurred. Pack the dataset "
                "again with the --preset, --input-size and --recipe of this run.",
                SimplebaseWarning,
                stacklevel=4,
            )

    def shuffled(self, seed: int, epoch: int) -> np.ndarray:
        """Returns a random order that needs only a few shards at any time.

        The shards are in random order. A record's position is that of its shard plus a random part
        of the next `_MIXED` shards, so each batch mixes about that many.
        """
        rng = np.random.default_rng([seed, epoch])
        rank = rng.permutation(len(self.manifest.shards))[self._shard_numbers()]
        _, rank = np.unique(rank, return_inverse=True)
        return np.argsort(rank + _MIXED * rng.random(len(rank)))

    def select(self, index: np.ndarray) -> "PackedImages":
        """Returns the canvases of the records at `index`; shards in memory are shared."""
        return PackedImages(
            self.location,
            self.manifest,
            self._positions[index],
            self.matrices[index],
            self._shards,
        )

    def _shard_numbers(self) -> np.ndarray:
        return np.searchsorted(self._starts, self._positions, side="right") - 1

    def _place(self, index: int) -> tuple[int, int]:
        position = self._positions[index]
        number = int(np.searchsorted(self._starts, position, side="right")) - 1
        return number, int(position - self._starts[number])

    def _require(self, shard: Shard) -> None:
        path = join(self.location, shard.name)
        with reading(path):
            if not tf.io.gfile.exists(path):
                raise MissingFileError(f"{path}: the shard does not exist. Pack the dataset again.")
            size = tf.io.gfile.stat(path).length
        if size != shard.bytes:
            raise DataError(
                f"{path} has {size} bytes, but {shard.bytes} in the manifest. Copy it again."
            )

    def _load(self, number: int) -> list[bytes]:
        shard = self.manifest.shards[number]
        path = join(self.location, shard.name)
        self._require(shard)
        try:
            serialized = next(iter(tf.data.TFRecordDataset(path).batch(shard.records)))
            columns = tf.io.parse_example(serialized, _FEATURES)
        except (tf.errors.OpError, StopIteration) as error:
            raise DataError(
                f"{path} is damaged. Copy it again, or pack the dataset again."
            ) from error
        expected = np.arange(self._starts[number], self._starts[number + 1])
        if not np.array_equal(columns["index"].numpy(), expected):
            raise DataError(
                f"{path} does not contain records {expected[0]} to {expected[-1]}, as the manifest "
                "says. Copy it again, or pack the dataset again."
            )
        return list(columns["image"].numpy())


class _OpenShards:
    """The most recent shards. One thread reads a shard while others that need it wait."""

    def __init__(self, load: Callable[[int], list[bytes]]) -> None:
        self._load = load
        self._lock = Lock()
        self._shards: OrderedDict[int, Future[list[bytes]]] = OrderedDict()

    def get(self, number: int) -> list[bytes]:
        with self._lock:
            mine = number not in self._shards
            shard = self._shards.setdefault(number, Future())
            self._shards.move_to_end(number)
            if len(self._shards) > _KEPT:
                self._shards.popitem(last=False)
        if mine:
            try:
                shard.set_result(self._load(number))
            except BaseException as error:
                shard.set_exception(error)
                with self._lock:
                    self._shards.pop(number, None)
        return shard.result()


def load_packed(location: str | os.PathLike[str]) -> KeypointDataset:
    """Opens a packed dataset without reading images.

    Raises:
        MissingFileError: the manifest does not exist.
        DataError: the manifest or the table of records is damaged.
    """
    if "://" not in os.fspath(location):
        location = os.path.abspath(location)
    records, images = open_packed(location)
    return KeypointDataset(images.location, images.manifest.skeleton, records, images)


def open_packed(location: str | os.PathLike[str]) -> tuple[Records, PackedImages]:
    """Opens the records of a packed dataset and their canvases. For errors see `load_packed`."""
    location = os.fspath(location)
    manifest = read_manifest(location)
    records, matrices = read_columns(join(location, RECORDS))
    count = sum(shard.records for shard in manifest.shards)
    shape = (count, manifest.skeleton.num_keypoints, 3)
    if records.keypoints.shape != shape:
        raise DataError(
            f"{join(location, RECORDS)} has keypoints of shape {records.keypoints.shape}, but the "
            f"manifest says {shape}. Copy both again."
        )
    return records, PackedImages(location, manifest, np.arange(count), matrices)


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
