"""The content of a weights file: named arrays, each of which is used once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.errors import DataError, cut, shown
from simplebase.geometry import Size
from simplebase.skeletons import Skeleton

Layout = Literal["torch", "keras2"]

_NAMES_SHOWN = 5


class Tensors:
    """Arrays by name, with a record of which were used. Used arrays are released.

    Args:
        arrays: float32 or integer arrays.
        where: the file, for messages.
    """

    def __init__(self, arrays: dict[str, np.ndarray], where: Path) -> None:
        self._shapes = {name: array.shape for name, array in arrays.items()}
        self._unused = dict(arrays)
        self.where = where

    def __contains__(self, name: str) -> bool:
        """Returns whether the file has a tensor with this name."""
        return name in self._shapes

    @property
    def names(self) -> list[str]:
        """Returns all names, in the file's order."""
        return list(self._shapes)

    @property
    def unused(self) -> list[str]:
        """Returns the names of unused tensors."""
        return list(self._unused)

    def shape(self, name: str, axes: int | None = None) -> tuple[int, ...]:
        """Returns the shape of a tensor in the file.

        Args:
            name: name of the tensor.
            axes: the required number of axes; None for any number.

        Raises:
            DataError: there is no such tensor, or it has another number of axes.
        """
        shape = self._shape(name)
        if axes is not None and len(shape) != axes:
            raise DataError(
                f"{self.where}: {name} has the shape {shape}, but {axes} axes were expected. It is "
                "of another architecture."
            )
        return shape

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Returns a tensor as float32 and marks it as used.

        Raises:
            DataError: there is no such tensor, it has another shape, contains NaN or infinite
                values, or was already used.
        """
        found = self._shape(name)
        if found != shape:
            raise DataError(
                f"{self.where}: {name} has the shape {found}, but the network that the other "
                f"tensors belong to has {shape} there. It is of another architecture."
            )
        if name not in self._unused:
            raise DataError(f"{self.where}: {name} would be used twice.")
        values = np.asarray(self._unused[name], np.float32)
        if not np.isfinite(values).all():
            raise DataError(f"{self.where}: {name} contains NaN or infinite values.")
        del self._unused[name]
        return values

    def ignore(self, names: Iterable[str]) -> int:
        """Marks tensors as known but not needed; returns how many."""
        chosen = [name for name in names if name in self._unused]
        for name in chosen:
            del self._unused[name]
        return len(chosen)

    def require_all_used(self, network: str) -> None:
        """Checks that no tensor is left over.

        Raises:
            DataError: a tensor was neither used nor ignored.
        """
        if self._unused:
            raise DataError(
                f"{self.where}: {len(self._unused)} of its {len(self._shapes)} tensors belong to "
                f"nothing in {network}: {shortened(self.unused)}. It is of another architecture."
            )

    def _shape(self, name: str) -> tuple[int, ...]:
        if name not in self._shapes:
            raise DataError(
                f"{self.where} has no tensor {name}, which the network that its other tensors "
                "belong to needs. It is incomplete, or of another architecture."
            )
        return self._shapes[name]


@dataclass(eq=False)
class Checkpoint(ArrayEquality):
    """A weights file that was read without executing anything in it.

    Args:
        path: the file.
        layout: how names and axes are ordered. `torch`: `module.variable`, kernels
            `(out, in, h, w)`; `keras2`: `layer/variable`, kernels `(h, w, in, out)`.
        container: description of the file format, for messages.
        tensors: its arrays.
        layers: in `keras2`, names of the layers with weights, in the file's order.
        input_size: `(H, W)`, if the file states it.
        epsilons: in `keras2`, epsilon of each BatchNorm layer, if the file states it.
        skeleton: the skeleton, if the file contains it.
        left_out: other content of the file, with the number of items.
    """

    path: Path
    layout: Layout
    container: str
    tensors: Tensors
    layers: list[str] = field(default_factory=list)
    input_size: Size | None = None
    epsilons: dict[str, float] = field(default_factory=dict)
    skeleton: Skeleton | None = None
    left_out: dict[str, int] = field(default_factory=dict)


def shortened(names: Collection[object]) -> str:
    """Returns the first names for a message, and how many more there are."""
    first = [str(name) for name in islice(names, _NAMES_SHOWN)]
    texts = ", ".join(cut(name) if name.isprintable() else shown(name) for name in first)
    more = len(names) - _NAMES_SHOWN
    return f"{texts} and {more} more" if more > 0 else texts
