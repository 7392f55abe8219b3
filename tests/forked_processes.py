"""Processes that need not import TensorFlow: forked from one that has and that computes nothing.

They are processes like any other, with a TensorFlow, signals and an end of their own; only the
import, four seconds of a core each, is done once for all that a test process starts.
"""

import atexit
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

LOADED = ["tensorflow", "simplebase.cli.train", "simplebase.training.training"]


def start(function: Callable[..., None], *arguments: Any, output: Path) -> ForkServerProcess:
    """Calls a function of a module in a new process, on the processor alone.

    Args:
        function: what to call.
        arguments: its arguments.
        output: a file that gets what the process prints, after what is in it.

    Returns:
        The process, which has been started.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    process = context.Process(target=_run, args=(output, function, arguments))
    process.start()
    return process


def _run(output: Path, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        function(*arguments)
    finally:
        # Forked processes leave these out.
        atexit._run_exitfuncs()
