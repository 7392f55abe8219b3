"""`simplebase data ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from simplebase.cli import model_options, options
from simplebase.cli.app import app, console, import_tensorflow, say
from simplebase.cli.commands import DATA
from simplebase.errors import ArgumentError, counted
from simplebase.presets.choices import DEFAULT_PRESET
from simplebase.shell import command_line

if TYPE_CHECKING:
    from simplebase.data.checking import CheckReport
    from simplebase.runtimes import Runtime

data_app = typer.Typer(no_args_is_help=True, help="Make, check and view datasets.")
app.add_typer(data_app, name="data", rich_help_panel=DATA)


@data_app.command()
def synthesize(
    folder: Annotated[Path, typer.Argument(help="The dataset folder to write.")],
    count: Annotated[
        int, typer.Option(help="Number of figures; every fifth is for validation.")
    ] = (1500),
    seed: Annotated[int, typer.Option(help="The same seed draws the same figures.")] = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw a dataset of articulated figures with exact keypoints (skeleton mpii).

    Example:

        simplebase data synthesize data/figures --count 3000 --seed 1
    """
    from simplebase.data.synthetic import synthesize as draw_dataset

    with options.progress_bar("drawing") as progress:
        draw_dataset(folder, count=count, seed=seed, overwrite=overwrite, progress=progress)
    say(f"{folder}: {counted(count, 'figure')}")
    say(f"next: {command_line(['simplebase', 'train', '--dataset', str(folder)])}")


@data_app.command()
def check(
    folder: Annotated[str, typer.Argument(help="A dataset folder or a packed dataset.")],
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    depth_range: options.DepthRangeText = None,
    model: Annotated[
        Path | None,
        typer.Option(
            callback=model_options.open_runnable,
            help="Also find labels that this model contradicts: a file of any format, or the name "
            "of a pretrained model such as person-mini.",
        ),
    ] = None,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write an HTML page with pictures."),
    ] = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Find errors in the records, labels and images of a dataset.

    Every image is decoded completely. The exit code is 1 if there is an error; warnings do not
    count, because they may be intended. The table shows some examples. --json writes all findings,
    and --report shows pictures of them.

    Examples:

        simplebase data check data/cows

        simplebase data check data/people --model person-mini --report people.html

        simplebase data check data/mpii --skeleton mpii --json findings.json
    """
    from simplebase.data.checking import check_dataset, next_command
    from simplebase.data.packed import is_packed
    from simplebase.files import require_output, write_json

    for file in (json, report_file):
        if file is not None:
            require_output(file, overwrite=overwrite)
    if model is not None and is_packed(folder):
        raise ArgumentError(
            f"{folder} is packed, so --model cannot check its labels. Check the folder from which "
            "it was packed."
        )
    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    options.prepare_for(folder)
    runtime = None if model is None else _open_model(model)
    with options.progress_bar("decoding images") as progress:
        report = check_dataset(folder, chosen, progress, options.parse_depth_range(depth_range))
    suspects = None
    if runtime is not None and report.usable is None:
        say("No label was compared with the model, because no record is usable.")
    elif runtime is not None and report.usable is not None:
        from simplebase.evaluation import suspect_labels

        with options.progress_bar("comparing labels") as progress:
            suspects = suspect_labels(runtime, report.usable, progress)
        report = report.with_findings(suspects.findings)
    if json is not None:
        write_json(json, report.to_config(), overwrite=overwrite)
    _print_report(folder, report)
    if suspects is not None:
        say(f"{counted(suspects.compared, 'label')} compared with {model}")
    named = {"skeleton": skeleton, "classes-path": classes_path}
    named |= {"matchpoint-path": matchpoint_path, "skeleton-path": skeleton_path}
    own = [part for key, value in named.items() if value for part in (f"--{key}", str(value))]
    if report_file is not None:
        import_tensorflow()
        from simplebase.report import write_check_report

        write_check_report(
            report, report_file, folder, suspects=suspects, options=own, overwrite=overwrite
        )
        say(f"{report_file}: open it in a browser")
    if is_packed(folder):
        say(
            "For a packed dataset, only the checksums are verified. Check "
            "the labels before packing."
        )
    if report.errors:
        raise typer.Exit(1)
    say(f"next: {command_line(next_command(report, folder, own))}")


def _open_model(model: Path) -> "Runtime":
    model_options.prepare_for_model(model)
    from simplebase.runtimes import load_runtime

    return load_runtime(model)


_EXAMPLES = 3
_LONGEST = 240  # most characters of an example


def _print_report(folder: str, report: "CheckReport") -> None:
    table = Table("", "finding", "count", "examples (record, image)", title=escape(folder))
    table.columns[2].justify = "right"
    for kind, findings in report.by_kind().items():
        lines = []
        for finding in findings[:_EXAMPLES]:
            where = "" if finding.record is None else f"{finding.record} "
            where += f"{finding.img_paths}: " if finding.img_paths else ""
            # Text in a record may not be valid Unicode.
            line = (where + finding.message).encode("utf-8", "replace").decode()
            lines.append(line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "...")
        severity = findings[0].severity
        style = "red" if severity == "error" else "yellow"
        table.add_row(f"[{style}]{severity}[/]", kind, str(len(findings)), escape("\n".join(lines)))
        table.add_section()
    if report.findings:
        console.print(table)
    say(
        f"{folder}: {counted(report.records, 'record')}, {counted(report.images, 'image')}, "
        f"{counted(report.errors, 'error')}, {counted(report.warnings, 'warning')}"
    )


@data_app.command()
def view(
    folder: Annotated[
        Path | None, typer.Argument(help="The dataset folder.", metavar="FOLDER")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Argument(
            help="Image file to write. [default: ./FOLDER_sheet.png]", metavar="[OUT.png]"
        ),
    ] = None,
    pseudo: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Instead of FOLDER: show the keypoints that a run learns from in its unlabelled "
            "images. With a mean teacher, RUN may also be one of its checkpoints.",
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Number of samples.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same samples.")] = 0,
    image_set: Annotated[
        Literal["train", "val", "all"], typer.Option(help="Split to show: train, val or all.")
    ] = "train",
    augmented: Annotated[
        bool, typer.Option("--augmented", help="Show augmented samples with target heatmaps.")
    ] = False,
    preset: Annotated[
        str, typer.Option(help="Preset whose crop and input size to use: a name or a YAML file.")
    ] = DEFAULT_PRESET,
    recipe: Annotated[
        str | None,
        typer.Option(help="Recipe whose augmentation to use. [default: the preset's]"),
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(help="HEIGHTxWIDTH. [default: the recipe's, else the preset's]"),
    ] = None,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    depth_range: options.DepthRangeText = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw a sheet of samples with their skeletons, and charts of the dataset.

    The samples are cropped as the network sees them. The charts describe all records: visibility,
    positions in the crop, sizes, box shapes and objects per image. They are written to
    OUT_statistics.png.

    Examples:

        simplebase data view data/cows

        simplebase data view data/cows augmented.png --augmented --recipe default --count 12

        simplebase data view --pseudo runs/self
    """
    from simplebase.files import require_output
    from simplebase.images import require_image_suffix, write_image
    from simplebase.metadata import ModelMetadata

    if pseudo is not None:
        # With --pseudo, the first argument is the image to write.
        _view_pseudo(pseudo, folder, count=count, seed=seed, overwrite=overwrite)
        return
    if folder is None:
        raise typer.BadParameter("give a dataset folder, or --pseudo RUN.", param_hint="FOLDER")
    output = output or Path(f"{folder.absolute().name}_sheet.png")
    charts = output.with_name(f"{output.stem.removesuffix('_sheet')}_statistics{output.suffix}")
    for path in (output, charts):
        require_image_suffix(path)
        require_output(path, overwrite=overwrite)
    chosen, settings, size = options.chosen_settings(preset, recipe, input_size)
    dataset = options.open_dataset(
        folder, skeleton, classes_path, matchpoint_path, skeleton_path, depth_range
    )
    metadata = ModelMetadata.from_preset(chosen, dataset.skeleton, size)

    import_tensorflow()
    from simplebase.data.viewing import draw_samples, plot_statistics

    shown = settings if augmented else None
    sheet = draw_samples(
        dataset, metadata, recipe=shown, image_set=image_set, count=count, seed=seed
    )
    write_image(output, sheet, overwrite=overwrite)
    plot_statistics(dataset, charts, metadata.crop, overwrite=overwrite)
    say(f"{output}: a sheet of samples")
    say(f"{charts}: charts of {counted(len(dataset), 'record')}")


def _view_pseudo(run: Path, output: Path | None, *, count: int, seed: int, overwrite: bool) -> None:
    from simplebase.files import require_output
    from simplebase.images import require_image_suffix, write_image

    output = output or Path(f"{run.absolute().stem}_pseudo.png")
    require_image_suffix(output)
    require_output(output, overwrite=overwrite)
    import_tensorflow()
    from simplebase.training.unlabelled.sheet import draw_pseudo_keypoints

    write_image(output, draw_pseudo_keypoints(run, count=count, seed=seed), overwrite=overwrite)
    say(f"{output}: a sheet of pseudo keypoints")
