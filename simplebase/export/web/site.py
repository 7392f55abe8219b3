"""Writes the folder, and compares it with the model before it is moved into place."""

import html
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np

from simplebase.errors import DataError, ParityError, SimplebaseNote, one_line
from simplebase.export.export import Exporter
from simplebase.export.export_settings import (
    DEFAULT_SITE_QUANTIZATION,
    ExportSettings,
    Quantization,
    SiteSettings,
)
from simplebase.export.parity import Parity, limits_of
from simplebase.export.places import Place, parity_file
from simplebase.export.web.browser import find_chromium, running_in_browser
from simplebase.export.web.content import (
    DETECTOR_FILES,
    INDEX,
    LITERT,
    MODEL,
    PAGE,
    POSTER,
    site_place,
)
from simplebase.export.web.detector import SiteDetector, detector_images
from simplebase.export.web.litert_js import fetch_litert_js, write_litert_js
from simplebase.export.web.poster import write_poster
from simplebase.extras import import_with_extras
from simplebase.files import read_json, stored_bytes, write_json
from simplebase.metadata import ModelMetadata, metadata_file, read_metadata
from simplebase.metrics import oks_sigmas
from simplebase.progress import ProgressBar
from simplebase.zoo.fetching import Announce

MOST_BYTES = 16_000_000
"""Size that a folder should not exceed, so that it suits any static host and a visit by phone."""

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
        quantization: one of `SITE_QUANTIZATIONS`. The default is float16.
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
    chosen = SiteSettings(
        cast(Quantization, quantization or DEFAULT_SITE_QUANTIZATION)
    ).quantization
    place = site_place(output)
    place.require(overwrite=overwrite)
    path = place.path
    core, utils = fetch_litert_js(offline=offline, announce=announce, progress=progress)
    with place.replacing(overwrite=overwrite) as partial:
        partial.mkdir()
        with _kept_if_rejected(place, partial, f"its {MODEL}"):
            settings = ExportSettings("litert", chosen)
            model_parity = exporter.export(partial / MODEL, settings)
            parity_file(partial / MODEL).unlink()
        exporter.report("writing the page")
        # `.` has no name.
        _write_page(partial, title or path.resolve().name, detector)
        write_litert_js(partial / LITERT, core, utils)
        poster = write_poster(partial / POSTER, exporter.reference(), exporter.model.metadata)
        images = [] if detector is None else detector_images(exporter.reference().samples.dataset)
        if detector is not None:
            with _kept_if_rejected(place, partial, "its detector"):
                detector.check_file(partial, images)
        with _kept_if_rejected(place, partial, "in the browser"):
            parity, browser = _in_browser(exporter, partial, chosen, detector, images)
        site = ExportedSite(
            path, parity or model_parity, model_parity, browser, poster, _sizes(partial)
        )
        write_json(parity_file(partial), site.to_config())
    place.remove_rejected()
    if browser is None:
        warnings.warn(
            f"{path}: the model file was compared with the model, but the page was not run, "
            "because neither Chromium nor Chrome is installed here.",
            SimplebaseNote,
            stacklevel=2,
        )
    return site


def _write_page(folder: Path, title: str, detector: SiteDetector | None) -> None:
    page = files("simplebase.export.web").joinpath("page")
    for name in PAGE:
        (folder / name).write_bytes(page.joinpath(name).read_bytes())
    index = page.joinpath(INDEX).read_text(encoding="utf-8")
    text = index.replace(_TITLE, html.escape(title))
    (folder / INDEX).write_text(text, encoding="utf-8", newline="\n")
    sidecar = metadata_file(folder / MODEL)
    metadata = read_metadata(folder / MODEL)
    content = read_json(sidecar) | {"web": _for_page(folder / MODEL, metadata, title)}
    if detector is not None:
        content["web"]["detector"] = detector.write(folder)
    sidecar.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def _sizes(folder: Path) -> dict[str, int]:
    """Returns the bytes of the parts of a finished folder."""
    parts = {
        "model": (MODEL, f"{MODEL}.json"),
        "detector": DETECTOR_FILES,
        "LiteRT.js": (LITERT,),
        "page": (INDEX, *PAGE),
        "poster": (POSTER,),
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
def _kept_if_rejected(place: Place, partial: Path, part: str) -> Iterator[None]:
    """Keeps the folder as `.rejected` if the block finds that its results differ.

    Args:
        place: the place of the folder.
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
        report = {"passed": False, "faults": faults} if parity is None else parity.to_config()
        write_json(parity_file(partial), report)
        place.reject(partial)
        raise ParityError(
            f"the results of {place.path.name} ({part}) differ from those of the model: "
            f"{'; '.join(faults)}. It is kept as {place.rejected}, with "
            f"{parity_file(place.rejected).name}.",
            parity,
        ) from error
