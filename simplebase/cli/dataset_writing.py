"""Arguments and printed reports of the commands that write a dataset folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import console, say, warn
from simplebase.progress import Progress
from simplebase.shell import command_line

if TYPE_CHECKING:
    from simplebase.converters import Conversion, ConversionReport

Output = Annotated[Path, typer.Argument(help="The dataset folder to write.")]
Images = Annotated[
    Literal["copy", "link", "none"],
    typer.Option(
        help="copy: copy the images; link: one link per image; none: one link to their folder."
    ),
]

Splits = Literal["train", "val", "all"]


def wanted_splits(val_split: float) -> Splits:
    """Returns the splits that should have records: without `val_split`, only the train split."""
    return "all" if val_split else "train"


def run_conversion(
    read: Callable[[Progress], "Conversion"],
    output: Path,
    images: Literal["copy", "link", "none"],
    overwrite: bool,
    json: Path | None,
    keypoint_files: Sequence[Path | None] = (),
    splits: Splits = "all",
) -> None:
    """Reads labels, writes a dataset folder and prints a report.

    It checks first that the outputs can be written.

    Args:
        read: reads the source. It is called with the function that shows the progress.
        output: the dataset folder to write.
        images: whether images are copied or linked.
        overwrite: replace the outputs if they exist.
        json: a file for the report.
        keypoint_files: text files of the skeleton. They must not be in the output folder.
        splits: the splits that should have records. The report warns if one of them is empty.
    """
    from simplebase.converters import write_dataset
    from simplebase.data.dataset import FOLDER_CONTENT, FOLDER_MARKERS
    from simplebase.files import require_output, write_json

    require_output(
        output,
        overwrite=overwrite,
        folder_markers=FOLDER_MARKERS,
        folder_content=FOLDER_CONTENT,
    )
    if json is not None:
        require_output(json, overwrite=overwrite)
    with options.progress_bar("converting") as progress:
        conversion = read(progress)
        conversion.sources += [path for path in keypoint_files if path]
        report = write_dataset(
            conversion, output, images=images, overwrite=overwrite, progress=progress
        )
    print_report(report, output, splits)
    say(f"next: {command_line(['simplebase', 'data', 'check', str(output)])}")
    if json is not None:
        write_json(json, report.to_config(), overwrite=overwrite)


def print_report(report: "ConversionReport", output: Path, splits: Splits = "all") -> None:
    """Prints the counts of both splits and what was left out; warns if one of `splits` is empty."""
    for note in report.notes:
        say(note)
    table = Table("", "records", "images", title=escape(str(output)))
    table.add_row("train", str(report.train_records), str(report.train_images))
    table.add_row("val", str(report.val_records), str(report.val_images))
    console.print(table)
    if report.left_out:
        left_out = Table("left out", "count")
        for reason, count in sorted(report.left_out.items()):
            left_out.add_row(escape(reason), str(count))
        console.print(left_out)
    _warn_of_missing_images(report, output)
    _warn_of_empty_splits(report, splits)


def _warn_of_missing_images(report: "ConversionReport", output: Path) -> None:
    """Warns if more records without an image were left out than records were written."""
    from simplebase.converters.conversion import NO_IMAGE

    missing = report.left_out.get(NO_IMAGE, 0)
    written = report.train_records + report.val_records
    if missing > written:
        warn(
            f"{output} has {written} of {written + missing} records, because the images of the "
            "others were not found. If you have them, put them beside those that were found and "
            "run the command again with --overwrite."
        )


def _warn_of_empty_splits(report: "ConversionReport", splits: Splits) -> None:
    """Warns if one of `splits` has no record, and says what to do."""
    records = {"train": report.train_records, "val": report.val_records}
    if all(count for split, count in records.items() if splits in (split, "all")):
        return
    if report.train_images + report.val_images == 1:
        remedy = "Both splits need an image, so label a second one."
    else:
        remedy = (
            "Draw the splits with `simplebase data split`, or run this command again with "
            "--overwrite and, if it has that option, --val-split."
        )
    if report.val_records:
        warn(f"no record is in the train split. {remedy}")
    else:
        warn(f"no record is held out, but training needs some to choose the best epoch. {remedy}")
