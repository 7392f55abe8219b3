"""`simplebase export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simplebase.cli import model_options, options
from simplebase.cli.app import app, console, errors, import_tensorflow, say
from simplebase.cli.commands import DEPLOY
from simplebase.cli.export_display import parity_table, site_size, summary
from simplebase.errors import ArgumentError, ParityError

if TYPE_CHECKING:
    from simplebase.export import Exported, Exporter, ExportSettings

    Plan = list[tuple[ExportSettings, Path]]

_WEB = "web"


@app.command(rich_help_panel=DEPLOY)
def export(
    model: Annotated[
        Path,
        typer.Argument(
            help="A model or a run's checkpoint (.keras), or the name of a pretrained model.",
        ),
    ],
    format: Annotated[
        str | None, typer.Option(help="litert, onnx, mnn, saved-model, frozen-graph or web.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File to write. [default: the model's name with the format's suffix]"),
    ] = None,
    quantize: Annotated[
        str | None,
        typer.Option(
            help="none, float16, dynamic, weights or int8; see above. [default: "
            "none, for web float16]"
        ),
    ] = None,
    outputs: Annotated[
        str,
        typer.Option(help="heatmaps, keypoints (decoded in the file: x, y, score), or both."),
    ] = "heatmaps",
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="Dataset folder for the calibration of int8 and for the comparison. [default: "
            "drawn figures]"
        ),
    ] = None,
    images: Annotated[
        int,
        typer.Option(min=1, help="Number of images for the calibration, and for the comparison."),
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed that chooses these images.")] = 0,
    tolerance: Annotated[
        float, typer.Option(help="Largest loss of PCK of an 8-bit file; 0.02 is two points.")
    ] = 0.02,
    dynamic_batch: Annotated[
        bool,
        typer.Option(
            "--dynamic-batch",
            help="Let ONNX and TensorFlow files take any number of images. --all implies it.",
        ),
    ] = False,
    opset: Annotated[int, typer.Option(help="Version of the ONNX operator set.")] = 18,
    all: Annotated[
        Path | None,
        typer.Option("--all", help="Write every installed format to this folder, and a page."),
    ] = None,
    skeleton: options.SkeletonName = None,
    detector: model_options.Detector = None,
    detector_class: model_options.DetectorClass = 0,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the comparison as an HTML page with pictures."),
    ] = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Export a model to TFLite, ONNX, MNN or TensorFlow and verify it.

    Each file is compared with the original model on the same images, and rejected if the results
    differ. float32 must agree within 1e-4 in every heatmap cell and within 0.05 pixels at the
    median; float16 within 0.02 in 99.9 % of the cells, 0.1 in all, and 0.1 pixels. 8-bit files may
    lose `--tolerance` of PCK. A rejected file is kept as FILE.rejected, and the exit code is 1.
    FILE.json describes the file, and FILE.parity.json the comparison.

    `--quantize`: `float16` halves the size. `dynamic` and `weights` (int8 weights, computed in
    floats) quarter it. `int8` is for integer hardware, and usually the fastest elsewhere too; it
    needs `--calibration`. The input is RGB from 0 to 255, as float32 or (int8 files) uint8.

    `--format web` writes a folder of static files for any web server: a page that runs the model in
    the visitor's browser, on images, videos and the webcam. It is compared in Chromium if that is
    installed. LiteRT.js, which runs the model, is downloaded once (12 MB). With
    `--detector yolox-nano` the page finds several objects, and small ones. See docs/web.md.

    Examples:

        simplebase export cows.keras --format litert --quantize int8 --calibration data/cows

        simplebase export cows.keras --format onnx --outputs keypoints --output cows.onnx

        simplebase export cows.keras --format web --output site

        simplebase export cows.keras --all exported --calibration data/cows
    """
    from simplebase.export.export_settings import (
        DEFAULT_SITE_QUANTIZATION,
        SITE_SUFFIX,
        SiteSettings,
    )
    from simplebase.export.places import file_place
    from simplebase.export.web.content import site_place
    from simplebase.files import require_output
    from simplebase.zoo import require_model

    if (format is None) == (all is None):
        raise ArgumentError("give either --format, or --all with a folder.")
    if all is not None and (output is not None or quantize is not None or dynamic_batch):
        raise ArgumentError(
            "--all writes everything into its folder: leave out --output, --quantize and "
            "--dynamic-batch."
        )
    if detector is not None and format != _WEB:
        raise ArgumentError("--detector is for a page: give --format web, or leave it out.")
    # ExportSettings and SiteSettings validate these.
    texts: dict[str, Any] = {"outputs": outputs, "opset": opset}
    page: Any = quantize or DEFAULT_SITE_QUANTIZATION
    plan: Plan = []
    # The path "." has no name; opening it as a model fails later with a clear error.
    named = model if model.name else model.resolve()
    site = output or named.with_name(f"{named.stem}{SITE_SUFFIX}")
    if format == _WEB:
        SiteSettings(page)
        if outputs != "heatmaps" or dynamic_batch:
            raise ArgumentError(
                "a page takes one image at a time and decodes heatmaps itself: leave out --outputs "
                "and --dynamic-batch with --format web."
            )
        if report is not None:
            raise ArgumentError(
                "--report is for single files. Open the exported page instead, and leave out "
                "--report with --format web."
            )
    elif all is not None:
        plan = _plan_all(all, named, texts)
        site = all / site.name
    else:
        texts |= {"format": format, "quantization": quantize or "none"}
        plan = [_one(output, named, texts, dynamic_batch)]
    places = [file_place(path, settings) for settings, path in plan]
    if format == _WEB or all is not None:
        places.append(site_place(site))
    for place in places:
        place.require(overwrite=overwrite)
    for file in (report, json):
        if file is not None:
            require_output(file, overwrite=overwrite)
    dataset = None
    if calibration is not None:
        dataset = options.open_dataset(calibration, skeleton, None, None, None)
    require_model(model)
    import_tensorflow()
    from simplebase.export.export import Exporter, import_writer

    if format == _WEB:
        _prepare_site()
    elif all is None:
        # Reports a missing package before the model is loaded. --all leaves such formats out.
        import_writer(plan[0][0])
    # Files are named after what was given, not after the file of a pretrained model in the cache.
    model_file = model_options.open_models(model)
    finder = None
    if format == _WEB:
        if detector is not None:
            from simplebase.export.web import SiteDetector

            finder = SiteDetector(detector, detector_class)
    if dataset is None:
        say("No --calibration was given. The comparison uses drawn figures.")
    with console.status("exporting") as status:
        exporter = Exporter(
            model_file,
            dataset,
            images=images,
            seed=seed,
            tolerance=tolerance,
            report=status.update,
        )
        if format == _WEB:
            _export_site(exporter, site, page, finder, named.stem, json, overwrite)
        elif all is not None:
            _export_all(exporter, plan, site, report, json, overwrite)
        else:
            _export_one(exporter, *plan[0], report, json, overwrite)


def _plan_all(folder: Path, model: Path, texts: dict[str, Any]) -> "Plan":
    from simplebase.export.export_settings import plan_all_formats

    return plan_all_formats(folder, model.stem, **texts)


def _one(
    output: Path | None, model: Path, texts: dict[str, Any], free_batch: bool
) -> "tuple[ExportSettings, Path]":
    from simplebase.export.export_settings import FORMATS, ExportSettings

    settings = ExportSettings(**texts, free_batch=free_batch)
    ending = FORMATS[settings.format].suffix or "_saved_model"
    return settings, output or model.with_name(f"{model.stem}{ending}")


def _prepare_site() -> None:
    """Imports what writes the model, and downloads LiteRT.js before the status display starts."""
    from simplebase.export.export import import_writer
    from simplebase.export.export_settings import ExportSettings
    from simplebase.export.web import fetch_litert_js

    import_writer(ExportSettings("litert"))
    fetch_litert_js(announce=say, progress=options.progress_bar)


def _export_site(
    exporter: "Exporter",
    path: Path,
    quantize: Any,
    detector: Any,
    title: str,
    json: Path | None,
    overwrite: bool,
) -> None:
    from simplebase.export import export_site
    from simplebase.files import write_json

    try:
        site = export_site(
            exporter,
            path,
            quantize,
            detector=detector,
            title=title,
            overwrite=overwrite,
            announce=say,
        )
    except ParityError as error:
        if error.parity is not None:
            errors.print(parity_table(error.parity))
        raise
    console.print(parity_table(site.parity))
    for line in site_size(site.sizes):
        say(f"{path}: {line}")
    where = "the model file alone" if site.browser is None else f"the page in {site.browser}"
    say(f"{path}: compared {where}; poster.jpg is from {site.poster}, replace it as you like")
    say(f"next: python -m http.server --directory {path}, then open http://localhost:8000")
    if json is not None:
        write_json(json, site.to_config(), overwrite=overwrite)


def _export_one(
    exporter: "Exporter",
    settings: "ExportSettings",
    path: Path,
    report: Path | None,
    json: Path | None,
    overwrite: bool,
) -> None:
    from simplebase.export import Exported
    from simplebase.files import write_json

    try:
        parity = exporter.export(path, settings, overwrite=overwrite)
    except ParityError as error:
        if error.parity is not None:
            errors.print(parity_table(error.parity))
            failed = Exported(settings, path, error.parity, str(error), failed=True)
            _write_report(exporter, [failed], report, overwrite)
        raise
    console.print(parity_table(parity))
    _write_report(exporter, [Exported(settings, path, parity)], report, overwrite)
    say(f"{path}: {settings.title}, with its metadata in {path}.json")
    if json is not None:
        write_json(json, parity.to_config(), overwrite=overwrite)


def _export_all(
    exporter: "Exporter",
    plan: "Plan",
    site: Path,
    report: Path | None,
    json: Path | None,
    overwrite: bool,
) -> None:
    from simplebase.export import export_all
    from simplebase.files import write_json

    exported = export_all(exporter, plan, site=site, overwrite=overwrite)
    console.print(summary(exported))
    options.say_devices([(each.path.name, each.device) for each in exported if each.device])
    for each in exported:
        if each.problem:
            say(f"{each.settings.title}: {each.problem}")
    _write_report(exporter, exported, report, overwrite)
    if json is not None:
        write_json(json, [each.to_config() for each in exported], overwrite=overwrite)
    if any(each.failed for each in exported):
        raise typer.Exit(1)


def _write_report(
    exporter: "Exporter", exported: "list[Exported]", path: Path | None, overwrite: bool
) -> None:
    if path is None:
        return
    from simplebase.report import write_export_report

    write_export_report(exporter.reference(), exported, path, overwrite=overwrite)
    say(f"{path}: open it in a browser")
