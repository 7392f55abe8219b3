"""`simplebase models ...`: the pretrained models, and the cache of downloaded models."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from simplebase.cli import options
from simplebase.cli.app import app, console, say
from simplebase.cli.commands import USE
from simplebase.errors import ArgumentError, MissingFileError, counted, listed

if TYPE_CHECKING:
    from simplebase.zoo import ZooModel
    from simplebase.zoo.embedded import EmbeddedModel

_CARD = "card"
_SHORT = 20
"""Longest name that leaves room for a description in 80 columns."""


class _NamesAreCards(TyperGroup):
    """Takes a word that is not a command as the name of a model: `simplebase models person`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Inserts the command `card` before the name of a model."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            if len(args) > 1 and not args[1].startswith("-"):
                raise typer.BadParameter(
                    f"'{args[0]}' is not a command. `simplebase models` lists the models, and "
                    "`simplebase models NAME` shows one."
                )
            args = [_CARD, *args]
        return super().resolve_command(ctx, args)


models_app = typer.Typer(cls=_NamesAreCards, invoke_without_command=True)
app.add_typer(models_app, name="models", rich_help_panel=USE)


@models_app.callback()
def models(
    context: typer.Context,
    subject: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="SUBJECT",
            help="Show all models for this subject: person, wholebody, animal, hand, face, "
            "clothes, detector or backbone.",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also show models without a short name.")
    ] = False,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """List pretrained models, show one, or manage downloaded models.

    Every command takes these names instead of a model file. The first use downloads and converts
    the model. person-mini is in the package and needs no download.

    Examples:

        simplebase models --for hand

        simplebase models person

        simplebase models get person yolox-tiny
    """
    if context.invoked_subcommand is not None:
        return
    from simplebase import zoo
    from simplebase.files import write_json

    subjects = list(dict.fromkeys(row.subject for row in zoo.models()))
    if subject is not None and subject not in subjects:
        raise ArgumentError(f"--for must be one of {', '.join(subjects)}. Received: {subject!r}.")
    rows = [row for row in zoo.models() if subject in (None, row.subject)]
    shown = [
        row
        for row in rows
        if every or subject or row.aliases or row.kind == "detector" or row.embedded
    ]
    console.print(_table(shown))
    if len(shown) < len(rows):
        say(f"{len(rows) - len(shown)} more: `simplebase models --all`, or `--for SUBJECT`.")
    say("`simplebase models NAME` shows the card of a model and a command to try it.")
    if json is not None:
        write_json(json, [_config(row) for row in shown], overwrite=overwrite)


@models_app.command(_CARD, hidden=True)
def card(
    name: Annotated[str, typer.Argument(help="Name of a pretrained model.")],
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Show the card of a model: input, keypoints, accuracy, licences, files."""
    from simplebase import zoo
    from simplebase.files import write_json

    row = zoo.find(name)
    console.print(_card(row))
    say(f"next: {_next_command(row)}")
    if json is not None:
        write_json(json, _config(row), overwrite=overwrite)


@models_app.command()
def get(
    names: Annotated[list[str] | None, typer.Argument(help="Names of pretrained models.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Download all models: about 16 GB.")] = False,
) -> None:
    """Download models in advance, for example for a machine without a network.

    `litert-js` is the program that `export --format web` needs.

    Example:

        simplebase models get person yolox-tiny
    """
    from simplebase import zoo
    from simplebase.zoo.fetching import fetch
    from simplebase.zoo.programs import PROGRAMS

    if bool(names) == every:
        raise ArgumentError("name the models to download, or give --all.")
    wanted = names or ()
    programs = [name for name in wanted if name in PROGRAMS]
    chosen = zoo.models() if every else [zoo.find(n) for n in wanted if n not in PROGRAMS]
    for name in programs:
        for file in PROGRAMS[name]:
            say(f"{name}: {fetch(file, announce=say, progress=options.progress_bar)}")
    for row in chosen:
        path = zoo.model_file(
            row.name, row.kind, announce=say, progress=options.progress_bar, local=False
        )
        say(f"{row.name}: {path}")


@models_app.command()
def cached() -> None:
    """List the downloaded models."""
    from simplebase.zoo.cache import cached
    from simplebase.zoo.storage import in_megabytes, models_folder

    files = cached()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("written", no_wrap=True)
    for file in files:
        name = escape(file.path.name) + (" [dim](not complete)[/]" if file.unfinished else "")
        table.add_row(name, in_megabytes(file.bytes), f"{file.when:%Y-%m-%d %H:%M}")
    if files:
        console.print(table)
    total = in_megabytes(sum(file.bytes for file in files))
    say(f"{models_folder()}: {total} in {counted(len(files), 'file')}")


@models_app.command()
def remove(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of models or of files in the cache.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Remove everything in the cache.")] = False,
) -> None:
    """Remove downloaded models from the cache.

    Example:

        simplebase models remove person
    """
    from simplebase import zoo
    from simplebase.zoo.cache import cached, remove
    from simplebase.zoo.storage import in_megabytes, models_folder

    if bool(names) == every:
        raise ArgumentError("name the models to remove, or give --all.")
    there = {file.name for file in cached()}
    chosen = there if every else set()
    for name in names or ():
        row = zoo.find(name) if zoo.is_known(name) else None
        found = there & ({row.name, row.file} if row else {name})
        if not found:
            raise MissingFileError(
                f"{models_folder()} does not have {name}. It has: "
                f"{listed(sorted(there)) or 'nothing'}."
            )
        chosen |= found
    if chosen:
        say(f"{in_megabytes(remove(*chosen))} freed")
    else:
        say("the cache is empty.")


def _table(rows: "list[ZooModel]") -> Table:
    names = [row.short_name for row in rows]
    # A narrow terminal has no room for both a long name and a description, and the name suffices.
    described = console.width >= 120 or max(map(len, names)) <= _SHORT
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        caption="accuracy of keypoints as published, with flip test (person-mini: our own, "
        "without); lower NME is better",
    )
    table.add_column("name", overflow="fold")
    table.add_column("published", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    if described:
        table.add_column("what", overflow="fold")
    subject = ""
    for name, row in zip(names, rows, strict=True):
        if subject not in ("", row.subject):
            table.add_section()
        subject = row.subject
        table.add_row(
            name,
            f"{row.published.metric} {row.published.value:.3f}",
            "?" if row.approximate_bytes is None else f"{row.approximate_bytes / 1e6:.0f}",
            *([escape(row.description.rstrip("."))] if described else []),
        )
    return table


def _card(row: "ZooModel") -> Table:
    table = Table(box=box.SIMPLE, show_header=False, title=row.name)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    height, width = row.input_size
    size = "" if row.approximate_bytes is None else f", about {row.approximate_bytes / 1e6:.0f} MB"
    crop, heatmaps = (
        ""
        if part is None
        else ", ".join(f"{key} {value}" for key, value in part.to_config().items())
        for part in (row.crop, row.codec)
    )
    rows = {
        "short name": ", ".join(row.aliases),
        "what": row.description,
        "preset": row.preset or row.backbone or "",
        "input": f"{height}x{width}" + (f", {row.normalisation}" if row.normalisation else ""),
        "keypoints": f"{row.num_keypoints} ({row.skeleton})" if row.skeleton else "",
        "crop": crop,
        "heatmaps": heatmaps,
        "trained on": row.trained_on,
        "published": f"{row.published.metric} {row.published.value:.3f}",
        "measured on": row.published.measured_on,
        "licence": row.weights_licence,
        "data": f"{row.data_licence} ({row.homepage})",
        "note": row.note,
        **(_published_file(row, size) if row.embedded is None else _files_of(row.embedded)),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, escape(value))
    return table


def _published_file(row: "ZooModel", size: str) -> dict[str, str]:
    return {
        "file": f"{row.file}{size}",
        "hash": f"SHA-256 {row.sha256}" if row.sha256 else f"Git's SHA-1 {row.git_sha1}",
        "from": "\n".join(row.urls),
    }


def _files_of(model: "EmbeddedModel") -> dict[str, str]:
    from simplebase.zoo.storage import in_megabytes

    return {
        what: f"{file.name}, {in_megabytes(file.bytes)}, in the package\nSHA-256 {file.sha256}"
        for what, file in (("to run", model.runnable), ("weights", model.weights))
    }


def _next_command(row: "ZooModel") -> str:
    name = row.short_name
    if row.kind == "keypoints":
        follow = "" if row.embedded is None else " --follow"
        return f"simplebase demo --model {name} --input IMAGE{follow} --output pose.png"
    if row.kind == "detector":
        return f"simplebase demo --model person --detector {name} --input IMAGE --output pose.png"
    preset = f"{row.backbone}_deconv"
    return f"simplebase train --preset {preset} --backbone-weights {name} --dataset DIR"


def _config(row: "ZooModel") -> dict[str, Any]:
    config = asdict(row)
    config["crop"] = row.crop and row.crop.to_config()
    config["codec"] = row.codec and row.codec.to_config()
    config["embedded"] = row.embedded and {
        what: {"name": file.name, "bytes": file.bytes, "sha256": file.sha256}
        for what, file in (("runnable", row.embedded.runnable), ("weights", row.embedded.weights))
    }
    return {key: value for key, value in config.items() if value not in (None, "", ())}
