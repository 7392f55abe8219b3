"""One model in every format that is installed, side by side."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.benchmarking import measure_models
from simplebase.errors import DataError, MissingPackageError, ParityError
from simplebase.export.export import Exporter, require_place
from simplebase.export.parity import Parity
from simplebase.export.settings import FORMATS, ExportSettings
from simplebase.files import stored_bytes

THREADS = (1, 2)
"""With how many each file is timed."""

SECONDS = 2.0


@dataclass(frozen=True)
class Exported:
    """What became of one format.

    Args:
        settings: what was tried.
        path: where the file is, or would be.
        parity: how it compares with the model; None where it could not be written.
        problem: why there is no file; empty where there is one.
        latency: milliseconds of an image at the median, by the number of threads.
    """

    settings: ExportSettings
    path: Path
    parity: Parity | None
    problem: str
    latency: dict[int, float]

    @property
    def size(self) -> int | None:
        """Bytes of the file."""
        return None if self.problem else stored_bytes(self.path)

    def to_config(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "format": self.settings.format,
            "quantization": self.settings.quantization,
            "path": str(self.path),
            "bytes": self.size,
            "median_ms": {str(threads): value for threads, value in self.latency.items()},
            "parity": None if self.parity is None else self.parity.to_config(),
            "problem": self.problem,
        }


def everything(folder: str | os.PathLike[str], stem: str) -> Iterator[tuple[ExportSettings, Path]]:
    """All formats with all their quantizations, and the file in `folder` that each is to be."""
    for name, form in FORMATS.items():
        for quantization in form.quantizations:
            ending = "" if quantization == "none" else f"_{quantization}"
            settings = ExportSettings(name, quantization, free_batch=form.free_batch)
            # A folder has no suffix to tell it by.
            folder_name = f"{stem}_saved_model" if not form.suffix else f"{stem}{ending}"
            yield settings, Path(folder) / f"{folder_name}{form.suffix}"


def export_all(
    exporter: Exporter,
    folder: str | os.PathLike[str],
    stem: str,
    *,
    overwrite: bool = False,
) -> list[Exported]:
    """Writes every format that is installed, and times what was written.

    Args:
        exporter: of the model.
        folder: to write to.
        stem: how the files' names begin.
        overwrite: replace files that exist.

    Raises:
        OutputExistsError: a file exists and `overwrite` is off; then nothing is written.
        ArgumentError: int8 cannot be calibrated.
    """
    plan = list(everything(folder, stem))
    for settings, path in plan:
        require_place(path, settings, overwrite=overwrite)
    exporter.require_calibration()
    done = [_export(exporter, settings, path, overwrite) for settings, path in plan]
    written = [each.path for each in done if not each.problem]
    for threads in THREADS:
        exporter.report(f"timing with {threads} thread{'s' if threads > 1 else ''}")
        speeds = measure_models(written, threads=threads, batch_sizes=(1,), seconds=SECONDS)
        for path, speed in zip(written, speeds, strict=True):
            [each] = [each for each in done if each.path == path]
            each.latency[threads] = speed.latency(50)
    return done


def _export(exporter: Exporter, settings: ExportSettings, path: Path, overwrite: bool) -> Exported:
    try:
        parity = exporter.export(path, settings, overwrite=overwrite)
    except ParityError as error:
        return Exported(settings, path, error.parity, str(error), {})
    except (MissingPackageError, DataError) as error:
        return Exported(settings, path, None, str(error), {})
    return Exported(settings, path, parity, "", {})
