"""The manifest and the table of a packed dataset."""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import tensorflow as tf

from simplebase.data.fields import LARGEST
from simplebase.data.packed.location import MANIFEST, join, unfinished
from simplebase.data.records import Records
from simplebase.errors import DataError, MissingFileError, cut
from simplebase.files.encodings import decode_text
from simplebase.files.npz import opened_npz
from simplebase.geometry import LONGEST_SIDE, Crop, Size
from simplebase.images import DepthRange
from simplebase.skeletons import Skeleton

PACKING, RECORDS = "packing.json", "records.npz"

_FORMAT = "simplebase packed keypoints"
_VERSION = 1

# Kind and shape of a record in each column of the table. The number of keypoints varies.
_ROWS: dict[str, tuple[str, tuple[int, ...]]] = {
    "paths": ("S", ()),
    "centers": ("f", (2,)),
    "scales": ("f", ()),
    "validation": ("b", ()),
    "headboxes": ("f", (4,)),
    "boxes": ("f", (4,)),
    "areas": ("f", ()),
    "image_ids": ("i", ()),
    "annotation_ids": ("i", ()),
    "matrices": ("f", (2, 3)),
}

# Upper bound: a canvas is somewhat larger than the input that is cut out of it.
_LONGEST_CANVAS = 4 * LONGEST_SIDE

_FINITE = ("keypoints", "centers", "scales", "matrices")

# Errors that an invalid manifest causes in `Manifest.from_json`.
_BROKEN = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Shard:
    """A file of records."""

    name: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The settings of a packed dataset, and its shards in the order of the records."""

    skeleton: Skeleton
    crop: Crop
    input_size: Size
    canvas_size: Size
    quality: int
    shards: tuple[Shard, ...]
    depth_range: DepthRange | None = None

    def to_json(self) -> str:
        """Returns the content of `manifest.json`."""
        config = {
            "format": _FORMAT,
            "version": _VERSION,
            "skeleton": self.skeleton.to_config(),
            "crop": self.crop.to_config(),
            "input_size": self.input_size,
            "canvas_size": self.canvas_size,
            "quality": self.quality,
            "depth_range": None if self.depth_range is None else str(self.depth_range),
            "records": sum(shard.records for shard in self.shards),
            "shards": [asdict(shard) for shard in self.shards],
        }
        return json.dumps(config, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str) -> "Manifest":
        """Reads the text that `to_json` wrote; `name` is the file's name, for messages."""
        try:
            config = json.loads(text)
            if (config["format"], config["version"]) != (_FORMAT, _VERSION):
                raise ValueError(f"format {config['format']!r}, version {config['version']!r}")
            depth_range = config.get("depth_range")
            shards = tuple(Shard(**shard) for shard in config["shards"])
            if not all(map(_is_sound, shards)):
                raise ValueError("a shard is a file beside the manifest, with records in it")
            return cls(
                skeleton=Skeleton.from_config(config["skeleton"]),
                crop=Crop(**{name: float(value) for name, value in config["crop"].items()}),
                input_size=_size(config["input_size"]),
                canvas_size=_size(config["canvas_size"]),
                quality=int(config["quality"]),
                shards=shards,
                depth_range=None if depth_range is None else DepthRange.parse(depth_range),
            )
        except _BROKEN as error:
            raise DataError(
                f"{name} is not the manifest of a packed dataset, version {_VERSION} "
                f"({cut(str(error))}). Pack it again with `simplebase data pack`."
            ) from error


def read_manifest(location: str | os.PathLike[str]) -> Manifest:
    """Reads `manifest.json`.

    Raises:
        MissingFileError: it is missing. The message says whether packing is incomplete.
        DataError: it is invalid, or TensorFlow cannot read the address.
    """
    path = join(location, MANIFEST)
    with reading(path):
        if tf.io.gfile.exists(path):
            return Manifest.from_json(read_text(path), path)
        if tf.io.gfile.exists(unfinished(location)):
            raise MissingFileError(
                f"{location} is not completely packed. Run the same `simplebase data pack` again; "
                "it continues where it stopped."
            )
    raise MissingFileError(f"{location} has no {MANIFEST}. Is it a packed dataset?")


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turns TensorFlow's errors about a file into ours."""
    try:
        yield
    except tf.errors.OpError as error:
        raise DataError(f"{path} cannot be read: {error.message}.") from error


def checksum(path: str) -> str:
    """Returns the SHA-256 of a file at any address."""
    digest = hashlib.sha256()
    with tf.io.gfile.GFile(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def read_text(path: str) -> str:
    """Reads a text file at any address."""
    with tf.io.gfile.GFile(path, "rb") as file:
        return decode_text(file.read(), path)


def write_columns(path: str, records: Records, matrices: np.ndarray) -> None:
    """Writes `records.npz`, with keypoints as float32, which is exact to a thousandth of a pixel.

    `matrices` `(N, 2, 3)` map the original images to the canvases.
    """
    columns: dict[str, Any] = {f.name: getattr(records, f.name) for f in fields(Records)}
    columns["matrices"] = matrices
    columns["keypoints"] = columns["keypoints"].astype(np.float32)
    columns["paths"] = np.array([os.fsencode(path) for path in columns["paths"]])
    buffer = io.BytesIO()
    np.savez(buffer, **columns)
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(buffer.getvalue())


def read_columns(path: str) -> tuple[Records, np.ndarray]:
    """Reads the records and the matrices of `records.npz`, column by column.

    Raises:
        DataError: it is missing or not a table of records.
    """
    names = [field.name for field in fields(Records)]
    try:
        with (
            tf.io.gfile.GFile(path, "rb") as file,
            opened_npz(file, path, "the table of a packed dataset") as npz,
        ):
            columns = {name: npz[name] for name in (*names, "matrices")}
            _check_columns(columns)
    except tf.errors.OpError as error:
        raise DataError(
            f"{path} is not the table of a packed dataset: {cut(error.message)}."
        ) from error
    paths = [os.fsdecode(path) for path in columns["paths"].tolist()]
    columns["paths"] = np.array(paths, object)
    matrices = columns.pop("matrices")
    return Records(**columns), matrices


def _check_columns(columns: dict[str, np.ndarray]) -> None:
    """Raises ValueError if the columns of `records.npz` are not a valid table of records."""
    count, num_keypoints, _ = columns["keypoints"].shape
    for name, column in columns.items():
        kind, row = ("f", (num_keypoints, 3)) if name == "keypoints" else _ROWS[name]
        if column.dtype.kind != kind or column.shape != (count, *row):
            raise ValueError(f"{name}: {column.dtype} of shape {column.shape}")
        if name in _FINITE and not (np.abs(column) < LARGEST).all():
            raise ValueError(f"{name} beyond any image")
    magnifications = np.linalg.det(columns["matrices"][..., :2])
    if not (columns["scales"] > 0).all() or not (magnifications > 0).all():
        raise ValueError("scales and matrices that magnify by 0 or less")
    if not np.isin(columns["keypoints"][..., 2], (0, 1, 2)).all():
        raise ValueError("a visibility other than 0, 1 and 2")


def _size(values: Any) -> Size:
    height, width = (int(value) for value in values)
    if not (0 < height <= _LONGEST_CANVAS and 0 < width <= _LONGEST_CANVAS):
        raise ValueError(f"a size must be two whole numbers from 1 to {_LONGEST_CANVAS}")
    return height, width


def _is_sound(shard: Shard) -> bool:
    """Returns whether the values are valid, and the name stays within the folder."""
    if not (isinstance(shard.name, str) and isinstance(shard.sha256, str)):
        return False
    if type(shard.records) is not int or type(shard.bytes) is not int or shard.records < 1:
        return False
    return os.path.basename(shard.name) == shard.name and shard.name not in ("", ".", "..")
