"""Checks of what the metrics are given."""

import numpy as np

from simplebase.errors import ArgumentError


def require_shape(name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """Refuses an array that NumPy might silently broadcast.

    Args:
        name: of the argument.
        array: it.
        shape: `None` for a side of any length.

    Raises:
        ArgumentError: another shape.
    """
    fits = array.ndim == len(shape) and all(
        expected in (None, side) for side, expected in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        comma = "," if len(shape) == 1 else ""
        raise ArgumentError(f"{name} has the shape ({wanted}{comma}). Received: {array.shape}.")
