"""The Typer application, its entry point, and how errors and warnings are printed."""

import io
import os
import sys
import warnings
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from simplebase.cli.commands import add_commands, position
from simplebase.cli.ending import ended_by_signals
from simplebase.devices import prepare_tensorflow
from simplebase.errors import (
    SimplebaseError,
    SimplebaseNote,
    SimplebaseWarning,
    TrainingStopped,
    os_sentence,
)
from simplebase.extras import import_with_extras
from simplebase.silence import silenced_stderr
from simplebase.version import __version__


class _InOrder(TyperGroup):
    """Lists the commands in the order of `commands.py`. Typer would put groups last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the names of all added commands."""
        return sorted(super().list_commands(ctx), key=position)


app = typer.Typer(
    name="simplebase",
    cls=_InOrder,
    help="Train, evaluate and deploy your own 2D keypoint model.",
    epilog="First steps: `simplebase data synthesize data/figures`, then "
    "`simplebase train --dataset data/figures`. `simplebase doctor` checks the installation.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console()
errors = Console(stderr=True)


_ANYWHERE = ("--debug", "--offline")
"""Options that may be anywhere on the command line."""


def say(text: str) -> None:
    """Prints a line unchanged. Paths may contain brackets, and must not be wrapped."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Never download a pretrained model.",
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs the command line.

    The exit code is 0 for success, 1 if the command failed, 2 for wrong usage, and 128 plus the
    number of the signal if one ended the command.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal with another encoding shows ? for characters that it does not have. Standard
        # error usually writes them as \uXXXX, which says more and is kept.
        if isinstance(stream, io.TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="replace")
    # oneDNN's kernels make a training step 1.4 times as fast (measured on a first AMD EPYC), but
    # TensorFlow turns them on only if the processor has instructions for neural networks.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    debug = "--debug" in sys.argv
    if "--offline" in sys.argv:
        os.environ["SIMPLEBASE_OFFLINE"] = "1"
    arguments = [argument for argument in sys.argv[1:] if argument not in _ANYWHERE]
    if not debug:
        # Users of a command do not need TensorFlow's start-up messages.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        warnings.showwarning = _show_warning  # type: ignore[assignment]
    with ended_by_signals():
        _run(arguments, debug)


def _run(arguments: list[str], debug: bool) -> None:
    try:
        add_commands(arguments)
        app(arguments, prog_name="simplebase")
    except (SimplebaseError, OSError) as error:
        if debug:
            raise
        text = os_sentence(error) if isinstance(error, OSError) else str(error)
        # A training run that was stopped on request has not failed.
        label = "" if isinstance(error, TrainingStopped) else "[bold red]Error:[/] "
        errors.print(f"{label}{escape(text)}", highlight=False, soft_wrap=True)
        sys.exit(getattr(error, "exit_code", 1))


def import_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages, some of which no setting can silence.

    Raises:
        MissingPackageError: TensorFlow is not installed.
    """
    with silenced_stderr():
        import_with_extras("tensorflow")
        prepare_tensorflow()


def warn(text: str) -> None:
    """Prints a warning to standard error."""
    errors.print(f"[bold yellow]Warning:[/] {escape(text)}", highlight=False, soft_wrap=True)


def _show_warning(message: Any, category: type[Warning], *place: Any) -> None:
    if issubclass(category, SimplebaseNote):
        errors.print(f"note: {message}", markup=False, highlight=False, soft_wrap=True)
    elif issubclass(category, SimplebaseWarning):
        warn(str(message))
