"""The Ray engine: the same rows, whatever is lost on the way."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simplebase.errors import ArgumentError, MissingPackageError
from simplebase.prediction import ClusterOptions, write_predictions

# In a process of its own: Ray's threads and processes stay until it ends.
PROGRAM = """
import os, signal, sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import ray

from simplebase.errors import ArgumentError, MissingPackageError
from simplebase.prediction import ClusterOptions, PredictionSettings, write_predictions
from simplebase.ray_cluster import require_on_all_nodes

photos, model, figures, folder = map(Path, sys.argv[1:])
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
# A GPU that is only counted: what asks for it runs on the processor.
ray.init(num_cpus=2, num_gpus=1, log_to_driver=False, include_dashboard=False, logging_level=40)
settings = PredictionSettings(batch_size=4)

def actors():
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes().startswith(b"ray::MapWorker(MapBatches(Predictor"):
                yield int(entry.parent.name)
        except OSError:
            pass

def written(name, **options):
    told.clear()
    summary = write_predictions(
        folder / "list.txt", model, folder / name, settings=settings, images_per_part=50, **options
    )
    return summary, pq.read_table(folder / name).to_pydict()

told, killed = [], []
def kill_one(done, total):
    told.append(done)
    if not killed and done < total / 2:
        killed.extend(list(actors())[:1])
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

paths = [str(photos / f"{number % 10}.png") for number in range(600)]
paths[7] = str(photos / "none.png")
(folder / "list.txt").write_text("\\n".join(paths))
_, local = written("local")
summary, rows = written(
    "ray", engine="ray", cluster=ClusterOptions(concurrency=2), progress=kill_one
)
assert killed and told[-1] == 600
assert rows["path"] == local["path"] == paths[:7] + paths[8:]
np.testing.assert_allclose(rows["keypoints"], local["keypoints"], atol=1e-4)
assert [Path(problem.path).name for problem in summary.problems] == ["none.png"]
print("same rows although an actor was killed")

(folder / "list.txt").write_text("\\n".join(paths[:40]))
_, local = written("local_40")
_, rows = written("apart", engine="ray", cluster=ClusterOptions(readers=1, num_gpus=1))
assert rows["path"] == local["path"]
np.testing.assert_allclose(rows["keypoints"], local["keypoints"], atol=1e-4)
print("same rows of readers and models apart")

from simplebase import Crop, load_dataset
from simplebase.data.packed import pack_dataset

def packed(name, **options):
    pack_dataset(
        load_dataset(figures), folder / name, crop=Crop(), input_size=(32, 32),
        canvas_size=(48, 48), records_a_shard=12, **options
    )
    return {path.name: path.read_bytes() for path in (folder / name).iterdir()}

one_process = packed("packed")
assert len(one_process) == 6  # four shards, the table and the manifest
assert packed("packed_on_ray", cluster=ClusterOptions()) == one_process
print("same shards")

try:
    require_on_all_nodes(ray, "no_such_package")
except MissingPackageError as error:
    assert "does not have the package no_such_package" in str(error), error
    print("a cluster that lacks the package is named")
"""


@pytest.mark.slow
def test_rows_and_shards_are_those_of_one_process(
    colour_model_file: Path, dot_photos: Path, figures_folder: Path, tmp_path: Path
) -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip('the extra ray is not installed: pip install "simplebase[ray]"')
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, dot_photos, colour_model_file, figures_folder, tmp_path],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "RAY_raylet_start_wait_time_s": "240",  # on a machine that is busy with other tests
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # Ray prints the loss of the actor there too.
    assert {
        "same rows although an actor was killed",
        "same rows of readers and models apart",
        "same shards",
        "a cluster that lacks the package is named",
    } <= set(done.stdout.splitlines())


def test_without_ray_the_error_says_how_to_install_it(
    colour_model_file: Path, dot_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r'pip install "simplebase\[ray\]"'):
        write_predictions(dot_photos, colour_model_file, tmp_path / "out", engine="ray")
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_cannot_be_are_refused() -> None:
    for wrong in ({"concurrency": 0}, {"readers": 0}, {"num_cpus": 0}, {"num_gpus": -1}):
        with pytest.raises(ArgumentError):
            ClusterOptions(**wrong)  # type: ignore[arg-type]
