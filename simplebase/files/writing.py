"""Writes files so that a crash leaves either the old or the new state, never a mixture."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simplebase.errors import OutputExistsError, SimplebaseError
from simplebase.files.moving import move_to_new, replace, replace_folder


def require_output(
    path: str | os.PathLike[str],
    *,
    overwrite: bool,
    folder_markers: Sequence[str] = (),
    folder_content: Sequence[str] | None = None,
) -> Path:
    """Returns `path` if it may be written.

    Args:
        path: a file or folder to write.
        overwrite: whether an existing output may be replaced.
        folder_markers: for a folder, names that every folder of its kind contains. A folder without
            them, or a file, is not replaced. Without markers, a file is written, and no folder is
            replaced.
        folder_content: all names that such a folder may contain. A folder with others is not
            replaced.

    Raises:
        OutputExistsError: `path` exists and may not be replaced.
    """
    path = Path(path)
    # A broken link also counts as existing.
    if os.path.lexists(path) and not overwrite:
        raise OutputExistsError(f"{path} exists. Choose another path, or pass --overwrite.")
    if folder_markers:
        ours = all((path / marker).exists() for marker in folder_markers)
    else:
        ours = not path.is_dir()
    if path.exists() and not ours:
        raise OutputExistsError(
            f"{path} is not an earlier output of this command, so --overwrite does not "
            "replace it. Choose another path."
        )
    if path.is_dir() and folder_content is not None:
        if others := sorted({entry.name for entry in path.iterdir()} - set(folder_content)):
            raise OutputExistsError(
                f"{path} holds {', '.join(others)}, which --overwrite would remove. Move it away, "
                "or choose another path."
            )
    return path


@contextmanager
def replacing(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    folder_markers: Sequence[str] = (),
    folder_content: Sequence[str] | None = None,
) -> Iterator[Path]:
    """Yields a temporary path beside `path`; moves it there when the block succeeds.

    The temporary path keeps the suffix, because many writers choose the format by it. It can become
    a file or a folder. It is removed if the block fails in any way.

    Raises:
        OutputExistsError: `path` exists and may not be replaced, see `require_output`; or it
            appeared while the block ran, and `overwrite` is off.
    """

    def checked() -> Path:
        return require_output(
            path,
            overwrite=overwrite,
            folder_markers=folder_markers,
            folder_content=folder_content,
        )

    target = checked()
    target.parent.mkdir(parents=True, exist_ok=True)
    # The name is chosen before the folder exists, so that a signal in between leaves nothing.
    holder = target.parent / f".{target.name}.{secrets.token_hex(6)}.partial"
    partial = holder / target.name
    try:
        with naming_file(target, temporary=holder):
            # Windows turns 0o700 into access rights that the files keep when they are moved.
            holder.mkdir(mode=0o777 if os.name == "nt" else 0o700)
            yield partial
            if partial.is_file():
                # Otherwise a power failure might leave an empty file under the final name.
                # Windows syncs only files that are open for writing.
                with partial.open("r+b") as file:
                    os.fsync(file.fileno())
        if not overwrite:
            move_to_new(partial, target)
        elif checked().is_dir() and partial.exists():
            replace_folder(partial, target, aside=holder / f"{target.name}.old")
        else:
            replace(partial, target)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


@contextmanager
def naming_file(path: str | os.PathLike[str], *, temporary: Path | None = None) -> Iterator[None]:
    """Adds `path` to an error of the operating system without a file name, such as a full disk.

    Args:
        path: the file that the user named.
        temporary: a file or folder whose name is replaced by `path` in errors.

    Raises:
        OSError: what the block raised, with the path.
    """
    try:
        yield
    except OSError as error:
        named = error.filename
        if isinstance(error, SimplebaseError) or not (named is None or _is_in(named, temporary)):
            raise
        if error.errno is None:
            # Errors of libraries, such as HDF5, may only have a text.
            raise OSError(f"{os.fspath(path)} cannot be written: {error}") from error
        error.filename = os.fspath(path)
        raise


def _is_in(name: Any, place: Path | None) -> bool:
    """Returns whether an error names `place` or a file in it; it may also name a descriptor."""
    return (
        place is not None
        and isinstance(name, str | os.PathLike)
        and Path(name).is_relative_to(place)
    )


def write_text(path: str | os.PathLike[str], text: str, *, overwrite: bool = False) -> None:
    """Writes UTF-8 text through a temporary file, with the same line ends on every system."""
    with replacing(path, overwrite=overwrite) as partial:
        partial.write_bytes(text.encode())


def write_json(path: str | os.PathLike[str], content: Any, *, overwrite: bool = False) -> None:
    """Writes JSON through a temporary file, with one line per item if the content is a list."""
    if isinstance(content, list):
        text = "[\n" + ",\n".join(json.dumps(item) for item in content) + "\n]\n"
    else:
        text = json.dumps(content, indent=2) + "\n"
    write_text(path, text, overwrite=overwrite)
