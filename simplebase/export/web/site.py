"""Writing the folder, and comparing it with the model before it is handed over."""

import html
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from simplebase.errors import (
    ArgumentError,
    DataError,
    OutputExistsError,
    ParityError,
    SimplebaseNote,
    one_line,
)
from simplebase.export.export import Exporter, parity_file, rejected_file
from simplebase.export.export_settings import ExportSettings, Quantization
from simplebase.export.parity import Parity, limits_of
from simplebase.export.web.browser import find_chromium, running_in_browser
from simplebase.export.web.litert_js import fetch_litert_js, write_litert_js
from simplebase.export.web.poster import write_poster
from simplebase.extras import import_with_extras
from simplebase.files import read_json, replacing, require_output, write_json
from simplebase.metadata import ModelMetadata, metadata_file, read_metadata
from simplebase.metrics import oks_sigmas
from simplebase.progress import ProgressBar
from simplebase.zoo.fetching import Announce

QUANTIZATIONS: tuple[Quantization, ...] = ("float16", "none", "int8")
"""That a page can have, the default first: half the download of `none`, as fast, and as exact."""

_MODEL, _POSTER, _INDEX = "model.tflite", "poster.jpg", "index.html"
_PAGE = ("style.css", "page.js", "pose.js")
MARKERS = (_INDEX, "pose.js", _MODEL)
"""What every folder of ours holds: one without is somebody else's, and is not replaced."""
CONTENT = (*MARKERS, *_PAGE, f"{_MODEL}.json", _POSTER, "litert")
_TITLE = "{{title}}"


@dataclass(frozen=True)
class ExportedSite:
    """What became of an export.

    Args:
        path: the folder.
        parity: of the page in a browser with the model; without a browser, of the model file.
        model_parity: of the model file in this machine's LiteRT.
        browser: name and version of the browser that ran the page; None: none was found.
        poster: name of the image that `poster.jpg` is from.
    """

    path: Path
    parity: Parity
    model_parity: Parity
    browser: str | None
    poster: str

    def to_config(self) -> dict[str, Any]:
        """Plain values for JSON: those of `parity`, and the rest."""
        return {
            **self.parity.to_config(),
            "browser": self.browser,
            "poster": self.poster,
            "model_file": self.model_parity.to_config(),
        }


def export_site(
    exporter: Exporter,
    output: str | os.PathLike[str],
    quantization: str | None = None,
    *,
    title: str | None = None,
    overwrite: bool = False,
    announce: Announce,
    progress: ProgressBar | None = None,
) -> ExportedSite:
    """Writes a folder of static files that runs the model in a browser.

    The model file is compared with the model as any export; then the finished folder is run in
    headless Chromium, where one is installed, and its keypoints are compared.

    Args:
        exporter: of the model.
        output: the folder.
        quantization: one of `QUANTIZATIONS`, by default the first.
        title: of the page; by default the folder's name.
        overwrite: replace a folder that an earlier export wrote.
        announce: called with one line before LiteRT.js is downloaded.
        progress: opens a progress bar for that.

    Raises:
        ArgumentError: a page cannot have this quantization, or int8 cannot be calibrated.
        OutputExistsError: the folder exists and may not be replaced.
        MissingPackageError: the packages of LiteRT are not installed.
        DownloadError: LiteRT.js is not in the cache and cannot be fetched.
        DataError: the conversion fails.
        ParityError: the page does not answer as the model does; it is kept under another name.
    """
    path = require_site_place(output, quantization, overwrite=overwrite)
    chosen = cast(Quantization, quantization or QUANTIZATIONS[0])
    core, utils = fetch_litert_js(announce=announce, progress=progress)
    with _replacing_site(path, overwrite=overwrite) as partial:
        partial.mkdir()
        with _kept_if_rejected(path, partial, f"by its {_MODEL}"):
            settings = ExportSettings("litert", chosen)
            model_parity = exporter.export(partial / _MODEL, settings)
            parity_file(partial / _MODEL).unlink()
        exporter.report("writing the page")
        # `.` has no name of its own.
        _write_page(partial, title or path.resolve().name)
        write_litert_js(partial / "litert", core, utils)
        poster = write_poster(partial / _POSTER, exporter.reference(), exporter.model.metadata)
        with _kept_if_rejected(path, partial, "in the browser"):
            parity, browser = _in_browser(exporter, partial, chosen)
        site = ExportedSite(path, parity or model_parity, model_parity, browser, poster)
        write_json(parity_file(partial), site.to_config())
    _remove_rejected(path)
    if browser is None:
        warnings.warn(
            f"{path}: the model file was compared with the model, but the page was not run, "
            "because neither Chromium nor Chrome is installed here.",
            SimplebaseNote,
            stacklevel=2,
        )
    return site


def require_site_place(
    output: str | os.PathLike[str], quantization: str | None, *, overwrite: bool
) -> Path:
    """`output`, if a site may be written there; raises as `export_site`."""
    if quantization not in (None, *QUANTIZATIONS):
        raise ArgumentError(
            f"web has the quantizations {', '.join(QUANTIZATIONS)}. Received: {quantization!r}."
        )
    path = require_output(
        output, overwrite=overwrite, folder_markers=MARKERS, folder_content=CONTENT
    )
    require_output(parity_file(path), overwrite=overwrite)
    rejected = rejected_file(path)
    if rejected.exists() and not parity_file(rejected).exists():
        raise OutputExistsError(
            f"{rejected} is where a folder would be kept that does not pass, and is something "
            "else. Move it away."
        )
    return path


def _write_page(folder: Path, title: str) -> None:
    page = files("simplebase.export.web").joinpath("page")
    for name in _PAGE:
        (folder / name).write_bytes(page.joinpath(name).read_bytes())
    index = page.joinpath(_INDEX).read_text(encoding="utf-8")
    text = index.replace(_TITLE, html.escape(title))
    (folder / _INDEX).write_text(text, encoding="utf-8", newline="\n")
    sidecar = metadata_file(folder / _MODEL)
    metadata = read_metadata(folder / _MODEL)
    content = read_json(sidecar) | {"web": _for_page(folder / _MODEL, metadata, title)}
    sidecar.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def _for_page(model: Path, metadata: ModelMetadata, title: str) -> dict[str, Any]:
    """What the page needs and the metadata do not say."""
    sigmas, _ = oks_sigmas(metadata.skeleton)
    port = import_with_extras("simplebase.runtimes.litert").output_port(model)
    return {
        "title": title,
        "bytes": model.stat().st_size,
        "colours": ["#{:02x}{:02x}{:02x}".format(*link.rgb) for link in metadata.skeleton.links],
        "sigmas": sigmas.tolist(),
        "heatmap_scale": port.scale,
        "heatmap_zero_point": port.zero_point,
    }


def _in_browser(
    exporter: Exporter, folder: Path, quantization: Quantization
) -> tuple[Parity | None, str | None]:
    """How the page compares, and in which browser; None where there is none.

    Raises:
        ParityError: it is beyond the limits, or does not run.
    """
    chromium = find_chromium()
    if chromium is None:
        return None, None
    exporter.report("checking the page in Chromium")
    limits = limits_of(quantization, exporter.tolerance)
    try:
        with running_in_browser(folder, exporter.model.metadata, chromium) as runtime:
            parity = exporter.reference().compare(runtime, limits)
            browser = runtime.browser
    except DataError as error:
        raise ParityError(one_line(error).rstrip("."), None) from error
    if parity.faults:
        raise ParityError(f"in {browser}: {'; '.join(parity.faults)}", parity)
    return parity, browser


@contextmanager
def _kept_if_rejected(path: Path, partial: Path, part: str) -> Iterator[None]:
    """Keeps the folder apart where the block finds that it does not answer as the model does.

    Args:
        path: of the folder.
        partial: where it lies until it is finished.
        part: of it, that the block compares.

    Raises:
        ParityError: the block raised one.
    """
    try:
        yield
    except ParityError as error:
        parity = error.parity
        # Without a comparison the error says why there is none, and where the file lay till now.
        faults = [str(error).partition(". It is kept as")[0]] if parity is None else parity.faults
        rejected = rejected_file(path)
        _remove_rejected(path)
        os.replace(partial, rejected)
        report = {"passed": False, "faults": faults} if parity is None else parity.to_config()
        write_json(parity_file(rejected), report)
        raise ParityError(
            f"{path.name} does not answer as the model does, {part}: {'; '.join(faults)}. It is "
            f"kept as {rejected}, with {parity_file(rejected).name}.",
            parity,
        ) from error


def _remove_rejected(path: Path) -> None:
    rejected = rejected_file(path)
    if rejected.is_dir():
        shutil.rmtree(rejected)
    parity_file(rejected).unlink(missing_ok=True)


@contextmanager
def _replacing_site(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """As `replacing`, for the folder and the comparison beside it."""
    with ExitStack() as stack:
        # What is entered last is moved first: the folder comes when all else is there.
        partial = stack.enter_context(
            replacing(path, overwrite=overwrite, folder_markers=MARKERS, folder_content=CONTENT)
        )
        report = stack.enter_context(replacing(parity_file(path), overwrite=overwrite))
        yield partial
        shutil.copyfile(parity_file(partial), report)
