"""The command line on a network of one layer, for processes of `forked_processes`."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tiny_runs import one_layer_network

from simplebase.cli import main
from simplebase.training.step import StartedStep, TrainingStep


def command(arguments: Sequence[object]) -> None:
    """`simplebase` with these arguments."""
    sys.argv = ["simplebase", *map(str, arguments)]
    with one_layer_network():
        main()


def hanging(arguments: Sequence[object], after: int) -> None:
    """A command that trains no further after a step, until it is killed."""

    def hang(step: int, loss: float, samples: int) -> None:
        if step == after:
            time.sleep(600)

    watch_steps(hang)
    command(arguments)


def one_of_several(
    arguments: Sequence[object], config: dict[str, Any], losses: Path, stop_after: int
) -> None:
    """A command of a worker.

    Args:
        arguments: of the command.
        config: what `TF_CONFIG` says.
        losses: gets a line of JSON a step: its number in the run, its loss and how many samples
            this worker has read for it.
        stop_after: the step after which the process sends itself SIGTERM; -1 is never.
    """

    def record(step: int, loss: float, samples: int) -> None:
        with losses.open("a") as file:
            file.write(json.dumps([step, loss, samples]) + "\n")
        if step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    os.environ["TF_CONFIG"] = json.dumps(config)
    watch_steps(record)
    command(arguments)


def watch_steps(tell: Callable[[int, float, int], None]) -> None:
    """Tells of each step its number in the run, its loss and its samples in this process."""
    start: Any = TrainingStep.start

    def watched(self: TrainingStep, shared: Any, step: int, stop: bool = False) -> StartedStep:
        started = start(self, shared, step, stop)
        [images] = self.distribution.strategy.experimental_local_results(shared["images"])
        tell(step, started.result()[0], len(images))
        return started

    TrainingStep.start = watched  # type: ignore[method-assign]
