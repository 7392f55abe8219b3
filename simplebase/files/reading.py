"""Reading text and JSON that somebody else wrote."""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simplebase.errors import DataError
from simplebase.files.encodings import decode_text


def read_text(path: Path, *, most_bytes: int | None = None) -> str:
    """UTF-8 text; a byte order mark is accepted and removed.

    Args:
        path: a file; one that ends in `.gz` is decompressed.
        most_bytes: that a file of this kind may have.

    Raises:
        DataError: it is in another encoding, and the message says how to convert it; it is longer
            than `most_bytes`; or it cannot be decompressed.
    """
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            # One byte more tells whether there is more.
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
    """The content of a JSON file, or of one compressed with gzip; DataError if it is neither."""
    return parse_json(read_text(path), str(path))


def parse_json(text: str, name: str) -> Any:
    """The content of JSON.

    Args:
        text: the JSON.
        name: of the file that it comes from, for errors.

    Raises:
        DataError: it is not valid, or nested deeper than Python can read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DataError(f"{name} is not valid JSON: it is nested too deeply.") from error
    except ValueError as error:
        raise DataError(f"{name} is not valid JSON: {error}.") from error
