"""How TensorFlow shares a machine, and what is said when a device has no memory left."""

import functools
import pickle
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from simplebase import ModelMetadata, SimpleBaseline, devices
from simplebase.benchmarking import artifact
from simplebase.cli import app
from simplebase.devices import explaining_out_of_memory, prepare_tensorflow, tensorflow_device
from simplebase.errors import OutOfMemoryError
from simplebase.presets import Preset
from simplebase.runtimes.graph import set_threads
from simplebase.runtimes.keras import KerasRuntime

# One worker runs out of memory, once.
pytestmark = pytest.mark.xdist_group("devices")


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """On a machine of two GPUs: which of them were told to take memory as they need it."""
    told: list[tuple[str, bool]] = []
    found = {"GPU": ["GPU:0", "GPU:1"], "CPU": ["CPU:0"]}
    monkeypatch.setattr(tf.config, "list_physical_devices", found.__getitem__)
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda gpu, grow: told.append((gpu, grow))
    )
    return told


def test_every_gpu_takes_memory_as_it_needs_it(grown: list[tuple[str, bool]]) -> None:
    prepare_tensorflow()
    assert grown == [("GPU:0", True), ("GPU:1", True)]


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_a_gpu_that_cannot_be_changed_any_more_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, grown: list[tuple[str, bool]], error: type[Exception]
) -> None:
    def refuse(gpu: str, grow: bool) -> None:
        grown.append((gpu, grow))
        raise error("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", refuse)
    prepare_tensorflow()
    assert len(grown) == 2


@pytest.mark.parametrize("way", [app.import_tensorflow, lambda: set_threads(None)])
def test_commands_and_opened_models_prepare_it(grown: list[tuple[str, bool]], way: Any) -> None:
    way()
    assert len(grown) == 2


class Threads:
    """In the place of `tf.config.threading`."""

    def __init__(self, intra: int, inter: int) -> None:
        self.intra, self.inter = intra, inter

    def get_intra_op_parallelism_threads(self) -> int:
        return self.intra

    def get_inter_op_parallelism_threads(self) -> int:
        return self.inter

    def set_intra_op_parallelism_threads(self, count: int) -> None:
        self.intra = count

    def set_inter_op_parallelism_threads(self, count: int) -> None:
        self.inter = count


@pytest.mark.parametrize(
    ("limit", "before", "after"),
    # 0 is TensorFlow's choice: a thread for each core of the machine.
    [(2.0, (0, 0), (2, 2)), (None, (0, 0), (0, 0)), (2.0, (1, 1), (1, 1))],
)
def test_in_a_container_tensorflow_gets_the_usable_cores(
    monkeypatch: pytest.MonkeyPatch,
    limit: float | None,
    before: tuple[int, int],
    after: tuple[int, int],
) -> None:
    threads = Threads(*before)
    monkeypatch.setattr(tf.config, "threading", threads)
    monkeypatch.setattr(devices, "cpu_limit", lambda: limit)
    monkeypatch.setattr(devices, "usable_cores", lambda: 2)
    prepare_tensorflow()
    assert (threads.intra, threads.inter) == after


def test_the_device_is_the_first_gpu_by_its_name_else_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: dict[str, list[str]] = {"GPU": []}
    details = {"GPU:0": {"device_name": "NVIDIA A100"}, "GPU:1": {}}
    monkeypatch.setattr(tf.config, "list_physical_devices", found.__getitem__)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details.__getitem__)
    assert tensorflow_device() == devices.processor()
    assert devices.processor().startswith("CPU: ") and len(devices.processor()) > 6
    found["GPU"] = ["GPU:0", "GPU:1"]
    assert tensorflow_device() == "GPU: NVIDIA A100"
    found["GPU"] = ["GPU:1"]
    assert tensorflow_device() == "GPU: of unknown name"


@functools.cache
def exhausted_memory() -> tf.errors.ResourceExhaustedError:
    """What TensorFlow raises, ten seconds after it was asked for 64 TiB."""
    with pytest.raises(tf.errors.ResourceExhaustedError) as caught:
        tf.zeros((2**22, 2**22))
    return caught.value


def exhaust(*arguments: object) -> Any:
    raise exhausted_memory()


def test_an_error_of_tensorflow_names_the_device_and_the_batch_size() -> None:
    with pytest.raises(OutOfMemoryError) as caught, explaining_out_of_memory(64, "wait"):
        exhaust()
    assert str(caught.value) == "out of memory on CPU:0 at batch size 64: wait."
    assert isinstance(caught.value.__cause__, tf.errors.ResourceExhaustedError)


@pytest.mark.parametrize(
    ("size", "advice"),
    [
        (2, "choose a smaller batch size, or close what else uses its memory"),
        (1, "close what else uses its memory, or choose a smaller model"),
    ],
)
def test_who_knows_no_option_gets_advice_all_the_same(size: int, advice: str) -> None:
    with pytest.raises(OutOfMemoryError, match=advice), explaining_out_of_memory(size):
        exhaust()


def test_whoever_knows_the_option_says_so_further_out() -> None:
    with pytest.raises(OutOfMemoryError) as caught:
        with explaining_out_of_memory(9, "choose another"), explaining_out_of_memory(4):
            exhaust()
    assert str(caught.value) == "out of memory on CPU:0 at batch size 4: choose another."


@pytest.mark.parametrize("error", [ValueError("no"), tf.errors.AbortedError(None, None, "no")])
def test_other_errors_pass_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)), explaining_out_of_memory(1):
        raise error


def test_it_comes_back_from_another_process_as_it_was() -> None:
    error = OutOfMemoryError("GPU:0", 4, "wait")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.device, again.batch_size) == (str(error), "GPU:0", 4)
    assert error.exit_code == 1


@pytest.fixture
def exhausted(small_preset: Preset) -> KerasRuntime:
    """A model without memory to run."""
    model = SimpleBaseline.from_preset(small_preset, 2, backbone_weights="none")
    runtime = KerasRuntime(model)
    runtime._heatmaps = exhaust
    return runtime


def images(metadata: ModelMetadata, count: int) -> np.ndarray:
    return np.zeros((count, *metadata.input_size, 3), np.uint8)


def test_a_model_that_does_not_fit_says_so(exhausted: KerasRuntime) -> None:
    with pytest.raises(OutOfMemoryError, match=r"on CPU:0 at batch size 3: choose a smaller batch"):
        exhausted.predict(images(exhausted.metadata, 3))


def test_bench_model_names_its_own_option(
    monkeypatch: pytest.MonkeyPatch, exhausted: KerasRuntime
) -> None:
    monkeypatch.setitem(artifact._opened, "runtime", exhausted)
    with pytest.raises(OutOfMemoryError, match="batch size 16: choose smaller --batch-sizes"):
        artifact._call_times(16, 0)
    with pytest.raises(OutOfMemoryError, match="batch size 1: close what else uses its memory"):
        artifact._call_times(1, 0)
