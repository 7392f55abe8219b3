"""Images of more than 8 bits: which of their values become black and white.

Thermal and industrial cameras store 12 or 14 bits in files of 16 bits, so the full range of 16 bits
would leave an almost black image. (PNG's sBIT chunk does not help: if it follows the standard, the
values are already scaled to all 16 bits.)
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simplebase.errors import ArgumentError, DataError

DEPTH_ADVICE = (
    "Choose what becomes black and white with --depth-range LOW,HIGH, or each image's own range "
    "with --depth-range file."
)

_OWN = "file"
_WHITE = 255.0
# A quarter of the range of 16 bits, just above that of 14-bit cameras.
_NARROW = 2**14


@dataclass(frozen=True)
class DepthRange:
    """Maps the values of an image of more than 8 bits linearly to 0..255; others are clipped.

    Images of 8 bits are never changed by it.

    Args:
        limits: the values of the file that become 0 and 255. None uses each file's own smallest and
            largest value, so brightness cannot be compared between images.

    Raises:
        ArgumentError: the limits are not two finite numbers, the first below the second.
    """

    limits: tuple[float, float] | None

    def __post_init__(self) -> None:
        """Checks the limits."""
        if self.limits is None:
            return
        low, high = self.limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ArgumentError(
                f"--depth-range must be LOW,HIGH with LOW below HIGH. Received: {low:g},{high:g}."
            )

    @classmethod
    def parse(cls, text: str) -> "DepthRange":
        """Reads `LOW,HIGH`, such as `0,4095`, or `file`.

        Raises:
            ArgumentError: it is neither.
        """
        if text.strip().lower() == _OWN:
            return cls(None)
        try:
            low, high = (float(part) for part in text.split(","))
        except ValueError:
            raise ArgumentError(
                f"--depth-range must be LOW,HIGH in values of the file, such as 0,4095, or file. "
                f"Received: {text!r}."
            ) from None
        return cls((low, high))

    def __str__(self) -> str:
        """Returns the text that `parse` reads."""
        return _OWN if self.limits is None else ",".join(f"{limit:.12g}" for limit in self.limits)


def levels(values: np.ndarray, depth_range: DepthRange | None, name: str) -> np.ndarray:
    """Converts `values` of any depth to uint8; without a range, takes the upper 8 of 16 bits.

    Raises:
        DataError: the values have 32 bits, which need a range, and there is none.
    """
    if values.dtype == np.uint8:
        return values
    if depth_range is None:
        if values.dtype == np.uint16:
            return (values >> 8).astype(np.uint8)
        low, high = _extent(values)
        raise DataError(
            f"{name} has {values.dtype} values from {low:g} to {high:g}. Choose with --depth-range "
            "which values become black and white, such as "
            f"--depth-range {low:.6g},{high:.6g}, or file for each image's own."
        )
    low, high = _extent(values) if depth_range.limits is None else depth_range.limits
    if low == high:
        return np.zeros(values.shape, np.uint8)
    if values.dtype == np.uint16:
        return _table(low, high)[values]
    return _scaled(values, low, high)


def depth_note(low: float, high: float, depth_range: DepthRange | None) -> str | None:
    """Describes the loss for an image with values from `low` to `high`; None if it is small."""
    where = f"its values of more than 8 bits lie between {low:g} and {high:g}"
    if depth_range is None:
        if low == high or high - low >= _NARROW:
            return None
        first, last = int(low) >> 8, int(high) >> 8
        return f"{where}, which become {first} to {last} of 0 to 255, nearly one grey"
    if depth_range.limits is None:
        return None
    first, last = (int(level) for level in _scaled(np.array([low, high]), *depth_range.limits))
    if (first, last) not in ((0, 0), (255, 255)):
        return None
    colour = "black" if last == 0 else "white"
    return f"{where}, which --depth-range {depth_range} turns into nothing but {colour}"


def _extent(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scales and rounds to the nearest level, in double precision as in C++; NaN becomes black."""
    # Clipped first, because scaling infinite values would give NaN.
    clipped = np.nan_to_num(np.clip(values.astype(np.float64), low, high), nan=low)
    scaled = (clipped - low) * _WHITE / (high - low)
    return np.floor(scaled + 0.5).astype(np.uint8)


@lru_cache(maxsize=4)
def _table(low: float, high: float) -> np.ndarray:
    """Returns `(65536,)`: the level of each 16-bit value."""
    return _scaled(np.arange(2**16), low, high)
