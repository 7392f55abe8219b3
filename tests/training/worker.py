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
from simplebase.training.step import TrainingStep


def watch_steps(losses: Path, stop_after: int) -> None:
    step_of: Any = TrainingStep.__call__

    def watched(self: TrainingStep, batch: Any, step: int, stop: bool = False) -> Any:
        loss, stops = step_of(self, batch, step, stop)
        with losses.open("a") as file:
            file.write(json.dumps([step, loss, len(batch["images"])]) + "\n")
        if step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss, stops

    TrainingStep.__call__ = watched  # type: ignore[method-assign]


if __name__ == "__main__":
    watch_steps(Path(sys.argv[1]), int(sys.argv[2]))
    del sys.argv[1:3]
    with one_layer_network():
        main()
