"""Writes the folder, and compares it with the model before it is moved into place."""

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

import numpy as np

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
from simplebase.export.web.detector import DETECTOR_FILES, SiteDetector, detector_images
from simplebase.export.web.litert_js import fetch_litert_js, write_litert_js
from simplebase.export.web.poster import write_poster
from simplebase.extras import import_with_extras
from simplebase.files import read_json, replacing, require_output, stored_bytes, write_json
from simplebase.metadata import ModelMetadata, metadata_file, read_metadata
from simplebase.metrics import oks_sigmas
from simplebase.progress import ProgressBar
from simplebase.zoo.fetching import Announce

QUANTIZATIONS: tuple[Quantization, ...] = ("float16", "none", "int8")
"""Quantizations for a page. The default is first: half of the size of `none`, as fast and exact."""

MOST_BYTES = 16_000_000
"""Size that a folder should not exceed, so that it suits any static host and a visit by phone."""

_MODEL, _POSTER, _INDEX, _LITERT = "model.tflite", "poster.jpg", "index.html", "litert"
_PAGE = ("style.css", "page.js", "pose.js")
MARKERS = (_INDEX, "pose.js", _MODEL)
"""Files of every exported folder. A folder without them is not replaced."""
CONTENT = (*MARKERS, *_PAGE, f"{_MODEL}.json", _POSTER, _LITERT, *DETECTOR_FILES)
_TITLE = "{{title}}"


@dataclass(frozen=True)
class ExportedSite:
    """The result of an export.

    Args:
        path: the folder.
        parity: comparison of the page in a browser; without a browser, of the model file.
        model_parity: comparison of the model file in this machine's LiteRT.
        browser: name and version of the browser that ran the page; None if none was found.
        poster: name of the image that `poster.jpg` is from.
        sizes: bytes of the folder's parts: `model`, `detector`, `LiteRT.js`, `page` and `poster`.
    """

    path: Path
    parity: Parity
    model_parity: Parity
    browser: str | None
    poster: str
    sizes: dict[str, int]

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON: those of `parity`, and the rest."""
        return {
            **self.parity.to_config(),
            "browser": self.browser,
            "poster": self.poster,
            "bytes": self.sizes,
            "model_file": self.model_parity.to_config(),
        }


def export_site(
    exporter: Exporter,
    output: str | os.PathLike[str],
    quantization: str | None = None,
    *,
    detector: SiteDetector | None = None,
    title: str | None = None,
    overwrite: bool = False,
    offline: bool = False,
    announce: Announce,
    progress: ProgressBar | None = None,
) -> ExportedSite:
    """Writes a folder of static files that runs the model in a browser.

    The model file is compared with the model like any export. Then, if Chromium is installed, the
    finished folder is run in it without a window, and its keypoints are compared.

    Args:
        exporter: the model's exporter.
        output: the folder.
        quantization: one of `QUANTIZATIONS`. The default is the first.
        detector: finds the objects; without it, the page looks for one in the whole image.
        title: title of the page. The default is the folder's name.
        overwrite: replace a folder that an earlier export wrote.
        offline: do not download LiteRT.js.
        announce: is called with one line before LiteRT.js is downloaded.
        progress: opens a progress bar for the download.

    Raises:
        ArgumentError: the quantization is not possible for a page, or int8 cannot be calibrated.
        OutputExistsError: the folder exists and may not be replaced.
        MissingPackageError: the packages of LiteRT are not installed.
        DownloadError: LiteRT.js is not in the cache and cannot be downloaded.
        DataError: the conversion fails.
        ParityError: the page's results differ from the model's. It is kept as `.rejected`.
    """
    path = require_site_place(output, quantization, overwrite=overwrite)
    chosen = cast(Quantization, quantization or QUANTIZATIONS[0])
    core, utils = fetch_litert_js(offline=offline, announce=announce, progress=progress)
    with _replacing_site(path, overwrite=overwrite) as partial:
        partial.mkdir()
        with _kept_if_rejected(path, partial, f"its {_MODEL}"):
            settings = ExportSettings("litert", chosen)
            model_parity = exporter.export(partial / _MODEL, settings)
            parity_file(partial / _MODEL).unlink()
        exporter.report("writing the page")
        # `.` has no name.
        _write_page(partial, title or path.resolve().name, detector)
        write_litert_js(partial / _LITERT, core, utils)
        poster = write_poster(partial / _POSTER, exporter.reference(), exporter.model.metadata)
        images = [] if detector is None else detector_images(exporter.reference().samples.dataset)
        if detector is not None:
            with _kept_if_rejected(path, partial, "its detector"):
                detector.check_file(partial, images)
        with _kept_if_rejected(path, partial, "in the browser"):
            parity, browser = _in_browser(exporter, partial, chosen, detector, images)
        site = ExportedSite(
            path, parity or model_parity, model_parity, browser, poster, _sizes(partial)
        )
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
    """Returns `output` after checking that a site may be written there; see `export_site`."""
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
            f"{rejected} is not a rejected export, but a rejected folder would be kept there. "
            "Move it away."
        )
    return path


def _write_page(folder: Path, title: str, detector: SiteDetector | None) -> None:
    page = files("simplebase.export.web").joinpath("page")
    for name in _PAGE:
        (folder / name).write_bytes(page.joinpath(name).read_bytes())
    index = page.joinpath(_INDEX).read_text(encoding="utf-8")
    text = index.replace(_TITLE, html.escape(title))
    (folder / _INDEX).write_text(text, encoding="utf-8", newline="\n")
    sidecar = metadata_file(folder / _MODEL)
    metadata = read_metadata(folder / _MODEL)
    content = read_json(sidecar) | {"web": _for_page(folder / _MODEL, metadata, title)}
    if detector is not None:
        content["web"]["detector"] = detector.write(folder)
    sidecar.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def _sizes(folder: Path) -> dict[str, int]:
    """Returns the bytes of the parts of a finished folder."""
    parts = {
        "model": (_MODEL, f"{_MODEL}.json"),
        "detector": DETECTOR_FILES,
        "LiteRT.js": (_LITERT,),
        "page": (_INDEX, *_PAGE),
        "poster": (_POSTER,),
    }
    sizes = {
        part: sum(stored_bytes(folder / name) for name in names if (folder / name).exists())
        for part, names in parts.items()
    }
    return {part: size for part, size in sizes.items() if size}


def _for_page(model: Path, metadata: ModelMetadata, title: str) -> dict[str, Any]:
    """Returns the settings that the page needs in addition to the metadata."""
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
    exporter: Exporter,
    folder: Path,
    quantization: Quantization,
    detector: SiteDetector | None,
    images: list[np.ndarray],
) -> tuple[Parity | None, str | None]:
    """Returns the page's comparison and the browser; None if there is no browser.

    Raises:
        ParityError: the page exceeds the limits, or does not run.
    """
    chromium = find_chromium()
    if chromium is None:
        return None, None
    exporter.report("checking the page in Chromium")
    limits = limits_of(quantization, exporter.tolerance)
    try:
        with running_in_browser(folder, exporter.model.metadata, chromium) as runtime:
            parity = exporter.reference().compare(runtime, limits)
            if detector is not None:
                detector.check_page(runtime, images)
            browser = runtime.browser
    except DataError as error:
        raise ParityError(one_line(error).rstrip("."), None) from error
    if parity.faults:
        raise ParityError(f"in {browser}: {'; '.join(parity.faults)}", parity)
    return parity, browser


@contextmanager
def _kept_if_rejected(path: Path, partial: Path, part: str) -> Iterator[None]:
    """Keeps the folder as `.rejected` if the block finds that its results differ.

    Args:
        path: the final path of the folder.
        partial: its path until it is finished.
        part: the part of it that the block compares.

    Raises:
        ParityError: the block raised one.
    """
    try:
        yield
    except ParityError as error:
        parity = error.parity
        # If there is no comparison, the error says why, followed by the temporary path.
        faults = (
            [str(error).partition(". The file is kept as")[0]] if parity is None else parity.faults
        )
        rejected = rejected_file(path)
        _remove_rejected(path)
        os.replace(partial, rejected)
        report = {"passed": False, "faults": faults} if parity is None else parity.to_config()
        write_json(parity_file(rejected), report)
        raise ParityError(
            f"the results of {path.name} ({part}) differ from those of the model: "
            f"{'; '.join(faults)}. It is kept as {rejected}, with {parity_file(rejected).name}.",
            parity,
        ) from error


def _remove_rejected(path: Path) -> None:
    rejected = rejected_file(path)
    if rejected.is_dir():
        shutil.rmtree(rejected)
    parity_file(rejected).unlink(missing_ok=True)


@contextmanager
def _replacing_site(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Like `replacing`, for the folder and its comparison file."""
    with ExitStack() as stack:
        # The path that is entered last is moved first, so the folder appears last.
        partial = stack.enter_context(
            replacing(path, overwrite=overwrite, folder_markers=MARKERS, folder_content=CONTENT)
        )
        report = stack.enter_context(replacing(parity_file(path), overwrite=overwrite))
        yield partial
        shutil.copyfile(parity_file(partial), report)
