"""Compares objects that contain arrays."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance as _Base
else:
    _Base = object


class ArrayEquality(_Base):
    """Base of dataclasses that contain arrays: two are equal if all their fields are.

    Arrays are equal if their shapes and values are; NaN equals NaN. Declare subclasses with
    `eq=False`, because the comparison of `dataclass` fails for arrays. Arrays are mutable, so the
    objects have no hash, like lists.
    """

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Returns whether `other` is of the same class and has the same content."""
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in fields(self) if field.compare]
        return all(_equal(getattr(self, name), getattr(other, name)) for name in names)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
            return False
        return one.shape == other.shape and bool(
            np.all((one == other) | ((one != one) & (other != other)))
        )
    if type(one) is type(other):
        if isinstance(one, list | tuple):
            return len(one) == len(other) and all(map(_equal, one, other))
        if isinstance(one, Mapping):
            return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)
