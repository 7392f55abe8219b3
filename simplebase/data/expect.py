"""Reads values from foreign JSON; errors say which value has the wrong type."""

from typing import Any

from simplebase.data.fields import are_numbers, is_id, numbers_problem
from simplebase.errors import DataError, shown

_HINT = "Check the tool that wrote the file."


def mapping(value: Any, where: str) -> dict[str, Any]:
    """Returns `value` if it is a mapping."""
    if not isinstance(value, dict):
        raise _unexpected(where, "a mapping", value)
    return value


def items(value: Any, where: str) -> list[Any]:
    """Returns `value` if it is a list."""
    if not isinstance(value, list):
        raise _unexpected(where, "a list", value)
    return value


def text(value: Any, where: str) -> str:
    """Returns `value` if it is a non-empty string."""
    if not isinstance(value, str) or not value:
        raise _unexpected(where, "a string", value)
    return value


def name(value: Any, where: str) -> str:
    """Returns a name without spaces at its ends."""
    return text(text(value, where).strip(), where)


def integer(value: Any, where: str) -> int:
    """Returns `value` if it is a whole number that fits into 64 bits, such as an id."""
    if type(value) is not int or not is_id(value):
        raise _unexpected(where, "a whole number", value)
    return value


def identifier(value: Any, where: str) -> int:
    """Returns an id, which some tools write as a text of digits."""
    is_text = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19
    return integer(int(value) if is_text else value, where)


def number(value: Any, where: str) -> float:
    """Returns `value` if it is a finite number of a plausible size."""
    if not are_numbers([value], 1):
        raise _unexpected(where, "a number", value)
    return float(value)


def numbers(value: Any, count: int, where: str) -> list[float]:
    """Returns `value` if it is a list of `count` numbers."""
    if not isinstance(value, list) or not are_numbers(value, count):
        expected = f"expected a list of {count} numbers"
        raise DataError(f"{where}: {expected}. {numbers_problem(value, count)} {_HINT}")
    return [float(each) for each in value]


def visibility(value: Any, where: str) -> float:
    """Returns `value` if it is 0, 1 or 2."""
    if not are_numbers([value], 1) or value not in (0, 1, 2):
        raise _unexpected(where, "visibility 0, 1 or 2", value)
    return float(value)


def _unexpected(where: str, expected: str, value: Any) -> DataError:
    return DataError(f"{where}: expected {expected}. Received: {shown(value)}. {_HINT}")
