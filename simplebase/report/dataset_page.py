"""Writes the findings of a check as a page with pictures."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from simplebase.data.checking import CheckReport, Finding, next_command
from simplebase.data.viewing import Sample, cut_samples, draw_sheet, draw_statistics
from simplebase.evaluation.sheets import found_samples
from simplebase.evaluation.suspects import Suspects
from simplebase.files import write_text
from simplebase.geometry import Crop, Size
from simplebase.report import page
from simplebase.shell import command_line

_SIZE: Size = (256, 256)
_EXAMPLES = 6
_SUSPECTS = 24
_LISTED = 20
_NAMED = 100  # most records in the command that selects them


def write_check_report(
    report: CheckReport,
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    suspects: Suspects | None = None,
    options: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Writes the findings of a check as one HTML page with embedded pictures.

    Args:
        report: the findings, with those of `suspects`.
        path: the file to write.
        folder: the dataset, for the title and the commands.
        suspects: labels of `report.usable` that a model contradicts.
        options: words of a command line that name the dataset's skeleton.
        overwrite: replace `path` if it exists.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    parts = [
        page.cards(
            {
                "records": f"{report.records:,}",
                "images": f"{report.images:,}",
                "errors": f"{report.errors:,}",
                "warnings": f"{report.warnings:,}",
            }
        ),
        page.section("Findings", _table(report)),
        *_suspects(report, suspects),
        *_by_kind(report),
        *_charts(report),
        page.section("Next steps", *_next_steps(report, str(folder), options)),
    ]
    title = f"Dataset {os.path.basename(os.path.abspath(folder))}"
    write_text(path, page.page(title, parts), overwrite=overwrite)


def _table(report: CheckReport) -> str:
    rows = [
        (findings[0].severity, kind, f"{len(findings):,}", _where(findings[0]))
        for kind, findings in report.by_kind().items()
    ]
    if not rows:
        return page.paragraph("Nothing was found.")
    return page.table(("", "finding", "count", "first example"), rows)


def _where(finding: Finding) -> str:
    parts = [] if finding.record is None else [f"record {finding.record}"]
    parts += [finding.img_paths] if finding.img_paths else []
    return f"{', '.join(parts)}: {finding.message}" if parts else finding.message


def _suspects(report: CheckReport, suspects: Suspects | None) -> Iterator[str]:
    if suspects is None or report.usable is None or not suspects.findings:
        return
    apart = [finding for finding in suspects.findings if finding.record is not None]
    chosen = apart[:: max(1, -(-len(apart) // _SUSPECTS))]
    rows = np.array([finding.record for finding in chosen])
    samples = found_samples(report.usable, suspects.predictions, rows, Crop(), _SIZE)
    drawn = draw_sheet(
        _in_file(samples, report), report.usable.skeleton, "labels that the model contradicts"
    )
    yield page.section(
        "Suspect labels",
        page.paragraph(
            f"The model contradicts labels of {len(apart):,} records; {len(chosen)} of them are "
            "drawn, spread over the dataset. Either the label or the prediction is wrong. Check "
            "which."
        ),
        page.picture(drawn, "White: the labels. In colour: what the model finds."),
    )


def _by_kind(report: CheckReport) -> Iterator[str]:
    """Yields a section for each kind: a list, and a sheet of the records that can be drawn."""
    for kind, findings in report.by_kind().items():
        parts = [page.listing([_where(finding) for finding in findings[:_LISTED]])]
        if len(findings) > _LISTED:
            parts.append(page.paragraph(f"and {len(findings) - _LISTED:,} more."))
        rows = _drawable(report, findings)
        if kind != "suspect-label" and len(rows) and report.usable is not None:
            samples = _in_file(cut_samples(report.usable, rows, Crop(), _SIZE), report)
            sheet = draw_sheet(samples, report.usable.skeleton, kind)
            parts.append(
                page.picture(sheet, f"{kind}: the first records with this finding, as labelled.")
            )
        yield page.section(kind, *parts)


def _drawable(report: CheckReport, findings: list[Finding]) -> np.ndarray:
    """Returns the rows of the first usable records among the findings."""
    place = {record: row for row, record in enumerate(report.rows)}
    named = dict.fromkeys(finding.record for finding in findings if finding.record in place)
    return np.array([place[record] for record in named][:_EXAMPLES], np.int64)


def _in_file(samples: list[Sample], report: CheckReport) -> list[Sample]:
    return [replace(sample, record=report.rows[sample.record]) for sample in samples]


def _charts(report: CheckReport) -> Iterator[str]:
    if report.usable is not None:
        charts = draw_statistics(report.usable, Crop())
        yield page.section("Labels", page.picture(charts, "Charts of all usable records."))


def _next_steps(report: CheckReport, folder: str, options: Sequence[str]) -> Iterator[str]:
    commands = []
    suspects = [each.record for each in report.by_kind().get("suspect-label", ())]
    if suspects:
        records = ",".join(str(record) for record in suspects[:_NAMED])
        select = ["simplebase", "data", "select", folder, "suspects", "--records", records]
        commands.append([*select, *options])
        commands.append(["simplebase", "convert", "to-labelme", "suspects", "suspects_labelme"])
    if len(suspects) > _NAMED:
        yield page.paragraph(
            f"The command selects the first {_NAMED} of {len(suspects):,} records with suspect "
            "labels."
        )
    if report.errors:
        yield page.paragraph("Training needs a dataset without errors. Correct them first.")
    else:
        commands.append(next_command(report, folder, options))
    yield page.commands([command_line(words) for words in commands])
