"""Models are timed in turns, each in a process of its own."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from simplebase import load_model
from simplebase.benchmarking import ModelSpeed, artifact, measure_models, model
from simplebase.benchmarking.artifact import ArtifactProcess
from simplebase.cost import count_gflops, count_params
from simplebase.devices import tensorflow_device
from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.metadata import Cost


def speed(call_times: dict[int, list[float]]) -> ModelSpeed:
    return ModelSpeed("a.keras", None, call_times, 10, None, None, "CPU: one")


def test_latency_and_throughput_follow_from_the_calls() -> None:
    measured = speed({1: [0.01 * call for call in range(1, 12)], 4: [0.1, 0.4, 0.2]})
    assert measured.latency(50) == pytest.approx(60)
    assert measured.latency(90) == pytest.approx(100)
    assert measured.images_per_second(1) == pytest.approx(1 / 0.06)
    assert measured.images_per_second(4) == pytest.approx(4 / 0.2)
    config = measured.to_config()
    assert config["median_ms"] == measured.latency(50)
    assert config["calls"] == {"1": 11, "4": 3}
    assert config["images_per_second"].keys() == {"1", "4"}


class RecordingProcess:
    """In the place of `ArtifactProcess`: writes down what it is asked for."""

    log: list[tuple[object, ...]] = []

    def __init__(self, path: str, threads: int | None) -> None:
        self.path = path

    def __enter__(self) -> "RecordingProcess":
        return self

    def __exit__(self, *error: object) -> None:
        self.log.append((self.path, "end"))

    def open(self) -> None:
        self.log.append((self.path, "open"))

    def device(self) -> str:
        return f"GPU: {self.path}"

    def call_times(self, batch_size: int, seconds: float) -> list[float]:
        self.log.append((self.path, batch_size, seconds))
        return [float(ord(self.path) * batch_size)]

    def peak_memory(self) -> int:
        self.log.append((self.path, "memory"))
        return ord(self.path)

    def cost(self) -> Cost | None:
        self.log.append((self.path, "cost"))
        return None if self.path == "b" else Cost(7, 0.5)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    monkeypatch.setattr(model, "ArtifactProcess", RecordingProcess)
    monkeypatch.setattr(model, "stored_bytes", lambda path: 1)
    monkeypatch.setattr(RecordingProcess, "log", [])
    return RecordingProcess.log


def test_models_take_turns_and_memory_is_that_of_batch_1(log: list[tuple[object, ...]]) -> None:
    steps: list[tuple[int, int]] = []
    speeds = measure_models(
        ["a", "b"],
        batch_sizes=[8],
        seconds=6,
        progress=lambda done, total: steps.append((done, total)),
    )
    timed = [("a", 1, 2.0), ("b", 1, 2.0)] * 3, [("a", 8, 2.0), ("b", 8, 2.0)] * 3
    assert log == [
        *(("a", "open"), ("b", "open")),
        *timed[0],
        *(("a", "memory"), ("b", "memory")),
        *timed[1],
        *(("a", "cost"), ("b", "cost")),
        *(("b", "end"), ("a", "end")),
    ]
    assert steps == [(done, 14) for done in range(1, 15)]
    assert [speed.call_times for speed in speeds] == [
        {1: [97.0] * 3, 8: [776.0] * 3},
        {1: [98.0] * 3, 8: [784.0] * 3},
    ]
    assert [(speed.peak_memory, speed.cost, speed.device) for speed in speeds] == [
        (97, Cost(7, 0.5), "GPU: a"),
        (98, None, "GPU: b"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threads": 0}, "threads must be at least 1. Received: 0"),
        ({"batch_sizes": [4, 0]}, r"a batch size must be at least 1. Received: \[4, 0\]"),
        ({"batch_sizes": []}, "a batch size must be at least 1"),
        ({"seconds": 0}, "seconds must be above 0. Received: 0"),
        ({"seconds": float("nan")}, "seconds must be above 0. Received: nan"),
        ({"seconds": float("inf")}, "seconds must be above 0. Received: inf"),
    ],
)
def test_a_value_out_of_range_is_refused(
    log: list[tuple[object, ...]], arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        measure_models(["a"], **arguments)  # type: ignore[arg-type]
    assert log == []


@pytest.fixture(scope="module")
def opened(small_model_file: Path) -> Iterator[ArtifactProcess]:
    with ArtifactProcess(small_model_file, threads=1) as process:
        process.open()
        yield process


def test_calls_are_timed_however_little_time_there_is(opened: ArtifactProcess) -> None:
    assert len(opened.call_times(1, seconds=0)) == 3
    assert min(opened.call_times(2, seconds=0)) > 0


def test_the_cost_is_that_of_the_network(opened: ArtifactProcess, small_model_file: Path) -> None:
    network = load_model(small_model_file)
    assert opened.cost() == (count_params(network), count_gflops(network, (64, 64)))


def test_the_device_is_told(opened: ArtifactProcess) -> None:
    assert opened.device() == tensorflow_device()


def test_only_what_tensorflow_runs_is_on_its_device(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(artifact, "load_runtime", lambda path, threads: None)
    monkeypatch.setattr(artifact, "tensorflow_device", lambda: "GPU: fast")
    monkeypatch.setattr(artifact, "processor", lambda: "CPU: slow")
    monkeypatch.setattr(artifact, "_opened", {})
    for name, device in (("a.keras", "GPU: fast"), ("a.onnx", "CPU: slow"), ("a.pb", "GPU: fast")):
        (tmp_path / name).touch()
        artifact._open(tmp_path / name, None)
        assert artifact._device() == device


def test_the_threads_are_those_asked_for(opened: ArtifactProcess) -> None:
    assert opened._run(tf.config.threading.get_intra_op_parallelism_threads) == 1


def test_a_process_does_not_count_the_memory_of_the_one_that_started_it() -> None:
    ours = np.ones(50_000_000)  # 400 MB
    with ArtifactProcess("a.keras") as process:
        memory = process.peak_memory()
    if memory is None:
        pytest.skip("this system does not tell a process's peak memory")
    # A bare Python with NumPy, and not even TensorFlow, which an ONNX model does without.
    assert memory < ours.nbytes


def test_a_bad_file_is_told_as_by_load_runtime(tmp_path: Path, small_model_file: Path) -> None:
    with pytest.raises(MissingFileError, match="absent.keras: the model does not exist"):
        measure_models([tmp_path / "absent.keras"])
    cut = tmp_path / "cut.keras"
    cut.write_bytes(small_model_file.read_bytes()[:1000])
    with pytest.raises(DataError, match="cut.keras cannot be loaded"):
        measure_models([cut])


def test_a_process_that_dies_is_told_in_one_sentence() -> None:
    with ArtifactProcess("a.keras") as process:
        with pytest.raises(DataError, match="a.keras cannot be measured: its process was killed"):
            process._run(os._exit, 9)


def test_a_process_ends_with_the_block_whatever_it_is_doing() -> None:
    """As when a signal raises an exception here while the process computes."""

    class Stopped(Exception):
        pass

    def stop(number: int, frame: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(Stopped), ArtifactProcess("a.keras") as process:
            pid = process._run(os.getpid)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            process._run(time.sleep, 60)
    finally:
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
