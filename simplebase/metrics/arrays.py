"""Checks of what the metrics are given."""

from typing import Any

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


def rows_by_image(images: np.ndarray) -> dict[Any, np.ndarray]:
    """By each id or path of `(N,)` images the indices where it stands, ascending."""
    names, place = np.unique(images, return_inverse=True)
    order = np.argsort(place, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(place, minlength=len(names)))[:-1])
    return dict(zip(names.tolist(), parts, strict=True)) if len(names) else {}
