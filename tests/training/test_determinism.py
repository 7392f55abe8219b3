"""With --deterministic a killed and resumed run is the run that was not killed, to the last bit."""

import csv
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import worker
from forked_processes import start

from simplebase.errors import ArgumentError
from simplebase.training import make_deterministic

# With other tests of processes: what they are forked from is started once.
pytestmark = pytest.mark.xdist_group("processes")

TIMEOUT = 240  # seconds; it takes two, and more on a busy machine
# Counted from 0: in the second epoch of four steps.
HANGS_AFTER = 5
PRESET = """
description: for tests
backbone: {name: mobilenetv2}
head: {name: upsample_lite, channels: [16, 16, 16]}
"""


def finish(process: ForkServerProcess, output: Path) -> None:
    process.join(TIMEOUT)
    assert process.exitcode == 0, output.read_text()


def curve(run: Path) -> list[tuple[str, str, str]]:
    """Epoch, loss and val PCK, as they are written."""
    if not (run / "metrics.csv").exists():
        return []
    with (run / "metrics.csv").open() as file:
        return [(row["epoch"], row["loss"], row["val_pck"]) for row in csv.DictReader(file)]


@pytest.mark.slow
def test_a_killed_and_resumed_run_equals_one_that_was_not_killed(
    figures_folder: Path, tmp_path: Path
) -> None:
    """Buys: all that a step depends on is in the state, weights and random numbers alike."""
    (tmp_path / "small.yaml").write_text(PRESET)
    run, killed, output = tmp_path / "run", tmp_path / "killed", tmp_path / "output"
    line = f"--preset {tmp_path / 'small.yaml'} --dataset {figures_folder} --recipe quick "
    line += "--backbone-weights none --input-size 64x64 --total-epoch 3 --ema 0.9 "
    line += "--deterministic --run-dir"
    train = ["train", *line.split()]
    finish(start(worker.command, [*train, run], output=output), output)

    process = start(worker.hanging, [*train, killed], HANGS_AFTER, output=output)
    end = time.monotonic() + TIMEOUT
    while not curve(killed) and process.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -9, output.read_text()
    assert 1 <= len(curve(killed)) < 3
    finish(start(worker.command, ["train", "--resume", killed], output=output), output)

    assert curve(killed) == curve(run)
    states = [np.load(each / "checkpoints" / "state.npz") for each in (run, killed)]
    for name in states[0].files:
        if states[0][name].dtype.kind == "f":
            np.testing.assert_array_equal(states[1][name], states[0][name], err_msg=name)


def test_it_has_to_be_said_before_tensorflow_computes() -> None:
    tf.zeros(1)
    with pytest.raises(ArgumentError, match="before anything else"):
        make_deterministic()
