"""Writing so that a crash leaves the old state or the new one, never half of it."""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from simplebase.errors import OutputExistsError, SimplebaseError


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
        overwrite: whether it may replace what is there.
        folder_markers: where a folder is to be written: names that all folders of its kind hold.
            One without them is somebody else's and stays, as does a file; and where a file is to
            be written, any folder.
        folder_content: all names that such a folder may hold; one with another in it stays.

    Raises:
        OutputExistsError: `path` exists and may not be replaced.
    """
    path = Path(path)
    # A link that leads nowhere is somebody's too.
    if os.path.lexists(path) and not overwrite:
        raise OutputExistsError(f"{path} exists. Choose another path, or pass --overwrite.")
    if folder_markers:
        ours = all((path / marker).exists() for marker in folder_markers)
    else:
        ours = not path.is_dir()
    if path.exists() and not ours:
        raise OutputExistsError(
            f"{path} is something else than what would be written there, so --overwrite does not "
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

    The temporary path keeps the suffix, because many writers choose the format by it. It can be
    written as a file or made a folder. Whatever ends the block otherwise removes it.

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
    # The name is known before the folder is there, so that a signal between the two leaves nothing.
    holder = target.parent / f".{target.name}.{secrets.token_hex(6)}.partial"
    try:
        holder.mkdir(mode=0o700)
        partial = holder / target.name
        with naming_file(target):
            yield partial
            if partial.is_file():
                # A machine that fails right after must not find an empty file under the final name.
                with partial.open("rb") as file:
                    os.fsync(file.fileno())
        if not overwrite:
            _move_to_new(partial, target)
        elif checked().is_dir() and partial.exists():
            _replace_folder(partial, target, aside=holder / f"{target.name}.old")
        else:
            os.replace(partial, target)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


@contextmanager
def naming_file(path: str | os.PathLike[str]) -> Iterator[None]:
    """Adds `path` to an error of the operating system that names no file, such as a full disk.

    Raises:
        OSError: what the block raised, with the path.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, SimplebaseError) or error.filename is not None:
            raise
        if error.errno is None:
            # A library's own: HDF5's has a text alone.
            raise OSError(f"{os.fspath(path)} cannot be written: {error}") from error
        error.filename = os.fspath(path)
        raise


def _move_to_new(new: Path, path: Path) -> None:
    """Moves `new` to `path`, where nothing may be.

    The system checks that as it moves: a look before would miss what another process writes
    between the look and the move.

    Raises:
        OutputExistsError: something is there.
    """
    try:
        if os.name == "nt":
            os.rename(new, path)  # on Windows it replaces nothing
        elif new.is_dir():
            # A folder takes the place of an empty one only, and this one is ours.
            path.mkdir()
            _move_onto(new, path, undo=path.rmdir)
        else:
            _move_file(new, path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        raise OutputExistsError(
            f"{path} appeared while this command was writing its own, and was left as it is. Is "
            "the same command running twice? Choose another path, or pass --overwrite."
        ) from error


def _move_file(new: Path, path: Path) -> None:
    try:
        os.link(new, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (FAT, some network file systems): an empty file claims the name.
        path.touch(exist_ok=False)
        _move_onto(new, path, undo=path.unlink)
    else:
        new.unlink()


def _move_onto(new: Path, claimed: Path, undo: Callable[[], None]) -> None:
    try:
        os.rename(new, claimed)
    except BaseException:
        with suppress(OSError):
            undo()
        raise


def _replace_folder(new: Path, path: Path, aside: Path) -> None:
    """Moves `new` to `path`. A file is replaced in one step; a folder steps aside first."""
    os.replace(path, aside)
    try:
        os.replace(new, path)
    except BaseException:
        os.replace(aside, path)
        raise


def write_text(path: str | os.PathLike[str], text: str, *, overwrite: bool = False) -> None:
    """Writes UTF-8 text through a temporary file."""
    with replacing(path, overwrite=overwrite) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], content: Any, *, overwrite: bool = False) -> None:
    """Writes JSON through a temporary file, one line a list item where the content is a list."""
    if isinstance(content, list):
        text = "[\n" + ",\n".join(json.dumps(item) for item in content) + "\n]\n"
    else:
        text = json.dumps(content, indent=2) + "\n"
    write_text(path, text, overwrite=overwrite)
