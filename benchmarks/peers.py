"""Milliseconds per image of the training step, against PyTorch's of the same networks.

python benchmarks/peers.py --torch-python /path/to/venv/bin/python [--size 128 256] [PRESET...]

PyTorch is no dependency of this project. Install it in an environment of its own, whose Python runs
`torch_peer.py`. Both sides train on one batch that stays the same, without augmentation, with Adam
and as many threads. PyTorch computes channels-last, the faster of its layouts here, and gets its
heatmaps as they are. Ours is the step of `simplebase.train`, which also reads uint8 images and
draws the heatmaps from keypoints.

Both take turns of a few steps, ours first in one round and second in the next. The table has the
medians over all steps, and the median over the rounds of the ratio within a round. On a machine
with other work, `--threads 1` and the processor's time (`cpu`) are what to compare: PyTorch's
threads wait for each other in loops, which count as work and stand still if a core is taken away.
With two threads, `OMP_WAIT_POLICY=passive` in the environment lets them sleep instead.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

BATCH = 16
PRESETS = ["mobilenetv1_upsample_lite", "mobilenetv2_upsample_lite", "resnet50_deconv"]
CLOCKS = ("clock", "cpu")
HERE = Path(__file__).parent


class Peer:
    """A process that trains as many steps as it is told."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.parameters: int = self._answer()

    def __enter__(self) -> Self:
        """Itself, to be told."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends the process, whose input ends."""
        self._process.communicate()

    def train(self, steps: int) -> list[tuple[float, ...]]:
        """Milliseconds per image of each of `steps` steps, in the order of `CLOCKS`."""
        assert self._process.stdin is not None
        print(steps, file=self._process.stdin, flush=True)
        return [tuple(1000 * each / BATCH for each in step) for step in self._answer()]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args!r} ended early.")
        return json.loads(line)


def main() -> None:
    """Prints two lines for each preset and size."""
    parser = argparse.ArgumentParser(description="Time the training step against PyTorch's.")
    parser.add_argument("presets", nargs="*", default=PRESETS)
    parser.add_argument("--torch-python", required=True, help="a Python that has PyTorch")
    parser.add_argument("--size", type=int, nargs="+", default=[128, 256], help="side of the input")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=8, help="turns of each")
    parser.add_argument("--steps", type=int, default=3, help="per turn")
    options = parser.parse_args()
    print(f"ms/image, batch {BATCH}, {options.threads} threads")
    print(f"{'preset':26} {'size':>4} {'':5} {'ours':>8} {'torch':>8} {'ratio':>6}")
    for preset in options.presets:
        for size in options.size:
            arguments = [preset, str(size), str(options.threads)]
            with (
                Peer([sys.executable, HERE / "peers.py", "--side", *arguments]) as ours,
                Peer([options.torch_python, HERE / "torch_peer.py", *arguments]) as theirs,
            ):
                rows = compare(ours, theirs, options.rounds, options.steps)
            for clock, row in zip(CLOCKS, rows, strict=True):
                numbers = "{:8.2f} {:8.2f} {:6.3f}".format(*row)
                print(f"{preset:26} {size:4} {clock:5} {numbers}", flush=True)


def compare(ours: Peer, theirs: Peer, rounds: int, steps: int) -> list[tuple[float, float, float]]:
    """For each clock the medians of both sides, and of the ratio within a round."""
    if abs(ours.parameters / theirs.parameters - 1) > 0.002:  # Ours have biases before BatchNorms.
        raise SystemExit(
            f"the networks differ: {ours.parameters} and {theirs.parameters} parameters."
        )
    sides = (ours, theirs)
    for side in sides:
        side.train(3)  # The first traces the graph.
    times: list[list[list[tuple[float, ...]]]] = [[], []]
    for turn in range(rounds):
        for index in (0, 1) if turn % 2 == 0 else (1, 0):
            times[index].append(sides[index].train(steps))
    rows = []
    for clock in range(len(CLOCKS)):
        found = [[[step[clock] for step in turn] for turn in side] for side in times]
        ratios = [
            statistics.median(mine) / statistics.median(other)
            for mine, other in zip(*found, strict=True)
        ]
        medians = [statistics.median(sum(side, [])) for side in found]
        rows.append((medians[0], medians[1], statistics.median(ratios)))
    return rows


def our_side(preset: str, size: int, threads: int) -> None:
    """Answers each line of the input as `torch_peer.py` does."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    if threads == 1:
        tf.config.threading.set_inter_op_parallelism_threads(1)

    from train_step import build, our_step

    from simplebase.presets import load_recipe

    model = build(preset, (size, size))
    recipe = load_recipe("default").updated({"augmentation": (), "optimizer": "adam"})
    step = our_step(model, recipe)
    weights = model.trainable_variables
    print(json.dumps(sum(math.prod(weight.shape) for weight in weights)), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            started = time.perf_counter(), time.process_time()
            step()
            seconds.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        our_side(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
