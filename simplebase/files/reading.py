"""Reads foreign text and JSON."""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simplebase.errors import DataError
from simplebase.files.encodings import decode_text


def read_text(path: Path, *, most_bytes: int | None = None) -> str:
    """Reads UTF-8 text and removes a byte order mark.

    Args:
        path: the file. It is decompressed if its name ends in `.gz`.
        most_bytes: upper bound for a file of this kind.

    Raises:
        DataError: it has another encoding (the message says how to convert it), is longer than
            `most_bytes`, or cannot be decompressed.
    """
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            # One byte more shows whether the file is longer.
            content = file.read() if most_bytes is None else file.read(most_bytes + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be decompressed: {error}.") from error
    require_length(content, most_bytes, str(path))
    return decode_text(content, str(path))


def require_length(content: str | bytes, most: int | None, name: str) -> None:
    """Raises DataError if `content`, read from `name`, is longer than `most` bytes."""
    if most is not None and len(content) > most:
        raise DataError(
            f"{name} is longer than {most} bytes, the most that a file of its kind may have. "
            "Is it the right file?"
        )


def read_json(path: Path) -> Any:
    """Reads a JSON file, which may be compressed with gzip; DataError if it is not valid."""
    return parse_json(read_text(path), str(path))


def parse_json(text: str, name: str) -> Any:
    """Parses JSON.

    Args:
        text: the JSON.
        name: name of its file, for messages.

    Raises:
        DataError: it is not valid, or nested deeper than Python can read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DataError(f"{name} is not valid JSON: it is nested too deeply.") from error
    except ValueError as error:
        raise DataError(f"{name} is not valid JSON: {error}.") from error
