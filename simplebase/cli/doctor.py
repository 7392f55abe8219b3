"""`simplebase doctor`."""

from typing import TYPE_CHECKING

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import app, console, say
from simplebase.cli.commands import HELP
from simplebase.errors import counted
from simplebase.version import __version__

if TYPE_CHECKING:
    from simplebase.doctor import Examination


@app.command(rich_help_panel=HELP)
def doctor(json: options.JsonFile = None, overwrite: options.Overwrite = False) -> None:
    """Check the installation, and print the commands that install what is missing.

    Shows versions, devices, optional packages and what they are for, caches and their sizes, and
    folders that cannot be written. The exit code is 1 if simplebase cannot work. Nothing is
    installed, changed or sent.

    Example:

        simplebase doctor --json doctor.json
    """
    from simplebase.doctor import examine
    from simplebase.files import require_output, write_json

    if json is not None:
        require_output(json, overwrite=overwrite)
    with console.status("asking TensorFlow for its devices"):
        found = examine()
    console.print(_summary(found))
    console.print(_extras(found))
    console.print(_places(found))
    _print_advice(found)
    if json is not None:
        write_json(json, found.to_config(), overwrite=overwrite)
    if not found.is_healthy:
        raise typer.Exit(1)


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _summary(found: "Examination") -> Table:
    devices = found.devices
    memory = "" if devices.memory is None else f", {devices.memory / 1e9:.1f} GB of memory"
    cores = counted(devices.cores, "core")
    if devices.gpus is None:
        gpus = "unknown, because TensorFlow is not running"
    else:
        gpus = ", ".join(devices.gpus) or "none"
    table = _grid()
    versions = [f"{each.name} {each.installed}" for each in found.packages if each.installed]
    rows = {
        "simplebase": __version__,
        "Python": found.python,
        "system": found.system,
        "CPU": f"{devices.processor}; {cores}{memory}",
        "GPU": gpus,
        "packages": ", ".join(versions) or "unknown",
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/]", escape(value))
    return table


def _extras(found: "Examination") -> Table:
    table = Table("extra", "", "for", "packages", box=box.SIMPLE_HEAD, pad_edge=False)
    for extra in found.extras:
        names = ", ".join(
            each.name if each.fits or each.installed is None else f"{each.name} {each.installed}"
            for each in extra.packages
        )
        state = "[green]installed[/]" if extra.fits else "[yellow]missing[/]"
        table.add_row(extra.name, state, escape(extra.purpose), escape(names))
    return table


def _places(found: "Examination") -> Table:
    table = Table("folder", "", "", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[0].overflow = "fold"
    table.columns[2].justify = "right"
    for place in found.places:
        state = "[green]writable[/]" if place.problem is None else "[red]not writable[/]"
        free = "" if place.free is None else f"{place.free / 1e9:.1f} GB free"
        table.add_row(escape(f"{place.path}\n({place.purpose})"), state, free)
    for cache in found.caches:
        how = f"; {cache.removal} empties it" if cache.removal else ""
        text = escape(f"{cache.path}\n({cache.purpose}{how})")
        table.add_row(text, "cache", f"{cache.bytes / 1e6:.1f} MB")
    return table


def _print_advice(found: "Examination") -> None:
    for each in found.advice:
        style = "bold red" if each.is_error else "yellow"
        console.print(f"[{style}]{'Missing' if each.is_error else 'Note'}:[/] {escape(each.text)}")
        if each.line:
            say(f"  {each.line}")
    if found.is_healthy:
        say("Everything that simplebase needs is installed.")
