"""With --deterministic a killed and resumed run is the run that was not killed, to the last bit."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from simplebase.errors import ArgumentError
from simplebase.training import make_deterministic

TIMEOUT = 240  # seconds; it takes ten, and more on a busy machine
PRESET = """
description: for tests
backbone: {name: mobilenetv2, alpha: 0.35}
head: {name: upsample_lite, channels: [16, 16, 16]}
"""


def start(folder: Path, *arguments: object) -> subprocess.Popen[bytes]:
    """`simplebase train` with other arguments, in a process of its own."""
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "simplebase", "train"]
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": root, "CUDA_VISIBLE_DEVICES": "-1"},
            stdout=output,
            stderr=output,
        )


def finish(process: subprocess.Popen[bytes], folder: Path) -> None:
    assert process.wait(TIMEOUT) == 0, (folder / "output").read_text()


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
    run, killed = tmp_path / "run", tmp_path / "killed"
    line = f"--preset {tmp_path / 'small.yaml'} --dataset {figures_folder} --recipe quick "
    line += "--backbone-weights none --input-size 64x64 --total-epoch 3 --ema 0.9 "
    line += "--deterministic --run-dir"
    finish(start(tmp_path, *line.split(), run), tmp_path)

    process = start(tmp_path, *line.split(), killed)
    end = time.monotonic() + TIMEOUT
    while not curve(killed) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -9, (tmp_path / "output").read_text()
    assert 1 <= len(curve(killed)) < 3
    finish(start(tmp_path, "--resume", killed), tmp_path)

    assert curve(killed) == curve(run)
    states = [np.load(each / "checkpoints" / "state.npz") for each in (run, killed)]
    for name in states[0].files:
        if states[0][name].dtype.kind == "f":
            np.testing.assert_array_equal(states[1][name], states[0][name], err_msg=name)


def test_it_has_to_be_said_before_tensorflow_computes() -> None:
    tf.zeros(1)
    with pytest.raises(ArgumentError, match="comes before all else"):
        make_deterministic()
