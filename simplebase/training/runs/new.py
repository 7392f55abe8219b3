"""The folder of a run for one process alone, and for a new run in the place of an earlier one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from simplebase.files import require_output
from simplebase.files.locks import locked
from simplebase.training.runs.folder import CHECKPOINTS, CONFIG, EARLIER, LOCK, Run


def require_place(folder: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Refuses a folder that a new run may not have.

    Args:
        folder: it may be missing or empty.
        overwrite: an earlier run may be there too, with nothing else beside it.

    Raises:
        OutputExistsError: there is something that may not be replaced.
    """
    run = Run(folder)
    if run.folder.is_dir() and all(path.name == LOCK for path in run.folder.iterdir()):
        return
    require_output(
        folder,
        overwrite=overwrite,
        folder_markers=(CONFIG, CHECKPOINTS),
        folder_content=(*run.content, EARLIER, LOCK),
    )


@contextmanager
def locked_run(run: Run) -> Iterator[None]:
    """Within it no other process trains in the run's folder, which exists.

    Raises:
        InUseError: another process trains there.
    """
    with (
        _folder_for(run),
        locked(run.lock, str(run.folder), "stop it, or choose another --run-dir for a new run"),
    ):
        yield


@contextmanager
def locked_place(run: Run, *, overwrite: bool) -> Iterator[None]:
    """As `locked_run`, in a folder that a new run may have; raises as `require_place` too."""
    if not run.lock.exists():
        # Somebody else's folder does not even get a lock file.
        require_place(run.folder, overwrite=overwrite)
    with locked_run(run):
        require_place(run.folder, overwrite=overwrite)
        yield


@contextmanager
def new_run(run: Run) -> Iterator[None]:
    """Within it the run's folder exists, without the files of an earlier run.

    Those are moved to `.earlier` in the folder, and come back if the block ends before anything is
    saved; otherwise they are removed at its end.
    """
    with _folder_for(run):
        earlier = run.folder / EARLIER
        shutil.rmtree(earlier, ignore_errors=True)
        if any(run.folder.iterdir()):
            _move(run, run.folder, earlier)
        run.checkpoints.mkdir()
        try:
            yield
        finally:
            if not run.best.exists() and not run.state.exists():
                for name in run.content:
                    _remove(run.folder / name)
                if earlier.exists():
                    _move(run, earlier, run.folder)
            shutil.rmtree(earlier, ignore_errors=True)


@contextmanager
def _folder_for(run: Run) -> Iterator[None]:
    """Makes the folder and its parents, and removes at the end those that it made and are empty.

    A folder stays what it is, a link or a mounted disk.
    """
    made = [path for path in (run.folder, *run.folder.parents) if not path.exists()]
    run.folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        # One that is not empty ends it: it has a run, or another process's.
        with suppress(OSError):
            for path in made:
                path.rmdir()


def _move(run: Run, source: os.PathLike[str], target: os.PathLike[str]) -> None:
    """Moves a run's files from one folder to another."""
    os.makedirs(target, exist_ok=True)
    for name in run.content:
        path = os.path.join(source, name)
        if os.path.lexists(path):
            os.replace(path, os.path.join(target, name))


def _remove(path: os.PathLike[str]) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)
