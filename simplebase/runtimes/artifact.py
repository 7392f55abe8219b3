"""What all formats share whose files know only tensors: layouts, number types, batches."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from simplebase.errors import ArgumentError, DataError
from simplebase.geometry import Size
from simplebase.metadata import ModelMetadata, metadata_file
from simplebase.runtimes.opening import opening

_Item = TypeVar("_Item")
_FLOATS = ("float32", "float16")
_INTEGERS = ("uint8", "int8")
_PIXELS = np.arange(256)


@dataclass(frozen=True)
class Port:
    """What a file says of its input or its output.

    Args:
        dtype: name of the NumPy type of the stored numbers.
        shape: `(B, H, W, 3)` or `(B, 3, H, W)`, with None where any size goes; of an output it is
            not asked, since running the model shows it.
        scale: of integers: a stored `q` stands for `(q - zero_point) * scale`. None: unknown.
        zero_point: see `scale`.
    """

    dtype: str
    shape: tuple[int | None, ...] = ()
    scale: float | None = None
    zero_point: int = 0

    def store(self, values: np.ndarray) -> np.ndarray:
        """`values` as the file stores them."""
        if self.dtype in _FLOATS:
            return values.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        stored = np.round(values / (self.scale or 1.0)) + self.zero_point
        return np.clip(stored, limits.min, limits.max).astype(self.dtype)

    def restore(self, stored: np.ndarray) -> np.ndarray:
        """float32 of what the file stores."""
        values = stored.astype(np.float32)
        return values if self.scale is None else (values - self.zero_point) * self.scale


class ArtifactRuntime:
    """Runs a function over tensors on images of any number.

    A file of a fixed batch gets the images in parts, the last one filled up; any other gets all at
    once. One black batch is run at the start, so that a file that does not fit says so then.

    Args:
        path: of the file, for messages.
        metadata: what its sidecar says.
        input: of the images.
        output: of the heatmaps. Their layout, `(B, h, w, K)` or `(B, K, h, w)`, is told by their
            shape; where `h = w = K`, it is taken to be the input's.
        run: stored input to stored output.

    Raises:
        DataError: the file does not fit the metadata, or cannot run.
    """

    def __init__(
        self,
        path: Path,
        metadata: ModelMetadata,
        input: Port,
        output: Port,
        run: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.metadata = metadata
        self._run = run
        self._output = output
        _require_numbers(path, "input", input)
        _require_numbers(path, "output", output)
        self._channels_first = _has_channels_first(path, metadata, input.shape)
        self._heatmaps_first = False
        self._batch = input.shape[0]
        # There are only 256 pixel values, so each is converted once.
        self._stored = input.store(_PIXELS)
        with opening(path):
            answer = self._answer(np.zeros((self._batch or 1, *metadata.input_size, 3), np.uint8))
        self._heatmaps_first = _has_heatmaps_first(
            path, metadata, answer.shape, self._batch or 1, self._channels_first
        )

    def predict(self, images: np.ndarray) -> np.ndarray:
        """`(B, H, W, 3)` uint8 RGB to `(B, h, w, K)` float32.

        Raises:
            ArgumentError: images of another size or type.
        """
        require_images(images, self.metadata.input_size)
        if len(images) == 0:
            return no_heatmaps(self.metadata)
        step = self._batch or len(images)
        parts = [self._answer(images[at : at + step]) for at in range(0, len(images), step)]
        return np.concatenate(parts)

    def _answer(self, images: np.ndarray) -> np.ndarray:
        """Of no more `images` than the file takes at once."""
        count = len(images)
        stored = self._stored[images]
        if self._channels_first:
            stored = np.ascontiguousarray(np.moveaxis(stored, -1, 1))
        if self._batch is not None and count < self._batch:
            filling = np.zeros((self._batch - count, *stored.shape[1:]), stored.dtype)
            stored = np.concatenate([stored, filling])
        heatmaps = self._output.restore(self._run(stored))[:count]
        return np.moveaxis(heatmaps, 1, -1) if self._heatmaps_first else heatmaps


def require_images(images: np.ndarray, size: Size) -> None:
    """Raises ArgumentError if `images` are not `(B, H, W, 3)` uint8 with `(H, W)` of `size`."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (*size, 3):
        raise ArgumentError(
            f"the model takes images (B, {size[0]}, {size[1]}, 3) uint8. "
            f"Received: {images.shape} {images.dtype}."
        )


def no_heatmaps(metadata: ModelMetadata) -> np.ndarray:
    """`(0, h, w, K)`, the answer to no images, on which not every library runs."""
    shape = (*metadata.codec.heatmap_size, metadata.skeleton.num_keypoints)
    return np.zeros((0, *shape), np.float32)


def the_only(items: Sequence[_Item], what: str, path: Path) -> _Item:
    """The one item of `items`; DataError if there are none or more."""
    if len(items) != 1:
        raise DataError(
            f"{path}: the model has {len(items)} {what}; one from images to heatmaps has one."
        )
    return items[0]


def thread_count(threads: int | None) -> int:
    """`threads`, by default one a core."""
    return threads or os.cpu_count() or 1


def _require_numbers(path: Path, what: str, port: Port) -> None:
    known = (*_FLOATS, *_INTEGERS)
    if port.dtype not in known:
        raise DataError(f"{path}: the model's {what} is {port.dtype}; expected {', '.join(known)}.")
    # Pixels are whole numbers from 0 to 255 already; of all else the scale must be known.
    if port.dtype in _INTEGERS and port.scale is None and (what, port.dtype) != ("input", "uint8"):
        raise DataError(
            f"{path}: the model's {what} is {port.dtype}, but the file does not say by which scale."
        )


def _has_channels_first(path: Path, metadata: ModelMetadata, shape: tuple[int | None, ...]) -> bool:
    height, width = metadata.input_size
    for expected in ((height, width, 3), (3, height, width)):
        if len(shape) == 4 and all(
            side in (None, wanted) for side, wanted in zip(shape[1:], expected, strict=True)
        ):
            return expected[0] == 3
    raise DataError(
        f"{path}: the model's input is {_text(shape)}, but {metadata_file(path)} says images "
        f"(B, {height}, {width}, 3), or (B, 3, {height}, {width}). Are they of the same model?"
    )


def _has_heatmaps_first(
    path: Path, metadata: ModelMetadata, shape: tuple[int, ...], batch: int, channels_first: bool
) -> bool:
    height, width = metadata.codec.heatmap_size
    count = metadata.skeleton.num_keypoints
    last, first = (batch, height, width, count), (batch, count, height, width)
    if shape not in (last, first):
        raise DataError(
            f"{path}: the model's output is {_text(shape)}, but {metadata_file(path)} says "
            f"heatmaps (B, {height}, {width}, {count}), or (B, {count}, {height}, {width}). Are "
            "they of the same model?"
        )
    return channels_first if last == first else shape == first


def _text(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if side is None else str(side) for side in shape)})"
