"""Two processes train as one does; both stop when one is asked to, and both go on."""

import json
import shutil
import signal
import socket
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from forked_processes import start
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny
from worker import one_of_several

from simplebase import KeypointDataset, SimpleBaseline
from simplebase.errors import SimplebaseNote
from simplebase.training import resume
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import read_metrics
from simplebase.training.unlabelled.pool import UnlabelledPool

# With other tests of processes: what they are forked from is started once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("processes")]

TIMEOUT = 300  # seconds; they take ten, and more on a busy machine
PRESET = """
description: for tests
backbone: {name: mobilenetv2}
head: {name: upsample_lite, channels: [8, 8, 8]}
"""


@dataclass(frozen=True)
class Worker:
    """How a worker process ended, and its steps: number in the run, loss, samples read."""

    exit_code: int | None
    output: str
    steps: list[tuple[int, float, int]]


def run_workers(
    folder: Path, arguments: Sequence[Sequence[str]], stop_after: Sequence[int] = (-1, -1)
) -> list[Worker]:
    """Runs a worker a list of arguments, all at once; none outlives this call."""
    hosts = [f"127.0.0.1:{port}" for port in free_ports(len(arguments))]
    outputs = [folder / f"output{index}" for index in range(len(arguments))]
    processes = []
    for index, (given, stop) in enumerate(zip(arguments, stop_after, strict=True)):
        config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
        outputs[index].unlink(missing_ok=True)
        losses = folder / f"losses{index}"
        processes.append(start(one_of_several, given, config, losses, stop, output=outputs[index]))
    end = time.monotonic() + TIMEOUT
    for process in processes:
        process.join(max(0, end - time.monotonic()))
    hang = any(process.is_alive() for process in processes)
    for process in processes:
        process.kill()
        process.join()
    if hang:
        pytest.fail("\n\n".join(["the workers hang", *(path.read_text() for path in outputs)]))
    return [
        Worker(process.exitcode, outputs[index].read_text(), steps_of(folder / f"losses{index}"))
        for index, process in enumerate(processes)
    ]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def steps_of(losses: Path) -> list[tuple[int, float, int]]:
    lines = losses.read_text().splitlines() if losses.exists() else []
    losses.unlink(missing_ok=True)
    return [tuple(json.loads(line)) for line in lines]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def write_files(folder: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclass(frozen=True)
class TwoWorkers:
    """A run of two epochs of four steps on two machines without a common disk.

    The second worker is asked to stop after its step 4, the first of the second epoch. Then the
    chief's folder is copied to it, and both go on.
    """

    folder: Path
    stopped: list[Worker]
    left_by_second: bool
    copied: dict[str, bytes]
    resumed: list[Worker]


@pytest.fixture(scope="module")
def trained(figures_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TwoWorkers:
    folder = tmp_path_factory.mktemp("two_workers")
    preset = folder / "one.yaml"
    preset.write_text(PRESET)
    runs = [folder / "chief" / "run", folder / "second" / "run"]
    train = ["train", "--strategy", "multi-worker"]
    begin = [*train, "--preset", str(preset), "--recipe", "quick", "--input-size", "64x64"]
    begin += ["--dataset", str(figures_folder), "--total-epoch", "2", "--backbone-weights", "none"]
    begin += ["--clip-norm", "2", "--ema", "0.9"]
    stopped = run_workers(folder, [[*begin, "--run-dir", str(run)] for run in runs], (-1, 4))
    left_by_second = runs[1].parent.exists()
    shutil.copytree(*runs)
    copied = files(runs[1])
    resumed = run_workers(folder, [[*train, "--resume", str(run)] for run in runs])
    return TwoWorkers(folder, stopped, left_by_second, copied, resumed)


def test_a_signal_to_one_worker_stops_both_after_the_same_step(trained: TwoWorkers) -> None:
    """The next one tells the other worker, which finds it when one more has been started."""
    chief, second = trained.stopped
    place = "in epoch 2 after step 3 of 4; nothing is lost"
    assert f"another worker stopped {place}" in chief.output
    assert f"stopped by SIGTERM {place}" in second.output
    assert "Error:" not in chief.output + second.output
    assert (chief.exit_code, second.exit_code) == (1, 128 + signal.SIGTERM)
    assert [step for step, *_ in chief.steps] == [step for step, *_ in second.steps] == [*range(7)]


def test_both_workers_go_on_from_there_to_the_end(trained: TwoWorkers) -> None:
    for worker in trained.resumed:
        assert worker.exit_code == 0, worker.output
        assert [step for step, *_ in worker.steps] == [7]


def test_losses_and_weights_are_those_of_one_process_that_was_never_stopped(
    trained: TwoWorkers, figures: KeypointDataset, tmp_path: Path
) -> None:
    alone, recipe = Recorder(), tiny_recipe(clip_norm=2, ema=0.9)
    train_tiny(figures, tmp_path / "run", recipe=recipe, observer=alone)
    for stopped, resumed in zip(trained.stopped, trained.resumed, strict=True):
        losses = [loss for _, loss, _ in stopped.steps + resumed.steps]
        np.testing.assert_allclose(losses, alone.losses, rtol=1e-4)
    state = Path("run", "checkpoints", "state.npz")
    with np.load(trained.folder / "chief" / state) as theirs, np.load(tmp_path / state) as mine:
        assert theirs.files == mine.files
        names = [name for name in mine.files if name.startswith(("weights/", "average/"))]
        for name in names:
            size = np.abs(mine[name]).max()
            np.testing.assert_allclose(
                theirs[name], mine[name], rtol=0, atol=1e-4 * size, err_msg=name
            )


def test_one_process_can_go_on_with_a_run_of_two(trained: TwoWorkers, tmp_path: Path) -> None:
    write_files(tmp_path / "run", trained.copied)
    alone = Recorder()
    with one_layer_network():
        resume(tmp_path / "run", observer=alone)
    losses = [loss for _, loss, _ in trained.resumed[0].steps]
    np.testing.assert_allclose(alone.losses, losses, rtol=1e-4)


def test_workers_that_would_not_train_the_same_do_not_begin(
    trained: TwoWorkers, tmp_path: Path
) -> None:
    for name in "01":
        write_files(tmp_path / name, trained.copied)
    config = tmp_path / "1" / "config.yaml"
    config.write_text(config.read_text().replace("clip_norm: 2.0", "clip_norm: 3.0"))
    resume = ["train", "--strategy", "multi-worker", "--resume"]
    for worker in run_workers(tmp_path, [[*resume, str(tmp_path / name)] for name in "01"]):
        assert worker.exit_code == 1 and not worker.steps
        assert "the workers do not start with the same weights, settings and step" in worker.output


def test_each_worker_reads_its_half_of_each_batch(trained: TwoWorkers) -> None:
    for worker in trained.stopped + trained.resumed:
        assert {samples for *_, samples in worker.steps} == {4}


def test_only_the_chief_writes(trained: TwoWorkers) -> None:
    assert not trained.left_by_second
    assert files(trained.folder / "second" / "run") == trained.copied
    written = files(trained.folder / "chief" / "run")
    assert "summary.json" in written.keys() - trained.copied.keys()
    assert written["checkpoints/state.npz"] != trained.copied["checkpoints/state.npz"]
    lines = written["metrics.csv"].decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "1", "2"]


def test_only_the_chief_shows_progress(trained: TwoWorkers) -> None:
    chief, second = trained.resumed
    assert "continuing at epoch 2" in chief.output
    assert "continuing at epoch 2" not in second.output


def test_two_workers_learn_from_unlabelled_images_as_one_process(
    figures_folder: Path, figures: KeypointDataset, tmp_path: Path
) -> None:
    """Each has its own copies of the images, and finds half of the teacher's keypoints."""
    preset = tmp_path / "one.yaml"
    preset.write_text(PRESET)
    frames = [tmp_path / name / "frames" for name in ("chief", "second")]
    for folder in frames:
        folder.mkdir(parents=True)
        for path in sorted((figures_folder / "images").iterdir())[:12]:
            shutil.copy(path, folder)
    teacher = tmp_path / "teacher.keras"
    with one_layer_network() as network:
        keras.utils.set_random_seed(3)
        model = SimpleBaseline.from_preset(
            network, skeleton=figures.skeleton, input_size=(64, 64), backbone_weights="none"
        )
        # The heatmaps of one that has learnt nothing are nearly 0.
        model.set_weights([weight * 0.9 + 0.01 for weight in model.get_weights()])
        model.save(teacher)
    # Adam would make steps of rounding errors where gradients are nearly 0.
    values = {"optimizer": "sgd", "learning_rate": 0.001, "total_epoch": 1}
    settings = {"threshold": 0.001, "mirror": 0.5, "ramp": 0.0}
    begin = ["train", "--strategy", "multi-worker", "--preset", str(preset), "--recipe", "quick"]
    begin += ["--dataset", str(figures_folder), "--input-size", "64x64"]
    begin += ["--backbone-weights", "none", "--teacher", str(teacher)]
    for name, value in values.items():
        begin += [f"--{name.replace('_', '-')}", str(value)]
    begin += ["--unlabelled-settings", json.dumps(settings)]
    workers = run_workers(
        tmp_path,
        [
            [*begin, "--unlabelled", str(each), "--run-dir", str(each.parent / "run")]
            for each in frames
        ],
    )
    for worker in workers:
        assert worker.exit_code == 0, worker.output
    alone = Recorder()
    with warnings.catch_warnings():
        # How many keypoints pass.
        warnings.simplefilter("ignore", SimplebaseNote)
        train_tiny(
            figures,
            tmp_path / "alone",
            recipe=tiny_recipe(**values, unlabelled=settings),
            observer=alone,
            teacher=teacher,
            unlabelled_images={"sources": [frames[0]]},
        )
    for worker in workers:
        np.testing.assert_allclose([loss for _, loss, _ in worker.steps], alone.losses, rtol=1e-4)
    runs = frames[0].parent / "run", tmp_path / "alone"
    pools = [UnlabelledPool.load(Run(run).unlabelled) for run in runs]
    np.testing.assert_allclose(pools[0].keypoints, pools[1].keypoints, atol=1e-3)
    [share] = [row.pseudo_keypoints for row in read_metrics(runs[0])]
    assert share == pytest.approx(alone.epochs[0].pseudo_keypoints) and share > 0.1


def test_two_workers_train_a_teacher_that_the_first_one_labels_with(
    figures_folder: Path, figures: KeypointDataset, tmp_path: Path
) -> None:
    """The folder of an earlier run that the second worker has must not matter."""
    preset = tmp_path / "one.yaml"
    preset.write_text(PRESET)
    photos = tmp_path / "photos"
    shutil.copytree(figures_folder / "images", photos)
    earlier = tmp_path / "1" / "teacher"
    earlier.mkdir(parents=True)
    for name in ("config.yaml", "summary.json"):
        (earlier / name).write_text("{}")
    begin = ["train", "--strategy", "multi-worker", "--preset", str(preset), "--recipe", "quick"]
    begin += ["--dataset", str(figures_folder), "--input-size", "64x64", "--total-epoch", "1"]
    begin += ["--backbone-weights", "none", "--learning-rate", "0.01", "--unlabelled", str(photos)]
    begin += ["--unlabelled-settings", "{threshold: 0.0001, mirror: 0.5}"]
    workers = run_workers(tmp_path, [[*begin, "--run-dir", str(tmp_path / name)] for name in "01"])
    for worker in workers:
        assert worker.exit_code == 0, worker.output
    chief, second = ([loss for _, loss, _ in worker.steps] for worker in workers)
    np.testing.assert_allclose(chief, second, rtol=1e-6)
    assert UnlabelledPool.load(tmp_path / "0" / "unlabelled.npz").has_pseudo_keypoints
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == ["teacher"]
