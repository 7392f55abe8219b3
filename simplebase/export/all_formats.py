"""Exports a model to every format whose packages are installed."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simplebase.benchmarking import measure_models
from simplebase.errors import (
    DataError,
    DownloadError,
    MissingPackageError,
    OutOfMemoryError,
    ParityError,
    SimplebaseNote,
    SimplebaseWarning,
)
from simplebase.export.export import Exporter
from simplebase.export.export_settings import SITE_SUFFIX, ExportSettings, SiteSettings
from simplebase.export.parity import Parity
from simplebase.export.places import file_place
from simplebase.export.web import export_site
from simplebase.export.web.content import site_place
from simplebase.files import stored_bytes

THREADS = (1, 2)
"""Numbers of threads with which each file is timed."""

SECONDS = 2.0


@dataclass
class Exported:
    """The result of the export to one format.

    Args:
        settings: the format and its settings.
        path: path of the file, whether or not it was written.
        parity: comparison with the model; None if the file could not be written.
        problem: why there is no file; empty if there is one.
        failed: True if the export failed, False if only a package or LiteRT.js is not installed.
        latency: median milliseconds per image, by the number of threads.
        device: the device of the timing, see `ArtifactProcess.device`; empty if it was not timed.
    """

    settings: ExportSettings | SiteSettings
    path: Path
    parity: Parity | None
    problem: str = ""
    failed: bool = False
    latency: dict[int, float] = field(default_factory=dict)
    device: str = ""

    @property
    def size(self) -> int | None:
        """The size of the file in bytes."""
        return None if self.problem else stored_bytes(self.path)

    @property
    def state(self) -> str:
        """`passed`, `failed` or `not installed`."""
        if not self.problem:
            return "passed"
        return "failed" if self.failed else "not installed"

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            "format": self.settings.format,
            "quantization": self.settings.quantization,
            "path": str(self.path),
            "bytes": self.size,
            "median_ms": {str(threads): value for threads, value in self.latency.items()},
            "device": self.device,
            "parity": None if self.parity is None else self.parity.to_config(),
            "problem": self.problem,
        }


def export_all(
    exporter: Exporter,
    plan: Sequence[tuple[ExportSettings, Path]],
    *,
    site: Path | None = None,
    overwrite: bool = False,
) -> list[Exported]:
    """Writes a file of every installed format, and times the files.

    Nothing is downloaded: without LiteRT.js in the cache, there is no site.

    Args:
        exporter: the model's exporter.
        plan: the result of `plan_all_formats`.
        site: the folder for a web server, which is not timed; None for no such folder.
        overwrite: replace files that exist.

    Raises:
        OutputExistsError: a file exists and `overwrite` is off; then nothing is written.
        ArgumentError: int8 cannot be calibrated.
        DataError: the results cannot be compared, or an image cannot be read.
    """
    for settings, path in plan:
        file_place(path, settings).require(overwrite=overwrite)
    if site is not None:
        site_place(site).require(overwrite=overwrite)
    exporter.prepare()
    done = [_export(exporter, settings, path, overwrite) for settings, path in plan]
    written = [each.path for each in done if not each.problem]
    for threads in THREADS:
        exporter.report(f"timing with {threads} thread{'s' if threads > 1 else ''}")
        try:
            speeds = measure_models(written, threads=threads, batch_sizes=(1,), seconds=SECONDS)
        except (DataError, OutOfMemoryError) as error:
            # The files are complete, so an interruption of the timing must not lose their results.
            warnings.warn(str(error), SimplebaseWarning, stacklevel=2)
            break
        for path, speed in zip(written, speeds, strict=True):
            [each] = [each for each in done if each.path == path]
            each.latency[threads] = speed.latency(50)
            each.device = speed.device
    if site is not None:
        done.append(_export_site(exporter, site, overwrite))
    return done


def _export(exporter: Exporter, settings: ExportSettings, path: Path, overwrite: bool) -> Exported:
    return _tried(settings, path, lambda: exporter.export(path, settings, overwrite=overwrite))


def _export_site(exporter: Exporter, path: Path, overwrite: bool) -> Exported:
    settings = SiteSettings()

    def write() -> Parity:
        site = export_site(
            exporter,
            path,
            settings.quantization,
            title=path.name.removesuffix(SITE_SUFFIX),
            overwrite=overwrite,
            offline=True,
            announce=exporter.report,
        )
        note = f"{path}: poster.jpg is from {site.poster}; replace it before you publish the page"
        warnings.warn(note, SimplebaseNote, stacklevel=2)
        return site.parity

    return _tried(settings, path, write)


def _tried(
    settings: ExportSettings | SiteSettings, path: Path, write: Callable[[], Parity]
) -> Exported:
    """Returns what came of `write`, so that one format does not end the others."""
    try:
        return Exported(settings, path, write())
    except (MissingPackageError, DownloadError) as error:
        return Exported(settings, path, None, str(error))
    except ParityError as error:
        return Exported(settings, path, error.parity, str(error), failed=True)
    except (DataError, OutOfMemoryError) as error:
        return Exported(settings, path, None, str(error), failed=True)
