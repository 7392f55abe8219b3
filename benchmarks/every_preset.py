"""Trains every preset for an epoch of 16 steps, and prints the loss before and after.

python benchmarks/every_preset.py [PRESET...]

The tests train each backbone and each head once; this trains every pair and the deeper ResNets.
It takes from 10 seconds to some minutes per preset on two cores. The exit code is 1 if a loss does
not fall.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from simplebase import (
    TrainingOptions,
    load_dataset,
    load_recipe,
    preset_names,
    synthesize,
    train,
)
from simplebase.training import Observer, StepMetrics

_STEPS = 16
_BATCH = 2


class _Losses(Observer):
    """Keeps the loss of each step."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def stepped(self, metrics: StepMetrics) -> None:
        """Keeps one."""
        self.values.append(metrics.loss)


def main() -> int:
    """Prints one line per preset."""
    parser = argparse.ArgumentParser(description="Train every preset for a few steps.")
    parser.add_argument("presets", nargs="*", help="by default all")
    presets = parser.parse_args().presets or preset_names()
    recipe = load_recipe("quick").updated(
        {"total_epoch": 1, "batch_size": _BATCH, "optimizer": "sgd", "learning_rate": 0.002}
    )
    options = TrainingOptions(recipe=recipe, input_size=(64, 64), backbone_weights="none")
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        # Four of five figures are for training.
        dataset = load_dataset(synthesize(Path(folder) / "figures", count=_STEPS * _BATCH * 5 // 4))
        for name in presets:
            losses, clock = _Losses(), time.perf_counter()
            train(
                name,
                dataset,
                options,
                run_dir=Path(folder) / name,
                observer=losses,
            )
            before, after = np.mean(losses.values[:4]), np.mean(losses.values[-4:])
            seconds = time.perf_counter() - clock
            print(f"{name:32} loss {before:9.4f} -> {after:9.4f}   {seconds:5.0f} s", flush=True)
            if not after < 0.95 * before:
                failed.append(name)
    if failed:
        print(f"the loss did not fall: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
