"""What a packed dataset says of itself."""

import io
import json
import os
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import tensorflow as tf

from simplebase.data.dataset import PACKED_MARKERS
from simplebase.data.records import Records
from simplebase.errors import DataError, MissingFileError
from simplebase.geometry import Crop, Size
from simplebase.skeletons import Skeleton

MANIFEST, PACKING = PACKED_MARKERS
RECORDS = "records.npz"

_FORMAT = "simplebase packed keypoints"
_VERSION = 1


@dataclass(frozen=True)
class Shard:
    """One file of records."""

    name: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """How a dataset was packed, and its shards in the order of the records."""

    skeleton: Skeleton
    crop: Crop
    input_size: Size
    canvas_size: Size
    quality: int
    shards: tuple[Shard, ...]

    def to_json(self) -> str:
        """The content of `manifest.json`."""
        config = {
            "format": _FORMAT,
            "version": _VERSION,
            "skeleton": self.skeleton.to_config(),
            "crop": self.crop.to_config(),
            "input_size": self.input_size,
            "canvas_size": self.canvas_size,
            "quality": self.quality,
            "records": sum(shard.records for shard in self.shards),
            "shards": [asdict(shard) for shard in self.shards],
        }
        return json.dumps(config, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str) -> "Manifest":
        """The inverse of `to_json`; `name` is the file's, for errors."""
        try:
            config = json.loads(text)
            if (config["format"], config["version"]) != (_FORMAT, _VERSION):
                raise ValueError(f"format {config['format']!r}, version {config['version']!r}")
            shards = tuple(Shard(**shard) for shard in config["shards"])
            if not all(_is_plain_name(shard.name) and shard.records > 0 for shard in shards):
                raise ValueError("a shard is a file beside the manifest, with records in it")
            return cls(
                skeleton=Skeleton.from_config(config["skeleton"]),
                crop=Crop(**config["crop"]),
                input_size=_size(config["input_size"]),
                canvas_size=_size(config["canvas_size"]),
                quality=int(config["quality"]),
                shards=shards,
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{name} is not the manifest of a packed dataset, version {_VERSION} ({error}). "
                "Pack it again with `simplebase data pack`."
            ) from error


def join(location: str | os.PathLike[str], name: str) -> str:
    """The path of a file in a folder that may be an address."""
    return f"{os.fspath(location).rstrip('/')}/{name}"


def read_manifest(location: str | os.PathLike[str]) -> Manifest:
    """Reads `manifest.json`.

    Raises:
        MissingFileError: it is missing; the message says whether packing did not end.
        DataError: it is none.
    """
    path = join(location, MANIFEST)
    if tf.io.gfile.exists(path):
        return Manifest.from_json(read_text(path), path)
    if tf.io.gfile.exists(join(location, PACKING)):
        raise MissingFileError(
            f"{location} was not packed to its end. Run the same `simplebase data pack` again: it "
            "goes on where it stopped."
        )
    raise MissingFileError(f"{location} has no {MANIFEST}. Is it a packed dataset?")


def read_text(path: str) -> str:
    """A text file at any address."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file ({error.reason}).") from error


def write_columns(path: str, records: Records, matrices: np.ndarray) -> None:
    """Writes `records.npz`; keypoints as float32, which is a thousandth of a pixel and finer.

    `matrices` `(N, 2, 3)` lead from the original images to the canvases.
    """
    columns: dict[str, Any] = {f.name: getattr(records, f.name) for f in fields(Records)}
    columns["matrices"] = matrices
    columns["keypoints"] = columns["keypoints"].astype(np.float32)
    columns["paths"] = np.array([path.encode() for path in columns["paths"]])
    buffer = io.BytesIO()
    np.savez(buffer, **columns)
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(buffer.getvalue())


def read_columns(path: str) -> tuple[Records, np.ndarray]:
    """Reads `records.npz`, one column after the other: the records and the matrices.

    Raises:
        DataError: it is missing or not a table of records.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as file, np.load(file) as archive:
            columns = {field.name: archive[field.name] for field in fields(Records)}
            matrices = archive["matrices"]
        columns["paths"] = np.array([name.decode() for name in columns["paths"].tolist()], object)
        lengths = {len(column) for column in [*columns.values(), matrices]}
        if len(lengths) != 1:
            raise ValueError(f"columns of lengths {sorted(lengths)}")
        return Records(**columns), matrices
    except Exception as error:  # zipfile, NumPy and gfile raise a dozen kinds
        raise DataError(f"{path} is not the table of a packed dataset ({error}).") from error


def _size(values: Any) -> Size:
    height, width = (int(value) for value in values)
    return height, width


def _is_plain_name(name: Any) -> bool:
    return isinstance(name, str) and os.path.basename(name) == name and name not in ("", ".", "..")
