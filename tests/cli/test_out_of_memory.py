"""A device without memory ends a command with one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tiny_runs import one_layer_network

from simplebase.runtimes.keras import KerasRuntime
from simplebase.training.step import TrainingStep

# They trace a model: on one worker the next one is quicker.
pytestmark = pytest.mark.xdist_group("test_train")

Command = Callable[..., tuple[int, str, str]]


def exhaust(*arguments: object, **named: object) -> Any:
    """As on a GPU: the message is that of TensorFlow 2.21 there."""
    raise tf.errors.ResourceExhaustedError(
        None,
        None,
        "OOM when allocating tensor with shape[64,256,256,64] and type float on "
        "/job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc [Op:Conv2D]",
    )


def test_train_and_eval_name_the_device_the_batch_size_and_the_option(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    figures_folder: Path,
    small_model_file: Path,
) -> None:
    begin = KerasRuntime.__init__

    def without_memory(self: KerasRuntime, model: Any) -> None:
        begin(self, model)
        self._heatmaps = exhaust

    monkeypatch.setattr(TrainingStep, "start", exhaust)
    monkeypatch.setattr(KerasRuntime, "__init__", without_memory)
    with one_layer_network():
        line = "--recipe quick --input-size 64x64 --backbone-weights none --batch-size 8"
        train = command("train", "--dataset", figures_folder, *line.split(), "--run-dir", "run")
    measure = command("eval", small_model_file, "--dataset", figures_folder, "--batch-size", 4)
    for (code, _, error), size in ((train, 8), (measure, 4)):
        assert code == 1
        assert error == (
            f"Error: out of memory on GPU:0 at batch size {size}: choose a smaller --batch-size.\n"
        )
