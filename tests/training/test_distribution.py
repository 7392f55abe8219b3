"""Two devices train as one does, and devices that are not there are refused."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from forked_processes import start
from two_devices import train_all

from simplebase.errors import ArgumentError, TrainingError
from simplebase.training import Distribution, distribute
from simplebase.training.distribution import gpu_devices
from simplebase.training.runs.metrics import read_metrics

# With other tests of processes: what they are forked from is started once.
pytestmark = pytest.mark.xdist_group("processes")

CASES = ["augmented", "clipped", "unlabelled", "float16"]
# Sums differ by their order; in float16 they keep three digits.
TOLERANCE = {"augmented": 1e-4, "clipped": 1e-4, "unlabelled": 1e-4, "float16": 1e-2}
TIMEOUT = 600  # seconds; it takes twenty, and more on a busy machine


@dataclass(frozen=True)
class TwoDevices:
    """What `train_all` left behind."""

    folder: Path
    losses: dict[str, dict[str, list[float]]]
    labels: list[list[int]]
    places: dict[str, list[tuple[str, list[int]]]]

    def state(self, case: str, devices: str) -> dict[str, np.ndarray]:
        with np.load(self.folder / case / devices / "checkpoints" / "state.npz") as arrays:
            return {name: arrays[name] for name in arrays.files if name != "progress"}


@pytest.fixture(scope="module")
def trained(figures_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TwoDevices:
    folder = tmp_path_factory.mktemp("two_devices")
    process = start(train_all, figures_folder, folder, output=folder / "output")
    process.join(TIMEOUT)
    process.kill()
    process.join()
    assert process.exitcode == 0, (folder / "output").read_text()
    return TwoDevices(folder, **json.loads((folder / "result.json").read_text()))


@pytest.mark.slow
def test_the_two_devices_have_unevenly_many_labels(trained: TwoDevices) -> None:
    # What follows would hold of a mean of both devices' means as well if they had not.
    assert sum(first != second for first, second in trained.labels) >= 3


@pytest.mark.slow
def test_each_device_gets_its_part_of_a_batch_and_nothing_else(trained: TwoDevices) -> None:
    assert trained.places["one"] == [["CPU:1", [0, 1]]]
    assert trained.places["two"] == [["CPU:0", [0]], ["CPU:1", [1]]]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_devices_have_the_losses_of_one_at_every_step(trained: TwoDevices, case: str) -> None:
    losses = trained.losses[case]
    assert len(losses["one"]) == 8
    np.testing.assert_allclose(losses["two"], losses["one"], rtol=TOLERANCE[case])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["augmented", "clipped", "unlabelled"])
def test_two_devices_end_with_the_weights_and_statistics_of_one(
    trained: TwoDevices, case: str
) -> None:
    one, two = (trained.state(case, devices) for devices in ("one", "two"))
    assert list(one) == list(two)
    assert any(name.startswith("average/") for name in one) == (case != "augmented")
    for name in one:
        if not name.startswith("optimizer/"):
            size = np.abs(one[name]).max()
            np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-4 * size, err_msg=name)


@pytest.mark.slow
def test_two_devices_find_the_pseudo_keypoints_of_one(trained: TwoDevices) -> None:
    one, two = (
        [row.pseudo_keypoints for row in read_metrics(trained.folder / "unlabelled" / devices)]
        for devices in ("one", "two")
    )
    assert any(one)
    np.testing.assert_allclose(np.array(two, float), np.array(one, float), atol=2e-3)


@pytest.mark.slow
def test_gradients_that_overflow_halve_the_scale_and_change_no_weight(trained: TwoDevices) -> None:
    for devices in ("one", "two"):
        losses, state = trained.losses["float16"][devices], trained.state("float16", devices)
        # The largest single number of the optimizer; Keras begins with 2^15.
        scale = max(values for name, values in state.items() if values.ndim == 0)
        assert scale == 2.0**12
        assert losses[-1] < losses[3]
        assert all(np.isfinite(values).all() for values in state.values())


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_several_devices_write_one_run(trained: TwoDevices, case: str) -> None:
    def files(devices: str) -> list[str]:
        folder = trained.folder / case / devices
        found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        # The names of TensorBoard's files hold the time, those of checkpoints the loss.
        return sorted(str(path).split("events")[0].split("_loss")[0] for path in found)

    assert files("two") == files("one")
    metrics = (trained.folder / case / "two" / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in metrics] == ["epoch", "1", "2"]


def test_one_device_reads_the_whole_batch_and_leaves_batch_norms_alone() -> None:
    distribution = distribute()
    assert (distribution.replicas, distribution.workers, distribution.is_chief) == (1, 1, True)
    assert distribution.local_part(7) == slice(0, 7)
    model = keras.Sequential([keras.layers.BatchNormalization()])
    distribution.synchronise_batch_norms(model)
    assert not model.layers[0].synchronized


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"no device GPU:7\. There are: .*CPU:0"):
        distribute(devices=["CPU:0", "GPU:7"])
    with pytest.raises(ArgumentError, match="no device GPU:7"):
        distribute(devices=["GPU:7"])


def test_a_named_device_is_the_one_that_computes() -> None:
    with distribute(devices=["CPU:0"]).strategy.scope():
        assert tf.Variable(0.0).device.endswith("CPU:0")


def test_gpus_are_named_in_order_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * 2)
    assert gpu_devices(1) is None
    assert gpu_devices(2) == ["GPU:0", "GPU:1"]
    with pytest.raises(ArgumentError, match="--gpu-num is 3, but TensorFlow finds 2 GPUs"):
        gpu_devices(3)


class FourDevices:
    """As much of a strategy as `Distribution` asks for."""

    num_replicas_in_sync = 4
    cluster_resolver = None


@pytest.mark.parametrize(("size", "fitting"), [(6, 4), (9, 8), (3, 4)])
def test_a_batch_that_devices_cannot_share_is_refused_with_one_that_they_can(
    size: int, fitting: int
) -> None:
    distribution: Any = Distribution(FourDevices())  # type: ignore[arg-type]
    with pytest.raises(
        ArgumentError, match=rf"{size} samples.*4 devices.*--batch-size {fitting}\."
    ):
        distribution.local_part(size)
    assert distribution.local_part(fitting) == slice(0, fitting)


def test_several_workers_need_to_know_of_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ArgumentError, match=r'TF_CONFIG, which is not set.*"worker": \["host0'):
        distribute("multi-worker")


WORKERS = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}
FIRST = {"type": "worker", "index": 0}


@pytest.mark.parametrize(
    "config",
    [
        "{cluster",
        "[]",
        {"cluster": WORKERS},
        {"task": FIRST},
        {"cluster": {"ps": ["127.0.0.1:1"]}, "task": FIRST},
        {"cluster": WORKERS | {"chief": ["127.0.0.1:3"]}, "task": FIRST},
        {"cluster": WORKERS | {"ps": ["127.0.0.1:3"]}, "task": FIRST},
        {"cluster": WORKERS, "task": {"type": "chief", "index": 0}},
        {"cluster": WORKERS, "task": {"type": "worker", "index": 2}},
        {"cluster": WORKERS, "task": {"type": "worker", "index": -1}},
        {"cluster": WORKERS, "task": {"type": "worker", "index": "0"}},
    ],
    ids=str,
)
def test_a_cluster_of_anything_but_workers_is_refused(
    monkeypatch: pytest.MonkeyPatch, config: Any
) -> None:
    text = config if isinstance(config, str) else json.dumps(config)
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ArgumentError) as error:
        distribute("multi-worker")
    assert str(error.value).endswith(f"Received: {text}")
    assert '"task": {"type": "worker", "index": 0}' in str(error.value)


def test_workers_come_before_anything_else_that_tensorflow_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tf.constant(0)
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": WORKERS, "task": FIRST}))
    with pytest.raises(ArgumentError, match="could not connect: Collective ops must be"):
        distribute("multi-worker")


def test_a_worker_that_does_not_answer_ends_the_training_with_advice() -> None:
    distribution = Distribution(tf.distribute.get_strategy())

    def exchange() -> None:
        with distribution.explaining_lost_workers():
            raise tf.errors.UnavailableError(None, None, "Connection reset by peer")

    with pytest.raises(tf.errors.UnavailableError):
        exchange()
    distribution.workers = 2
    with pytest.raises(TrainingError, match="another worker does not respond.*--resume"):
        exchange()
