"""Checks of the metrics' arguments."""

from typing import Any

import numpy as np

from simplebase.errors import ArgumentError


def require_shape(name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """Checks an array's shape, because NumPy might silently broadcast a wrong one.

    Args:
        name: name of the argument, for the message.
        array: the array.
        shape: the expected shape; `None` for an axis of any length.

    Raises:
        ArgumentError: the shape differs.
    """
    fits = array.ndim == len(shape) and all(
        expected in (None, side) for side, expected in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        comma = "," if len(shape) == 1 else ""
        raise ArgumentError(f"{name} has the shape ({wanted}{comma}). Received: {array.shape}.")


def rows_by_image(images: np.ndarray) -> dict[Any, np.ndarray]:
    """Maps each id or path in `(N,)` images to its indices, ascending."""
    names, place = np.unique(images, return_inverse=True)
    order = np.argsort(place, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(place, minlength=len(names)))[:-1])
    return dict(zip(names.tolist(), parts, strict=True)) if len(names) else {}
