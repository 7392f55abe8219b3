"""The command line on a network of one layer: a worker process of test_multi_worker.

    python worker.py LOSSES STOP_AFTER ARGUMENTS...

`ARGUMENTS` are those of `simplebase`. `LOSSES` gets a line of JSON a step: its number in the run,
its loss and how many samples this worker has read for it. After step `STOP_AFTER` the process sends
itself SIGTERM; -1 is never.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tiny_runs import one_layer_network

from simplebase.cli import main
from simplebase.training.step import StartedStep, TrainingStep


def watch_steps(losses: Path, stop_after: int) -> None:
    start: Any = TrainingStep.start

    def watched(self: TrainingStep, shared: Any, step: int, stop: bool = False) -> StartedStep:
        started = start(self, shared, step, stop)
        [images] = self.distribution.strategy.experimental_local_results(shared["images"])
        with losses.open("a") as file:
            file.write(json.dumps([step, started.result()[0], len(images)]) + "\n")
        if step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)
        return started

    TrainingStep.start = watched  # type: ignore[method-assign]


if __name__ == "__main__":
    watch_steps(Path(sys.argv[1]), int(sys.argv[2]))
    del sys.argv[1:3]
    with one_layer_network():
        main()
