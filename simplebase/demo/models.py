"""Which model the demo takes if none is named."""

import os
from pathlib import Path

from simplebase.errors import MissingFileError

RUNS = "runs"


def newest_model(runs: str | os.PathLike[str] = RUNS) -> Path:
    """The best checkpoint of the run below `runs` that was trained last.

    Raises:
        MissingFileError: there is none.
    """
    found = trained_models(runs)
    if not found:
        raise MissingFileError(
            f"no model was named, and there is none in {os.fspath(runs)}/. Give one with --model "
            "FILE, or train one: `simplebase train` takes minutes and needs no dataset."
        )
    return found[0]


def trained_models(runs: str | os.PathLike[str] = RUNS) -> list[Path]:
    """The best checkpoint of each run below `runs`, the newest first."""
    found = Path(runs).glob("*/checkpoints/best.keras")
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
