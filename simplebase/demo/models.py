"""Which model the demo takes if none is named."""

import os
from pathlib import Path

from simplebase.errors import MissingFileError
from simplebase.files import require_exists
from simplebase.runtimes.runtime import MODEL_SUFFIXES

RUNS = "runs"


def newest_model(runs: str | os.PathLike[str] = RUNS) -> Path:
    """The best checkpoint of the run below `runs` that was trained last.

    Raises:
        MissingFileError: there is none.
    """
    found = trained_models(runs)
    if not found:
        raise MissingFileError(
            f"no model was named, and there is none in {os.fspath(runs)}/. Name a pretrained one, "
            "such as --model person (`simplebase models` lists them), give a file by --model FILE, "
            "or train one: `simplebase train` takes minutes and needs no dataset."
        )
    return found[0]


def selectable_models(model: str | os.PathLike[str] | None = None) -> list[Path]:
    """Models to choose from: the given one, those beside it, and the best of each run.

    Args:
        model: a model file; by default the newest run's.

    Raises:
        MissingFileError: `model` does not exist, or none is given and there is no run.
    """
    first = newest_model() if model is None else Path(model)
    require_exists(first)
    beside = [
        path
        for path in sorted(first.parent.iterdir())
        # A folder of runs' checkpoints holds the same model at several ages.
        if path.suffix in MODEL_SUFFIXES and first.parent.name != "checkpoints"
    ]
    return list(
        dict.fromkeys(Path(os.path.abspath(p)) for p in (first, *beside, *trained_models()))
    )


def trained_models(runs: str | os.PathLike[str] = RUNS) -> list[Path]:
    """The best checkpoint of each run below `runs`, the newest first."""
    found = Path(runs).glob("*/checkpoints/best.keras")
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
