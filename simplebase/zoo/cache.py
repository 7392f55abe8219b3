"""Converts fetched models to `.keras` files once, and keeps them.

```
$SIMPLEBASE_CACHE/models/
├── FILE                               as it was published, see `fetching`
├── MODEL-HASH-VERSION.keras           the converted model: HASH is the start of FILE's hash,
│                                      VERSION that of the conversion
└── MODEL-HASH-VERSION.json            size, time and SHA-256 of the `.keras`, and its source
```

For a model of the package, FILE is in the package instead, see `embedded`.

FILE is kept too, so that a later version can convert it again without a network, and the folder can
serve as another machine's SIMPLEBASE_MIRROR.
"""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from simplebase.errors import ArgumentError, MissingFileError, listed
from simplebase.files import file_sha256, replacing, write_json
from simplebase.files.locks import turn
from simplebase.progress import ProgressBar
from simplebase.zoo.embedded import EmbeddedFile
from simplebase.zoo.fetching import Announce, fetch
from simplebase.zoo.remote import RemoteFile
from simplebase.zoo.storage import models_folder, storing

_MODEL = re.compile(r"(?P<model>[A-Za-z0-9][A-Za-z0-9._-]*)-[0-9a-f]{8}-[A-Za-z0-9._]+\.keras")
_PARTIAL = ".partial"


@dataclass(frozen=True)
class CachedFile:
    """A file of the cache.

    Args:
        path: its path.
        bytes: its size.
        when: when it was written, in local time.
        model: name of the converted model, else None.
        unfinished: whether it belongs to an interrupted download.
    """

    path: Path
    bytes: int
    when: datetime
    model: str | None = None
    unfinished: bool = False

    @property
    def name(self) -> str:
        """The name that `remove` takes: that of the model, else of the published file."""
        return self.model or self.path.name.removesuffix(_PARTIAL)


def converted(
    model: str,
    file: RemoteFile | EmbeddedFile,
    convert: Callable[[Path, Path], None],
    *,
    version: str,
    offline: bool = False,
    announce: Announce,
    progress: ProgressBar | None = None,
) -> Path:
    """Returns the `.keras` file of a published model, after fetching and converting it if needed.

    If several processes need it, one converts and the others wait. A `.keras` file that was changed
    or damaged after it was written is made again.

    Args:
        model: its name in the table.
        file: the published file, or a file of the package, which needs no network.
        convert: converts its first argument to its second, a path that ends in `.keras`.
        version: version of the conversion. If it changes, with the converter or the model's row in
            the table, the file is converted again.
        offline: see `fetch`.
        announce: see `fetch`.
        progress: see `fetch`.

    Raises:
        ArgumentError: `model` or `version` does not fit into a file name.
        DownloadError: the file cannot be downloaded or stored.
        DataError: the file of the package was changed.
        SimplebaseError: the errors of `convert`.
    """
    name = f"{model}-{file.digest[:8]}-{version}.keras"
    if not _MODEL.fullmatch(name):
        raise ArgumentError(
            f"Expected a model's name and a version of letters, digits, dots, underscores and, in "
            f"the name, hyphens. Received: {model!r} and {version!r}."
        )
    path = models_folder() / name
    if _is_intact(path):
        return path
    with storing(path.parent, model):
        path.parent.mkdir(parents=True, exist_ok=True)
        with turn(path.with_name(f".{path.name}.lock"), model):
            # Another process may have converted it meanwhile.
            if not _is_intact(path):
                if path.exists():
                    announce(f"{path} was changed after it was written, and is made again.")
                _remove_leftovers(path)
                if isinstance(file, EmbeddedFile):
                    original = file.checked()
                else:
                    original = fetch(file, offline=offline, announce=announce, progress=progress)
                with replacing(path, overwrite=True) as partial:
                    convert(original, partial)
                    # Before the move, so that a process killed in between leaves no valid file.
                    _write_record(path, partial, file.name)
                _remove_others(path, model)
    return path


def cached() -> list[CachedFile]:
    """Returns the models and published files in the cache, in the order of their paths."""
    found = []
    for path in _files():
        if path.suffix == ".json":
            continue
        match = _MODEL.fullmatch(path.name)
        with suppress(FileNotFoundError):  # another process may be removing files
            status = path.stat()
            found.append(
                CachedFile(
                    path=path,
                    bytes=status.st_size,
                    when=datetime.fromtimestamp(status.st_mtime).astimezone(),
                    model=match["model"] if match else None,
                    unfinished=path.name.endswith(_PARTIAL),
                )
            )
    return found


def remove(*names: str) -> int:
    """Removes models with their source files, or published files, from the cache.

    Args:
        names: names of models or of published files; missing ones are ignored.

    Returns:
        Bytes freed.

    Raises:
        MissingFileError: none of them exists.
        OSError: the folder cannot be written.
    """
    files = cached()
    models = {file for file in files if file.model in names}
    others = {file for file in files if file.model and file not in models}
    unused = {_source(file) for file in models} - {_source(file) for file in others}
    chosen = [
        file
        for file in files
        if file in models or (file.model is None and file.name in unused | set(names))
    ]
    folder = models_folder()
    if not chosen:
        there = listed(sorted({file.name for file in files})) or "nothing"
        raise MissingFileError(f"{folder} does not have {listed(names)}. It has: {there}.")
    for file in chosen:
        locked = file.path.name if file.model else file.name
        with turn(folder / f".{locked}.lock", file.name):
            _remove(file.path)
    return sum(file.bytes for file in chosen)


def _files() -> list[Path]:
    """Returns the files in the folder, without locks and temporary files."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(
            path
            for path in models_folder().iterdir()
            if not path.name.startswith(".") and path.is_file()
        )
    return []


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    beside = _record(path) if path.suffix == ".keras" else path.with_name(f"{path.name}.json")
    beside.unlink(missing_ok=True)


def _record(path: Path) -> Path:
    """Returns the record of the `.keras` file `path`, which describes it as it was written."""
    return path.with_suffix(".json")


def _source(file: CachedFile) -> str | None:
    """Returns the name of the published file from which a model was made."""
    return _read_record(file.path).get("source")


def _read_record(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads(_record(path).read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
    return {}


def _write_record(path: Path, written: Path, source: str) -> None:
    status = written.stat()
    content = {
        "source": source,
        "bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "sha256": file_sha256(written),
    }
    write_json(_record(path), content, overwrite=True)


def _is_intact(path: Path) -> bool:
    """Returns whether `path` is unchanged. It is read only if its time differs, as in a copy."""
    record = _read_record(path)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if status.st_size != record.get("bytes"):
        return False
    if status.st_mtime_ns == record.get("mtime_ns"):
        return True
    if file_sha256(path) != record.get("sha256"):
        return False
    with suppress(OSError):  # if the folder is read-only, the file is read each time
        _write_record(path, path, record.get("source", ""))
    return True


def _remove_leftovers(path: Path) -> None:
    """Removes files of a process that was killed while it wrote `path`."""
    for holder in path.parent.glob(f".{path.name}.*{_PARTIAL}"):
        shutil.rmtree(holder, ignore_errors=True)


def _remove_others(path: Path, model: str) -> None:
    """Removes files that earlier versions made of the same model."""
    for other in _files():
        match = _MODEL.fullmatch(other.name)
        if match and match["model"] == model and other != path:
            with suppress(OSError):  # Windows cannot remove a file that another process has open
                _remove(other)
