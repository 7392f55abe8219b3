"""The common part of all formats that only describe tensors: layouts, number types, batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from simplebase.devices import explaining_out_of_memory
from simplebase.errors import ArgumentError, DataError
from simplebase.geometry import Size
from simplebase.metadata import ModelMetadata, Output, metadata_file
from simplebase.runtimes.opening import opening
from simplebase.threads import usable_cores

_Item = TypeVar("_Item")
_FLOATS = ("float32", "float16")
_INTEGERS = ("uint8", "int8")
_PIXELS = np.arange(256)


@dataclass(frozen=True)
class Port:
    """A file's description of its input or an output.

    Args:
        dtype: name of the NumPy type of the stored numbers.
        shape: `(B, H, W, 3)` or `(B, 3, H, W)`, with None for a free size. It is not used for
            outputs, because running the model shows it.
        scale: scale of integers: a stored `q` means `(q - zero_point) * scale`. None if unknown.
        zero_point: see `scale`.
    """

    dtype: str
    shape: tuple[int | None, ...] = ()
    scale: float | None = None
    zero_point: int = 0

    def store(self, values: np.ndarray) -> np.ndarray:
        """Converts `values` to the file's numbers."""
        if self.dtype in _FLOATS:
            return values.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        stored = np.round(values / (self.scale or 1.0)) + self.zero_point
        return np.clip(stored, limits.min, limits.max).astype(self.dtype)

    def restore(self, stored: np.ndarray) -> np.ndarray:
        """Converts the file's numbers to float32."""
        values = stored.astype(np.float32)
        return values if self.scale is None else (values - self.zero_point) * self.scale


class ArtifactRuntime:
    """Runs a function over tensors on any number of images.

    Heatmaps and keypoints are distinguished by their rank, so a file may have them in any order.

    A file with a fixed batch size gets the images in parts, the last one padded; any other file
    gets all at once. One black batch is run at the start, so that a wrong file is reported when it
    is opened.

    Args:
        path: the file, for messages.
        metadata: the metadata of its sidecar.
        input: description of the images.
        outputs: descriptions of one or two outputs. The layout of heatmaps, `(B, h, w, K)` or
            `(B, K, h, w)`, follows from their shape. If `h = w = K`, it is that of the input.
        run: maps the stored input to the stored outputs.

    Raises:
        DataError: the file does not match the metadata, or cannot run.
    """

    def __init__(
        self,
        path: Path,
        metadata: ModelMetadata,
        input: Port,
        outputs: Sequence[Port],
        run: Callable[[np.ndarray], Sequence[np.ndarray]],
    ) -> None:
        self.metadata = metadata
        self._run = run
        self._outputs = outputs
        _require_numbers(path, "input", input)
        for output in outputs:
            _require_numbers(path, "output", output)
        self._channels_first = _has_channels_first(path, metadata, input.shape)
        self._heatmaps_first = False
        self._batch = input.shape[0]
        # There are only 256 pixel values, so each is converted once; often to itself.
        stored = input.store(_PIXELS)
        is_same = stored.dtype == np.uint8 and np.array_equal(stored, _PIXELS)
        self._stored = None if is_same else stored
        batch = self._batch or 1
        with opening(path):
            answers = self._answers(np.zeros((batch, *metadata.input_size, 3), np.uint8))
        shapes = [answer.shape for answer in answers]
        self._order = _order_of_outputs(path, metadata, shapes, batch)
        if "heatmaps" in metadata.outputs:
            shape = shapes[self._order[metadata.outputs.index("heatmaps")]]
            self._heatmaps_first = _has_heatmaps_first(
                path, metadata, shape, batch, self._channels_first
            )

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Maps `(B, H, W, 3)` uint8 RGB to the first of `metadata.outputs`.

        Raises:
            ArgumentError: the images have another size or type.
            OutOfMemoryError: TensorFlow's device does not have enough memory.
        """
        return self.predict_all(images)[0]

    def predict_all(self, images: np.ndarray) -> list[np.ndarray]:
        """Returns all of `metadata.outputs`, float32. For arguments and errors see `predict`."""
        require_images(images, self.metadata.input_size)
        if len(images) == 0:
            return [empty_output(self.metadata, output) for output in self.metadata.outputs]
        step = self._batch or len(images)
        parts = [self._answers(images[at : at + step]) for at in range(0, len(images), step)]
        answers = [np.concatenate([part[index] for part in parts]) for index in self._order]
        if self._heatmaps_first:
            index = self.metadata.outputs.index("heatmaps")
            answers[index] = np.moveaxis(answers[index], 1, -1)
        return answers

    def _answers(self, images: np.ndarray) -> list[np.ndarray]:
        """Returns the file's own outputs for at most as many `images` as it takes at once."""
        count = len(images)
        stored = images if self._stored is None else self._stored[images]
        if self._channels_first:
            stored = np.ascontiguousarray(np.moveaxis(stored, -1, 1))
        if self._batch is not None and count < self._batch:
            filling = np.zeros((self._batch - count, *stored.shape[1:]), stored.dtype)
            stored = np.concatenate([stored, filling])
        with explaining_out_of_memory(count):
            answers = zip(self._outputs, self._run(stored), strict=True)
        return [output.restore(answer)[:count] for output, answer in answers]


def require_images(images: np.ndarray, size: Size) -> None:
    """Raises ArgumentError if `images` are not `(B, H, W, 3)` uint8 with `(H, W)` of `size`."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (*size, 3):
        raise ArgumentError(
            f"the model takes images (B, {size[0]}, {size[1]}, 3) uint8. "
            f"Received: {images.shape} {images.dtype}."
        )


def empty_output(metadata: ModelMetadata, output: Output) -> np.ndarray:
    """Returns `(0, h, w, K)` or `(0, K, 3)`, for no images; not every library can run on none."""
    count = metadata.skeleton.num_keypoints
    shape = (*metadata.codec.heatmap_size, count) if output == "heatmaps" else (count, 3)
    return np.zeros((0, *shape), np.float32)


def single(items: Sequence[_Item], what: str, path: Path) -> _Item:
    """Returns the only item of `items`; DataError if there is not exactly one."""
    if len(items) != 1:
        raise DataError(f"{path}: the model has {len(items)} {what}. Expected: one.")
    return items[0]


def thread_count(threads: int | None) -> int:
    """Returns `threads`, or one per usable core if it is None."""
    return threads or usable_cores()


def _require_numbers(path: Path, what: str, port: Port) -> None:
    known = (*_FLOATS, *_INTEGERS)
    if port.dtype not in known:
        raise DataError(f"{path}: the model's {what} is {port.dtype}; expected {', '.join(known)}.")
    # Pixels are already whole numbers from 0 to 255. For everything else the scale must be known.
    if port.dtype in _INTEGERS and port.scale is None and (what, port.dtype) != ("input", "uint8"):
        raise DataError(
            f"{path}: the model's {what} is {port.dtype}, but the file does not contain its scale."
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


_RANKS: dict[int, Output] = {4: "heatmaps", 3: "keypoints"}


def _order_of_outputs(
    path: Path, metadata: ModelMetadata, shapes: Sequence[tuple[int, ...]], batch: int
) -> list[int]:
    """Returns the index of each of `metadata.outputs` among the file's outputs."""
    found = [_RANKS.get(len(shape)) for shape in shapes]
    if sorted(map(str, found)) != sorted(metadata.outputs):
        raise DataError(
            f"{path}: the model's outputs are {' and '.join(map(_text, shapes))}, but "
            f"{metadata_file(path)} says {' and '.join(metadata.outputs)}. Are they of the same "
            "model?"
        )
    expected = (batch, metadata.skeleton.num_keypoints, 3)
    if "keypoints" in found and shapes[found.index("keypoints")] != expected:
        raise DataError(
            f"{path}: the model's keypoints are {_text(shapes[found.index('keypoints')])}, but "
            f"{metadata_file(path)} says {_text(expected)}. Are they of the same model?"
        )
    return [found.index(output) for output in metadata.outputs]


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
