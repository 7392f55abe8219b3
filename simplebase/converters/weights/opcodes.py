"""Checks the instructions of a pickle before any of them is executed.

Python's own reader trusts a pickle: it allocates any memo index, and a tuple that is nested a
million times crashes the process when it is used as a key. So the instructions are listed first
(`pickletools` does not execute them), and those that no weights file needs are refused.
"""

import pickle
import pickletools
from typing import IO, NamedTuple

# A checkpoint of ResNet-152 has 30 thousand; logs of a training run have a few hundred thousand.
_MOST_INSTRUCTIONS = 2_000_000
_DEEPEST = 64
_LARGEST_TUPLE = 2**16
# Total size of all tuples with their content, which limits the time of hashing.
_MOST_HANDLED = 2**26

_ATOMS = frozenset(
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINUNICODE "
    "BINUNICODE8 BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 GLOBAL EMPTY_DICT "
    "EMPTY_LIST EMPTY_SET EMPTY_TUPLE".split()
)
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
# Instructions that combine values into one: an object, a class, a storage.
_REPLACED = {"REDUCE": 2, "NEWOBJ": 2, "NEWOBJ_EX": 3, "STACK_GLOBAL": 2, "BINPERSID": 1}
# Instructions that add values to the one below. PyTorch's ordered dicts have a state (BUILD).
_ABSORBED = {"SETITEM": 2, "APPEND": 1, "BUILD": 1}
_ABSORBED_TO_MARK = frozenset({"SETITEMS", "APPENDS", "ADDITEMS"})
_PUTS = frozenset({"BINPUT", "LONG_BINPUT", "MEMOIZE"})
_GETS = frozenset({"BINGET", "LONG_BINGET"})
_WITHOUT_EFFECT = frozenset({"PROTO", "FRAME", "STOP"})


class _Extent(NamedTuple):
    """The nesting depth of a tuple, and the number of values that hashing it visits."""

    depth: int
    values: int


_ATOM = _Extent(1, 1)


def require_harmless(stream: IO[bytes]) -> None:
    """Checks the instructions of a pickle up to its end; the names in it are not checked here.

    Raises:
        pickle.UnpicklingError: it has an instruction that no weights file needs, or too many.
        ValueError: it is cut off, or not a pickle.
    """
    machine = _Machine()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count >= _MOST_INSTRUCTIONS:
            raise pickle.UnpicklingError("it has more instructions than any weights file")
        machine.step(opcode.name, argument)


class _Machine:
    """The stack and the memo of a pickle, in which only the extent of values is stored."""

    def __init__(self) -> None:
        self._stack: list[_Extent] = []
        self._marks: list[int] = []
        self._memo: dict[int, _Extent] = {}
        self._handled = 0

    def step(self, name: str, argument: object) -> None:
        """Simulates one instruction."""
        if name in _ATOMS:
            self._stack.append(_ATOM)
        elif name in _TUPLES or name == "TUPLE":
            self._push(_tuple_of(self._pop(_TUPLES.get(name))))
        elif name in _REPLACED:
            self._pop(_REPLACED[name])
            self._stack.append(_ATOM)
        elif name in _ABSORBED or name in _ABSORBED_TO_MARK:
            self._pop(_ABSORBED.get(name))
            self._top()
        elif name in _PUTS:
            self._put(argument)
        elif name in _GETS:
            self._push(self._get(argument))
        elif name == "MARK":
            self._marks.append(len(self._stack))
        elif name not in _WITHOUT_EFFECT:
            raise pickle.UnpicklingError(f"no weights file has its instruction {name}")

    def _push(self, extent: _Extent) -> None:
        self._handled += extent.values
        if self._handled > _MOST_HANDLED:
            raise pickle.UnpicklingError("its tuples hold more than those of any weights file")
        self._stack.append(extent)

    def _pop(self, count: int | None) -> list[_Extent]:
        """Removes the last `count` values, or those down to the last mark for None."""
        floor = self._marks[-1] if self._marks else 0
        if count is None:
            if not self._marks:
                raise pickle.UnpicklingError("a mark is missing in it")
            start = self._marks.pop()
        else:
            start = len(self._stack) - count
            if start < floor:
                raise pickle.UnpicklingError("a value is missing in it")
        taken = self._stack[start:]
        del self._stack[start:]
        return taken

    def _top(self) -> _Extent:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise pickle.UnpicklingError("a value is missing in it")
        return self._stack[-1]

    def _put(self, argument: object) -> None:
        index = argument if isinstance(argument, int) else len(self._memo)
        if index > _MOST_INSTRUCTIONS:
            raise pickle.UnpicklingError(f"its memo has an index of {index}")
        self._memo[index] = self._top()

    def _get(self, argument: object) -> _Extent:
        if not isinstance(argument, int) or argument not in self._memo:
            raise pickle.UnpicklingError(f"its memo has nothing at {argument}")
        return self._memo[argument]


def _tuple_of(items: list[_Extent]) -> _Extent:
    depth = 1 + max((item.depth for item in items), default=0)
    values = 1 + sum(item.values for item in items)
    if depth > _DEEPEST or values > _LARGEST_TUPLE:
        raise pickle.UnpicklingError("a tuple in it is larger than any of a weights file")
    return _Extent(depth, values)
