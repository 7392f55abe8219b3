"""Chooses the demo's model if none is named."""

import os
from collections.abc import Callable
from pathlib import Path

from simplebase.files import require_exists
from simplebase.runtimes.runtime import MODEL_SUFFIXES
from simplebase.zoo import PERSON, model_file

RUNS = "runs"


def newest_model(runs: str | os.PathLike[str] = RUNS) -> Path | None:
    """Returns the best checkpoint of the newest run below `runs`; None if there is no run."""
    return next(iter(trained_models(runs)), None)


def embedded_model(announce: Callable[[str], None]) -> Path:
    """Returns the runnable file of the package's own model, which finds a person.

    Args:
        announce: is called with one line if it has to be converted first, see `model_file`.

    Raises:
        DataError, DownloadError: the installation is damaged, or the cache cannot be written.
    """
    return model_file(PERSON, runnable=True, local=False, announce=announce)


def selectable_models(model: str | os.PathLike[str]) -> list[Path]:
    """Returns the models to choose from: the given one, those beside it, and the best of each run.

    Args:
        model: a model file.

    Raises:
        MissingFileError: `model` does not exist.
    """
    first = Path(model)
    require_exists(first)
    beside = [
        path
        for path in sorted(first.parent.iterdir())
        # A folder of checkpoints contains the same model after several epochs.
        if path.suffix in MODEL_SUFFIXES and first.parent.name != "checkpoints"
    ]
    return list(
        dict.fromkeys(Path(os.path.abspath(p)) for p in (first, *beside, *trained_models()))
    )


def trained_models(runs: str | os.PathLike[str] = RUNS) -> list[Path]:
    """Returns the best checkpoint of each run below `runs`, newest first."""
    found = Path(runs).glob("*/checkpoints/best.keras")
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
