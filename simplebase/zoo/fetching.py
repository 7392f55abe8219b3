"""Fetches a published file once into the cache of models.

```
$SIMPLEBASE_CACHE/models/
├── NAME                 the published file, with a verified hash
├── NAME.partial         the received part of a running or interrupted download
└── NAME.partial.json    its origin and version
```

The hash is verified at each request, so a file that was damaged later is never read.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from simplebase.errors import ArgumentError, DownloadError
from simplebase.files.locks import turn
from simplebase.files.moving import replace
from simplebase.progress import Progress, ProgressBar
from simplebase.zoo.remote import RemoteFile as RemoteFile
from simplebase.zoo.remote import UnavailableError
from simplebase.zoo.storage import (
    discard,
    in_megabytes,
    models_folder,
    note_of,
    require_room,
    storing,
)

_CHUNK = 1 << 20

Announce = Callable[[str], None]
"""Is called with a line for the user."""


def fetch(
    file: RemoteFile,
    *,
    offline: bool = False,
    announce: Announce,
    progress: ProgressBar | None = None,
) -> Path:
    """Returns the path of `file` in the cache, after fetching it if it is missing.

    SIMPLEBASE_MIRROR, a folder or an address with files by their names, replaces its addresses. If
    several processes need the file, one fetches it and the others wait.

    Args:
        file: the file to fetch.
        offline: do not use the network, like SIMPLEBASE_OFFLINE=1. A mirror folder is still used.
        announce: is called with one line before anything is downloaded: the file, its size, origin
            and licence.
        progress: opens a progress bar that counts bytes.

    Raises:
        ArgumentError: SIMPLEBASE_MIRROR is neither a folder nor an http or https address.
        DownloadError: the file cannot be downloaded, has another hash, or cannot be stored. Then no
            file with its name is left.
    """
    path = models_folder() / file.name
    if is_intact(path, file):
        return path
    sources = _sources(file, path, offline)
    with storing(path.parent, file.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        with turn(path.with_name(f".{file.name}.lock"), file.name):
            # Another process may have fetched it meanwhile.
            if not is_intact(path, file):
                if path.exists():
                    announce(f"{path} is damaged and is fetched again.")
                partial = path.with_name(f"{file.name}.partial")
                _fetch(file, sources, partial, _Display(file, announce, progress))
                replace(partial, path)
                discard(partial)
    return path


def is_intact(path: Path, file: RemoteFile) -> bool:
    """Returns whether `path` exists and has the hash of `file`."""
    return path.is_file() and file.digest_of(path) == file.digest


def is_offline(offline: bool = False) -> bool:
    """Returns whether the network must not be used, by `offline` or SIMPLEBASE_OFFLINE."""
    value = os.environ.get("SIMPLEBASE_OFFLINE", "").strip().lower()
    return offline or value not in ("", "0", "false", "no", "off")


def _mirror() -> str | Path | None:
    """Returns the address or folder in SIMPLEBASE_MIRROR; None if it is not set."""
    mirror = os.environ.get("SIMPLEBASE_MIRROR", "").strip()
    scheme = urlsplit(mirror).scheme.lower() if "://" in mirror else ""
    if not mirror or scheme in ("http", "https"):
        return mirror or None
    if scheme == "file":
        return Path(url2pathname(urlsplit(mirror).path))
    if scheme:
        raise ArgumentError(
            "SIMPLEBASE_MIRROR must be a folder, or an address that begins with https://, http:// "
            f"or file://. Received: {mirror!r}."
        )
    return Path(mirror).expanduser()


def _sources(file: RemoteFile, path: Path, offline: bool) -> list[str | Path]:
    """Returns the sources of `file`: only the mirror, if there is one."""
    mirror = _mirror()
    if isinstance(mirror, Path):
        return [mirror / file.name]
    if is_offline(offline):
        state = "is damaged" if path.exists() else "is not in the cache"
        raise DownloadError(
            f"{path} {state}, and downloads are off (--offline or SIMPLEBASE_OFFLINE). Run "
            f"`simplebase models get {file.model}` on a machine with a network, or set "
            "SIMPLEBASE_MIRROR to a folder with the file."
        )
    if mirror is None:
        return list(file.urls)
    parts = urlsplit(mirror)
    return [parts._replace(path=f"{parts.path.rstrip('/')}/{quote(file.name)}").geturl()]


@dataclass(frozen=True)
class _Display:
    """Shows a download to the user."""

    file: RemoteFile
    announce: Announce
    progress: ProgressBar | None

    def begin(self, place: str, there: int, total: int | None, stack: ExitStack) -> Progress:
        """Announces the download, and opens the progress bar in `stack`."""
        size = "of unknown size" if total is None else in_megabytes(total)
        going_on = f" ({in_megabytes(there)} of it is already there)" if there else ""
        self.announce(
            f"Fetching {self.file.model}: {self.file.name}, {size}{going_on}, from {place}. "
            f"Licence: {self.file.licence}."
        )
        if self.progress is None:
            return lambda done, total: None
        return stack.enter_context(self.progress(f"fetching {self.file.model}"))


def _fetch(file: RemoteFile, sources: list[str | Path], partial: Path, display: _Display) -> None:
    """Writes `partial` from the first source that has the right file."""
    reasons = []
    for source in sources:
        try:
            if isinstance(source, Path):
                return _copy(source, partial, file, display)
            return _download(source, partial, file, display)
        except UnavailableError as error:
            reasons.append(str(error))
        except OSError:
            discard(partial)  # the disk may be full
            raise
    retry = ""
    if partial.exists() and note_of(partial).exists():
        retry = "The received part is kept, and the next attempt continues from there. "
    else:
        discard(partial)
    raise DownloadError(
        f"{file.name} cannot be fetched: {'; '.join(dict.fromkeys(reasons))}. "
        f"{retry}{_way_out(file)}"
    )


def _way_out(file: RemoteFile) -> str:
    if _mirror() is not None:
        return "Look at SIMPLEBASE_MIRROR, or unset it to use the original address."
    return (
        f"If this machine cannot reach the server, run `simplebase models get {file.model}` on "
        "another machine and set SIMPLEBASE_MIRROR to a folder that has the file."
    )


def _download(url: str, partial: Path, file: RemoteFile, display: _Display) -> None:
    # Requests is slow to import, and without a download nothing needs it.
    from simplebase.zoo.connection import shown_address
    from simplebase.zoo.downloading import download

    place = shown_address(url)
    for may_try_again in (True, False):
        with ExitStack() as stack:

            def begin(there: int, total: int | None, stack: ExitStack = stack) -> Progress:
                require_room(partial.parent, (total or 0) - there, file.name)
                return display.begin(place, there, total, stack)

            went_on = download(url, partial, size=file.size, begin=begin)
        try:
            return _require_hash(partial, file, place)
        except UnavailableError:
            # The part of an earlier process may have been damaged, and is now removed.
            if not (went_on and may_try_again):
                raise


def _copy(source: Path, partial: Path, file: RemoteFile, display: _Display) -> None:
    """Copies from a folder, so that a model is kept if the folder is removed."""
    if not source.is_file():
        raise UnavailableError(f"{source} does not exist")
    try:
        reader = source.open("rb")
    except OSError as error:
        raise UnavailableError(f"{source} cannot be read ({error.strerror})") from error
    discard(partial)
    with reader, ExitStack() as stack:
        total = os.fstat(reader.fileno()).st_size
        require_room(partial.parent, total, file.name)
        report = display.begin(str(source.parent), 0, total, stack)
        with partial.open("wb") as writer:
            while chunk := reader.read(_CHUNK):
                writer.write(chunk)
                report(writer.tell(), total)
            writer.flush()
            os.fsync(writer.fileno())
    _require_hash(partial, file, str(source))


def _require_hash(partial: Path, file: RemoteFile, place: str) -> None:
    """Removes `partial` and raises UnavailableError if it has another hash."""
    found = file.digest_of(partial)
    if found != file.digest:
        discard(partial)
        kind = "SHA-256" if file.sha256 else "Git's SHA-1"
        raise UnavailableError(
            f"{place} is another file, which was not kept: its {kind} begins with {found} in place "
            f"of {file.digest}"
        )
