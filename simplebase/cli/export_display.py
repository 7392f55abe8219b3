"""The tables that `export` prints."""

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from simplebase.export import Exported, Parity


def parity_table(parity: "Parity") -> Table:
    """Returns a table that compares one file with its model."""
    table = Table("on the same images", "", "limit", title=f"{parity.images} images")
    limits = parity.limits

    def row(name: str, value: str, limit: float | None = None) -> None:
        table.add_row(name, value, "" if limit is None else f"{limit:g}")

    if parity.heatmap_max is not None:
        row("heatmaps, largest difference", f"{parity.heatmap_max:.2g}", limits.heatmap_max)
        row("heatmaps, 99.9th percentile", f"{parity.heatmap_p999:.2g}", limits.heatmap_p999)
        row("heatmaps, mean difference", f"{parity.heatmap_mean:.2g}")
    row("scores, largest difference", f"{parity.score_max:.2g}", limits.heatmap_max)
    row("keypoint distance, median", f"{parity.distance_median:.3f} px", limits.distance)
    row("keypoint distance, 99th percentile", f"{parity.distance_p99:.3f} px")
    if parity.labelled:
        row("PCK@0.5 of the model", f"{parity.model_pck:.3f}")
    against = "" if parity.labelled else " on the model's most confident keypoints"
    row(f"PCK@0.5 of the file{against}", f"{parity.file_pck:.3f}")
    # The flag z prints a tiny gain as 0.000 instead of -0.000.
    row("loss of PCK", f"{parity.model_pck - parity.file_pck:z.3f}", limits.pck)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def summary(exported: "list[Exported]") -> Table:
    """Returns a table of several files side by side."""
    # Two lines of headings leave room for whole names in 80 columns.
    headings = ("MB", "ms, 1\nthread", "ms, 2\nthreads", "PCK\n@0.5", "px\napart", "parity")
    parity = next((each.parity for each in exported if each.parity), None)
    title = None
    if parity is not None and parity.labelled:
        title = f"PCK@0.5 of the model: {parity.model_pck:.3f}"
    table = Table("file", *headings, title=title)
    table.columns[0].overflow = "fold"
    for column in table.columns[1:6]:
        column.justify = "right"
    for each in exported:
        parity = each.parity
        table.add_row(
            escape(each.path.name),
            "" if each.size is None else f"{each.size / 1e6:.1f}",
            *(f"{each.latency[n]:.1f}" if n in each.latency else "" for n in (1, 2)),
            "" if parity is None else f"{parity.file_pck:.3f}",
            "" if parity is None else f"{parity.distance_median:.3f}",
            each.state,
        )
    return table


def site_size(sizes: dict[str, int]) -> list[str]:
    """How large a folder for a web server is, and what it is made of."""
    from simplebase.export.web import MOST_BYTES

    total = sum(sizes.values())
    parts = ", ".join(f"{part} {_megabytes(size)}" for part, size in sizes.items())
    lines = [f"{_megabytes(total)} MB: {parts}. A visitor loads a third of LiteRT.js."]
    if total > MOST_BYTES:
        lines.append(
            f"more than {MOST_BYTES / 1e6:.0f} MB. `--quantize float16` halves the model of `none` "
            "and is as fast; `int8` halves it again. A smaller preset helps most."
        )
    return lines


def _megabytes(size: int) -> str:
    """In MB; small parts with more digits."""
    return f"{size / 1e6:.1f}" if size >= 100_000 else f"{size / 1e6:.2f}"
