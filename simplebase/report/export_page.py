"""Writes the comparison of exported files with their model as a page with pictures."""

import os
from collections.abc import Sequence

import numpy as np

from simplebase.data.viewing import Sample, draw_sheet
from simplebase.export import Exported, Parity
from simplebase.export.parity import Reference
from simplebase.files import write_text
from simplebase.report import page

_SAMPLES = 12
_LEAST_SCORE = 0.1
"""Score below which a keypoint is not drawn."""


def write_export_report(
    reference: Reference,
    exported: Sequence[Exported],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> None:
    """Writes the comparison of exported files with their model as one HTML page.

    Args:
        reference: the model's results on the images of the comparison.
        exported: the files, including failed ones.
        path: the file to write.
        overwrite: replace `path` if it exists.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    compared = [(each, each.parity) for each in exported if each.parity is not None]
    parts = [page.section("Files", _table(exported))]
    for each, parity in compared:
        parts.append(_file(reference, each, parity))
    title = f"Export of {exported[0].path.name}" if len(exported) == 1 else "Exports"
    write_text(path, page.page(title, parts), overwrite=overwrite)


def _table(exported: Sequence[Exported]) -> str:
    headings = ("file", "", "MB", "ms", "PCK@0.5 of the model", "of the file", "px apart")
    rows = []
    for each in exported:
        parity = each.parity
        rows.append(
            (
                each.path.name,
                each.state,
                "" if each.size is None else f"{each.size / 1e6:.1f}",
                f"{each.latency[1]:.1f}" if 1 in each.latency else "",
                "" if parity is None or not parity.labelled else f"{parity.model_pck:.3f}",
                "" if parity is None else f"{parity.file_pck:.3f}",
                "" if parity is None else f"{parity.distance_median:.3f}",
            )
        )
    note = (
        "All files are compared on the same images. px apart: between the keypoints of the model "
        "and of the file, in pixels of the input, at the median. ms: one image, one thread."
    )
    if any(each.parity is not None and not each.parity.labelled for each in exported):
        note += (
            " Without labels, PCK counts how many of the model's most confident keypoints a file "
            "finds."
        )
    return page.paragraph(note) + page.table(headings, rows, numbers=5)


def _file(reference: Reference, each: Exported, parity: Parity) -> str:
    parts = [page.paragraph(each.problem)] if each.problem else []
    limits = parity.limits
    rows = [
        ("heatmaps, largest difference", parity.heatmap_max, limits.heatmap_max),
        ("heatmaps, 99.9th percentile", parity.heatmap_p999, limits.heatmap_p999),
        ("scores, largest difference", parity.score_max, limits.heatmap_max),
        ("keypoint distance, median, px", parity.distance_median, limits.distance),
        ("keypoint distance, 99th percentile, px", parity.distance_p99, None),
        ("loss of PCK", parity.model_pck - parity.file_pck, limits.pck),
    ]
    parts.append(
        page.table(
            (f"on {parity.images} images", "", "limit"),
            [
                (name, f"{value:z.3g}", "" if limit is None else f"{limit:g}")
                for name, value, limit in rows
                if value is not None
            ],
            numbers=2,
        )
    )
    if parity.found is not None:
        caption = (
            "The samples on which the file differs most. White: what the model finds. "
            "In colour: what the file finds. The number is the mean distance in pixels."
        )
        parts.append(page.picture(_sheet(reference, parity.found), caption))
    return page.section(each.path.name, *parts)


def _sheet(reference: Reference, found: np.ndarray) -> np.ndarray:
    """Draws the samples whose keypoints are furthest apart."""
    model = reference.keypoints
    seen = (model[..., 2] >= _LEAST_SCORE) | (found[..., 2] >= _LEAST_SCORE)
    distance = np.linalg.norm(found[..., :2] - model[..., :2], axis=-1)
    distance = np.where(np.isfinite(distance), distance, max(reference.samples.crops.shape[1:3]))
    apart = np.where(seen, distance, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    rows = np.argsort(-apart, kind="stable")[:_SAMPLES]
    dataset = reference.samples.dataset
    samples = [
        Sample(
            int(row),
            dataset.records.paths[row],
            reference.samples.crops[row],
            _drawable(found[row]),
            truth=_drawable(model[row]),
            note=f"{apart[row]:.2f} px",
        )
        for row in rows
    ]
    return draw_sheet(samples, reference.truth.skeleton, "model and file", truth="the model")


def _drawable(keypoints: np.ndarray) -> np.ndarray:
    """Returns `(K, 3)` with a visibility instead of the score."""
    seen = keypoints[:, 2:] >= _LEAST_SCORE
    return np.concatenate([keypoints[:, :2], np.where(seen, 2.0, 0.0)], axis=-1)
