"""What was read from a weights file: named arrays, each of which is used once."""

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
    """Arrays by name, and which of them have not been used. What was used is not kept.

    Args:
        arrays: float32 or integer arrays.
        where: the file, for errors.
    """

    def __init__(self, arrays: dict[str, np.ndarray], where: Path) -> None:
        self._shapes = {name: array.shape for name, array in arrays.items()}
        self._unused = dict(arrays)
        self.where = where

    def __contains__(self, name: str) -> bool:
        """Whether the file has a tensor of this name."""
        return name in self._shapes

    @property
    def names(self) -> list[str]:
        """All names, in the file's order."""
        return list(self._shapes)

    @property
    def unused(self) -> list[str]:
        """Names of those that nobody took."""
        return list(self._unused)

    def shape(self, name: str, axes: int | None = None) -> tuple[int, ...]:
        """Shape of a tensor, as the file has it.

        Args:
            name: of the tensor.
            axes: how many it has to have; None for any number.

        Raises:
            DataError: there is none of this name, or it has another number of axes.
        """
        shape = self._shape(name)
        if axes is not None and len(shape) != axes:
            raise DataError(
                f"{self.where}: {name} has the shape {shape}, but {axes} axes were expected. It is "
                "of another architecture."
            )
        return shape

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """A tensor as float32; a second time it is an error, as is another shape.

        Raises:
            DataError: there is none of this name, it has another shape, holds no numbers, or was
                taken before.
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
            raise DataError(f"{self.where}: {name} holds numbers that are not finite.")
        del self._unused[name]
        return values

    def ignore(self, names: Iterable[str]) -> int:
        """Marks tensors as known but not needed; returns how many."""
        chosen = [name for name in names if name in self._unused]
        for name in chosen:
            del self._unused[name]
        return len(chosen)

    def require_all_used(self, network: str) -> None:
        """Names what is left over.

        Raises:
            DataError: a tensor was neither taken nor left.
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
    """A weights file that was read, nothing of it executed.

    Args:
        path: the file.
        layout: how names and axes are ordered. `torch`: `module.variable`, kernels
            `(out, in, h, w)`; `keras2`: `layer/variable`, kernels `(h, w, in, out)`.
        container: what the file is, for people.
        tensors: its arrays.
        layers: in `keras2`, names of the layers with weights, in the file's order.
        input_size: `(H, W)`, where the file says.
        epsilons: in `keras2`, epsilon of each BatchNorm layer, where the file says.
        skeleton: where the file says.
        left_out: what the file holds besides weights, and how much of it.
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
    """The first of the names that a file has, as a message can show them, and how many more."""
    first = [str(name) for name in islice(names, _NAMES_SHOWN)]
    texts = ", ".join(cut(name) if name.isprintable() else shown(name) for name in first)
    more = len(names) - _NAMES_SHOWN
    return f"{texts} and {more} more" if more > 0 else texts
