"""Stores a model's weights in 8 bits: a third of the `.keras` size, and exact enough to train from.

A compact file is an `.npz` of four arrays, each compressed:

- `config`: `(n,)` uint8, the model's Keras config as JSON, with its metadata;
- `kernels`: `(k,)` int8, all kernels of convolutions one after another, in the model's order;
- `scales`: `(s,)` float16, one for each channel of each kernel;
- `others`: `(3, m)` uint8, all other tensors (BatchNorm, biases) as float32 without the lowest
  byte, which leaves 16 bits of the mantissa. Row i has byte i of each number, the highest first,
  because this compresses better than whole numbers.

A kernel is `scale * int8`, symmetric around 0, with one scale per channel of its last axis that is
longer than 1 (for a depthwise kernel, the input channels).
"""

import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from simplebase.errors import ArgumentError, DataError, first_line
from simplebase.estimator import SimpleBaseline
from simplebase.files import replacing

LEVELS = 127
"""Steps from 0 to the largest weight of a channel, the maximum of int8."""

_ARRAYS = ("config", "kernels", "scales", "others")


def write_compact(
    model: SimpleBaseline, path: Path, *, levels: int = LEVELS, overwrite: bool = False
) -> None:
    """Writes the weights and the config of `model`; the same model gives the same bytes.

    Args:
        model: the model.
        path: the file to write.
        levels: steps from 0 to the largest weight of a channel. Fewer steps give a smaller file:
            half as many save one bit per weight.
        overwrite: replace `path` if it exists.

    Raises:
        ArgumentError: `levels` is not from 1 to 127.
        OutputExistsError: `path` exists, and `overwrite` is off.
    """
    if not 1 <= levels <= LEVELS:
        raise ArgumentError(f"levels must be from 1 to {LEVELS}. Received: {levels}.")
    kernels, scales, others = [], [], []
    for weight in model.get_weights():
        if weight.ndim == 4:
            values, scale = _quantised(weight, levels)
            kernels.append(values.ravel())
            scales.append(scale.ravel())
        else:
            others.append(weight.astype(np.float32).ravel())
    config = json.dumps(keras.saving.serialize_keras_object(model), sort_keys=True)
    arrays = {
        "config": np.frombuffer(config.encode(), np.uint8),
        "kernels": np.concatenate(kernels),
        "scales": np.concatenate(scales),
        "others": _upper_bytes(np.concatenate(others)),
    }
    with replacing(path, overwrite=overwrite) as partial:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in _ARRAYS:
                # By default, the date of a `ZipInfo` is a constant.
                member = zipfile.ZipInfo(f"{name}.npy")
                member.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(member, "w") as file:
                    np.lib.format.write_array(file, np.ascontiguousarray(arrays[name]))


def read_compact(path: Path) -> SimpleBaseline:
    """Reads the model of a compact file, whose hash the caller has verified.

    Raises:
        DataError: it is not such a file.
    """
    try:
        # Opened here, because NumPy does not close a damaged file that it opened itself.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            config, kernels, scales, others = (arrays[name] for name in _ARRAYS)
        model = keras.saving.deserialize_keras_object(json.loads(config.tobytes()))
        values, steps, rest = _Reader(kernels), _Reader(scales), _Reader(_floats(others))
        weights = [
            _dequantised(values, steps, shape)
            if len(shape) == 4
            else rest.take(math.prod(shape)).reshape(shape)
            for shape in _shapes(model)
        ]
        for reader in (values, steps, rest):
            reader.require_end()
        model.set_weights(weights)
    except (AttributeError, EOFError, KeyError, OSError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not a file of compact weights: {first_line(error)}.") from error
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is damaged: {first_line(error)}.") from error
    return model


def convert_compact(original: Path, target: Path) -> None:
    """Converts the compact file `original` to the `.keras` file `target`."""
    read_compact(original).save(target)


class _Reader:
    """Takes one tensor after another from a flat array."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values
        self._next = 0

    def take(self, count: int) -> np.ndarray:
        """Returns the next `count` values; ValueError if there are fewer."""
        start, self._next = self._next, self._next + count
        if self._next > len(self._values):
            raise ValueError("it has fewer weights than its model")
        return self._values[start : self._next]

    def require_end(self) -> None:
        """Raises ValueError if values are left."""
        if self._next != len(self._values):
            raise ValueError("it has more weights than its model")


def _shapes(model: SimpleBaseline) -> Iterator[tuple[int, ...]]:
    return (tuple(weight.shape) for weight in model.weights)


def _channel_axis(shape: tuple[int, ...]) -> int:
    """Returns the last axis that is longer than 1."""
    return max((axis for axis, length in enumerate(shape) if length > 1), default=0)


def _upper_bytes(values: np.ndarray) -> np.ndarray:
    """Rounds `(m,)` float32 to its upper three bytes; returns `(3, m)` uint8, highest first."""
    bits = values.view(np.uint32).astype(np.uint64) + 0x80
    return np.stack([(bits >> shift).astype(np.uint8) for shift in (24, 16, 8)])


def _floats(rows: np.ndarray) -> np.ndarray:
    """Returns the numbers of `_upper_bytes`."""
    high, middle, low = rows.astype(np.uint32)
    return (high << 24 | middle << 16 | low << 8).view(np.float32)


def _quantised(kernel: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns `kernel` as int8 with the same shape, and float16 scales `(channels,)`."""
    channel = _channel_axis(kernel.shape)
    others = tuple(axis for axis in range(kernel.ndim) if axis != channel)
    largest = np.abs(kernel).max(axis=others, keepdims=True)
    # A channel of zeros stays zero with any scale, and float16 has no scale below 6e-8.
    scale = np.maximum(largest / levels, np.finfo(np.float16).tiny).astype(np.float16)
    values = np.rint(kernel / scale.astype(np.float32))
    return np.clip(values, -127, 127).astype(np.int8), scale.ravel()


def _dequantised(values: _Reader, scales: _Reader, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the kernel of `_quantised`, float32."""
    channel = _channel_axis(shape)
    broad: list[Any] = [1] * len(shape)
    broad[channel] = shape[channel]
    scale = scales.take(shape[channel]).astype(np.float32).reshape(broad)
    return values.take(math.prod(shape)).reshape(shape).astype(np.float32) * scale
