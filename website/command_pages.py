"""Reference pages of the command line, made from the Typer application that runs it."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from simplebase.cli.app import app
from simplebase.cli.commands import add_commands

FOLDER = "reference/cli"
_OPTIONS = "Options"


def command_pages() -> dict[str, str]:
    """Markdown of a page for each command by its path on the site, in the order of `--help`."""
    commands, context = _application()
    return {
        f"{FOLDER}/{command.name}.md": "\n".join(_page(command, context)) for command in commands
    }


def command_overview() -> str:
    """Markdown with a table of the commands of each panel, linked to their pages."""
    return "\n".join(_overview(*_application()))


def _application() -> tuple[list[Any], Any]:
    add_commands([])
    application: Any = typer.main.get_command(app)
    context = typer.Context(application, info_name="simplebase")
    return [application.commands[name] for name in application.list_commands(context)], context


def _overview(commands: list[Any], context: Any) -> Iterator[str]:
    by_panel: dict[str, list[Any]] = {}
    for command in commands:
        by_panel.setdefault(command.rich_help_panel, []).append(command)
    for panel, members in by_panel.items():
        yield from (f"## {panel}", "", "| command | |", "|---|---|")
        for command in members:
            yield f"| [`{command.name}`]({command.name}.md) | {_cell(_first_line(command))} |"
        yield ""
    yield from ("## Options of every command", "")
    yield from _parameters(context.command.params, context)


def _page(command: Any, parent: Any) -> Iterator[str]:
    yield from (f"# simplebase {command.name}", "")
    context = typer.Context(command, info_name=command.name, parent=parent)
    yield from _body(command, context)
    for name in command.list_commands(context) if hasattr(command, "commands") else ():
        member = command.commands[name]
        yield from ("", f"## {command.name} {name}", "")
        yield from _body(member, typer.Context(member, info_name=name, parent=context))


def _body(command: Any, context: Any) -> Iterator[str]:
    yield from _description(command.help or "")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from ("", "```text", usage, "```", "")
    yield from _parameters(command.params, context)


def _description(text: str) -> Iterator[str]:
    """The help text; its indented lines, which are examples, become one block."""
    examples: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.startswith("    "):
            examples += [line.strip() for line in paragraph.splitlines()]
            continue
        if examples:
            yield from ("```sh", *examples, "```", "")
            examples = []
        yield from (_prose(paragraph), "")
    if examples:
        yield from ("```sh", *examples, "```", "")


def _parameters(parameters: list[Any], context: Any) -> Iterator[str]:
    """A table of arguments and one of options for each panel of the help page."""
    by_panel: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        if (record := parameter.get_help_record(context)) is None:
            continue
        default = _OPTIONS if parameter.param_type_name == "option" else "Arguments"
        by_panel.setdefault(parameter.rich_help_panel or default, []).append(record)
    for panel, records in by_panel.items():
        yield from (f"**{panel}**", "", "| | |", "|---|---|")
        for names, text in records:
            # Typer puts a default that is described in words in brackets of its own.
            text = re.sub(r"default: \((.*?)\)([];])", r"default: \1\2", text)
            yield f"| {_names(names)} | {_cell(text)} |"
        yield ""


def _names(text: str) -> str:
    """`--box <text>` as code that may break between the spellings of an option."""
    return ", ".join(f"`{name}`" for name in text.replace("|", "\\|").split(", "))


def _first_line(command: Any) -> str:
    return str(command.help or "").strip().split("\n\n")[0]


def _cell(text: str) -> str:
    return _prose(" ".join(text.split())).replace("|", "\\|")


def _prose(text: str) -> str:
    """Help text as Markdown: nothing but its code and its names of pages has a meaning there."""
    parts = re.split(r"(`[^`]*`)", text)
    for index in range(0, len(parts), 2):
        plain = re.sub(r"[][*]", r"\\\g<0>", parts[index].replace("&", "&amp;"))
        plain = plain.replace("<", "&lt;")
        parts[index] = re.sub(r"\bdocs/([\w/]+)\.md", r"[docs/\1.md](../../\1.md)", plain)
    return "".join(parts)
