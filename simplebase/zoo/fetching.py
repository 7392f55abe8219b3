"""Fetching a published file once, into the cache of models.

```
$SIMPLEBASE_CACHE/models/
├── NAME                 the file as it was published, its hash checked
├── NAME.partial         what came so far of one that is being fetched, or was interrupted
└── NAME.partial.json    from where, and which version of it
```

The hash is checked each time that a file is asked for, so nothing that was damaged later is read.
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
"""Called with a line for the user."""


def fetch(
    file: RemoteFile,
    *,
    offline: bool = False,
    announce: Announce,
    progress: ProgressBar | None = None,
) -> Path:
    """Returns where `file` is in the cache, after fetching it if it is not there.

    SIMPLEBASE_MIRROR, a folder or an address that has files by their names, takes the place of its
    addresses. Of several processes one fetches, and the others wait.

    Args:
        file: what to fetch.
        offline: not to ask the network; so does SIMPLEBASE_OFFLINE=1. A mirror that is a folder is
            used all the same.
        announce: called with one line before anything is downloaded: what, how large, from where,
            under which licence.
        progress: opens a progress bar, of bytes.

    Raises:
        ArgumentError: SIMPLEBASE_MIRROR is no folder and no http or https address.
        DownloadError: it cannot be had, has another hash, or cannot be kept. Nothing under its name
            is left then.
    """
    path = models_folder() / file.name
    if is_intact(path, file):
        return path
    sources = _sources(file, path, offline)
    with storing(path.parent, file.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        with turn(path.with_name(f".{file.name}.lock"), file.name):
            # The process that had its turn before may have fetched it.
            if not is_intact(path, file):
                if path.exists():
                    announce(f"{path} is damaged and is fetched again.")
                partial = path.with_name(f"{file.name}.partial")
                _fetch(file, sources, partial, _Display(file, announce, progress))
                replace(partial, path)
                discard(partial)
    return path


def is_intact(path: Path, file: RemoteFile) -> bool:
    """Whether `path` is there and has the hash of `file`."""
    return path.is_file() and file.digest_of(path) == file.digest


def is_offline(offline: bool = False) -> bool:
    """Whether the network must not be asked: by `offline`, or by SIMPLEBASE_OFFLINE."""
    value = os.environ.get("SIMPLEBASE_OFFLINE", "").strip().lower()
    return offline or value not in ("", "0", "false", "no", "off")


def _mirror() -> str | Path | None:
    """What SIMPLEBASE_MIRROR names: an address, a folder or nothing."""
    mirror = os.environ.get("SIMPLEBASE_MIRROR", "").strip()
    scheme = urlsplit(mirror).scheme.lower() if "://" in mirror else ""
    if not mirror or scheme in ("http", "https"):
        return mirror or None
    if scheme == "file":
        return Path(url2pathname(urlsplit(mirror).path))
    if scheme:
        raise ArgumentError(
            "SIMPLEBASE_MIRROR is a folder, or an address that begins with https://, http:// or "
            f"file://. Received: {mirror!r}."
        )
    return Path(mirror).expanduser()


def _sources(file: RemoteFile, path: Path, offline: bool) -> list[str | Path]:
    """Where to look for `file`: the mirror alone if there is one."""
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
    """What the user sees of a download."""

    file: RemoteFile
    announce: Announce
    progress: ProgressBar | None

    def begin(self, place: str, there: int, total: int | None, stack: ExitStack) -> Progress:
        """Says what is about to come, and opens the bar in `stack`."""
        size = "of unknown size" if total is None else in_megabytes(total)
        going_on = f" ({in_megabytes(there)} of it are there)" if there else ""
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
        retry = "What came is kept, and the next try goes on from there. "
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
        f"If there is no way from here, run `simplebase models get {file.model}` on another "
        "machine and set SIMPLEBASE_MIRROR to a folder that has the file."
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
            # What an earlier process left may have been damaged; it is gone now.
            if not (went_on and may_try_again):
                raise


def _copy(source: Path, partial: Path, file: RemoteFile, display: _Display) -> None:
    """Copies from a folder, so that a model stays when the folder goes."""
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
