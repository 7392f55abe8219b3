"""Downloads a file, and resumes after an interruption.

Pooch is not used, because it restarts interrupted downloads, follows redirects from https to http,
and has no size limit.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import requests
import requests.exceptions as failures

from simplebase.files import parse_json, write_json
from simplebase.progress import Progress
from simplebase.zoo.connection import Session, host_of, reason_of
from simplebase.zoo.remote import UnavailableError
from simplebase.zoo.storage import discard, in_megabytes, note_of

_MOST_BYTES = 2 << 30  # if the size is unknown; published checkpoints have a third
_CHUNK = 1 << 16
_TRIES, _PAUSE = 3, 1.0  # tries of an interrupted transfer, and seconds between them

Begin = Callable[[int, int | None], Progress]
"""Is called once before the first byte, with the bytes that are present and the total (or None).
Returns a function that is called with the finished bytes and the total during the transfer."""


def download(url: str, partial: Path, *, size: int | None, begin: Begin) -> bool:
    """Downloads the file at `url` to `partial`, resuming an interrupted download.

    It resumes only if the server confirms that its file has not changed. If it is interrupted, the
    received part is kept for the next call.

    Args:
        url: `http://` or `https://`.
        partial: the file to write. A file with `.json` after its name stores its origin.
        size: expected size in bytes, or None.
        begin: see `Begin`.

    Returns:
        Whether an earlier download was resumed.

    Raises:
        UnavailableError: the address does not deliver the file, or it has another size.
        OSError: `partial` cannot be written.
    """
    report: Progress | None = None
    went_on = False
    for tries_left in reversed(range(_TRIES)):
        there, headers = _rest(partial, url)
        try:
            with Session() as session, session.open(url, headers) as response:
                there = _place(response, there)
                total = _total(response, there, size)
                report = report or begin(there, total)
                if not there:
                    discard(partial)
                    _write_note(partial, url, response)
                _write(response, partial, there, total, report)
            return went_on or there > 0
        except _OtherPartError:
            discard(partial)
        except UnavailableError as error:
            if not error.cut or not tries_left:
                raise
            went_on = went_on or there > 0
            time.sleep(_PAUSE)
    raise UnavailableError(f"{host_of(url)} does not send the requested parts of the file")


def _rest(partial: Path, url: str) -> tuple[int, dict[str, str]]:
    """Returns the number of bytes that are present, and the headers that request the others."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        note = parse_json(note_of(partial).read_text(encoding="utf-8"), str(note_of(partial)))
        there = partial.stat().st_size
        if note["address"] == _mark(url) and there:
            return there, {"Range": f"bytes={there}-", "If-Range": str(note["version"])}
    return 0, {}


def _write_note(partial: Path, url: str, response: requests.Response) -> None:
    """Stores which version of the file the server is sending, if it names one."""
    version = response.headers.get("ETag", "W/")
    if version.startswith("W/"):  # a weak ETag does not identify exact bytes
        version = response.headers.get("Last-Modified", "")
    if version and not _is_compressed(response):
        write_json(note_of(partial), {"address": _mark(url), "version": version}, overwrite=True)


def _mark(url: str) -> str:
    """Returns a hash that represents `url` on the disk, because it may contain a password."""
    return hashlib.sha256(url.encode()).hexdigest()


class _OtherPartError(Exception):
    """Raised if the server does not send the requested rest of a file."""


def _place(response: requests.Response, there: int) -> int:
    """Returns where in the file the body starts: at 0, or after the bytes that are present."""
    if response.status_code == 200:
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if response.status_code != 206 or not found or int(found[1]) != there:
        raise _OtherPartError
    return there


def _total(response: requests.Response, there: int, size: int | None) -> int | None:
    """Returns the size of the whole file in bytes, if known."""
    length = response.headers.get("Content-Length", "")
    if _is_compressed(response) or not length.isdecimal():
        return size
    total = there + int(length)
    if size is not None and total != size:
        raise UnavailableError(
            f"{host_of(response.url)} has a file of {total} bytes, but {size} are expected"
        )
    if total > _MOST_BYTES:
        raise _too_long(response, _MOST_BYTES)
    return total


def _write(
    response: requests.Response, partial: Path, there: int, total: int | None, report: Progress
) -> None:
    most = _MOST_BYTES if total is None else total
    with partial.open("ab" if there else "wb") as file:
        for chunk in _chunks(response):
            there += len(chunk)
            if there > most:
                break
            file.write(chunk)
            if total is not None:
                report(there, total)
        file.flush()
        os.fsync(file.fileno())
    if there > most:
        discard(partial)
        raise _too_long(response, most)
    if total is not None and there < total:  # urllib3 before version 2 does not count
        raise UnavailableError(f"{host_of(response.url)} ended the transfer early", cut=True)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_content(_CHUNK)
    except failures.ChunkedEncodingError as error:
        raise UnavailableError(
            f"{host_of(response.url)} ended the transfer early", cut=True
        ) from error
    except failures.RequestException as error:
        raise UnavailableError(reason_of(error, response.url), cut=True) from error


def _too_long(response: requests.Response, most: int) -> UnavailableError:
    return UnavailableError(f"{host_of(response.url)} sends more than {in_megabytes(most)}")


def _is_compressed(response: requests.Response) -> bool:
    return response.headers.get("Content-Encoding", "identity") != "identity"
