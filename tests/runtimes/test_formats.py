"""Every format answers as the model does that it was written from."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from artifacts import ALL, Artifacts

import simplebase
from simplebase.errors import ArgumentError
from simplebase.runtimes import load_runtime

# The formats are written once, on one worker.
pytestmark = pytest.mark.xdist_group("runtimes")

# Largest differences of heatmaps between 0 and 1. Measured: 1e-6 for floats, 6e-4 for float16
# weights, 2.4e-2 for int8 throughout, whose steps are 1/255 at the output alone.
FLOAT, FLOAT16, INT8 = 1e-5, 5e-3, 5e-2
TOLERANCES = {"float16.tflite": FLOAT16, "uint8.tflite": INT8, "int8.tflite": INT8}
TENSORFLOW = ("model.keras", "model.h5", "model.pb", "free")
OTHERS = ("float.onnx", "float.tflite", "float.mnn")


@pytest.mark.parametrize("name", ALL)
def test_heatmaps_are_those_of_the_model(artifacts: Artifacts, name: str) -> None:
    runtime = load_runtime(artifacts.path(name))
    assert runtime.metadata == artifacts.metadata
    heatmaps = runtime.predict(artifacts.images)
    assert heatmaps.dtype == np.float32
    assert heatmaps.shape == (5, 16, 24, 14)
    assert artifacts.heatmaps.std(axis=0).mean() > 0.01
    assert np.abs(heatmaps - artifacts.heatmaps).max() < TOLERANCES.get(name, FLOAT)


@pytest.mark.parametrize("name", ALL)
def test_a_batch_is_answered_as_its_images_one_by_one(artifacts: Artifacts, name: str) -> None:
    runtime = load_runtime(artifacts.path(name))
    alone = np.concatenate([runtime.predict(image[None]) for image in artifacts.images])
    for count in (3, 5):
        np.testing.assert_allclose(
            runtime.predict(artifacts.images[:count]), alone[:count], rtol=0, atol=FLOAT
        )
    assert runtime.predict(artifacts.images[:0]).shape == (0, 16, 24, 14)


@pytest.mark.parametrize("name", ["model.keras", "float.onnx"])
@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 96, 64, 3), np.uint8),
        np.zeros((1, 64, 96, 3), np.float32),
        np.zeros((64, 96, 3), np.uint8),
    ],
    ids=["size", "type", "one image"],
)
def test_images_of_another_kind_are_refused(
    artifacts: Artifacts, name: str, images: np.ndarray
) -> None:
    with pytest.raises(ArgumentError, match=r"takes images \(B, 64, 96, 3\) uint8\. Received: "):
        load_runtime(artifacts.path(name)).predict(images)


def test_the_estimator_of_a_user_opens_every_format(artifacts: Artifacts) -> None:
    image = np.random.default_rng(1).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    expected = simplebase.load(artifacts.path("model.keras"))(image)[0].keypoints
    for name in OTHERS:
        found = simplebase.load(artifacts.path(name))(image)[0].keypoints
        np.testing.assert_allclose(found, expected, atol=0.01)


def run_python(code: str, *arguments: object) -> str:
    """What a new process prints, to either stream."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux does")
@pytest.mark.parametrize("name", OTHERS)
def test_threads_are_those_that_the_library_starts(artifacts: Artifacts, name: str) -> None:
    code = """
import os, sys
import numpy as np
from simplebase.runtimes import load_runtime

images = np.zeros((1, 64, 96, 3), np.uint8)
load_runtime(sys.argv[1], threads=1)
before = len(os.listdir("/proc/self/task"))
one = load_runtime(sys.argv[1], threads=1)
after_one = len(os.listdir("/proc/self/task"))
five = load_runtime(sys.argv[1], threads=5)
print(after_one - before, len(os.listdir("/proc/self/task")) - after_one)
np.testing.assert_allclose(five.predict(images), one.predict(images), rtol=0, atol=1e-5)
"""
    assert run_python(code, artifacts.path(name)).split() == ["0", "4"]


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_below_one_are_refused(artifacts: Artifacts, threads: int) -> None:
    with pytest.raises(ArgumentError, match=f"above 0. Received: {threads}"):
        load_runtime(artifacts.path("float.onnx"), threads=threads)


@pytest.mark.parametrize("name", TENSORFLOW)
def test_tensorflow_that_has_computed_keeps_its_threads(artifacts: Artifacts, name: str) -> None:
    with pytest.raises(ArgumentError, match="17 threads before anything else, or in a new process"):
        load_runtime(artifacts.path(name), threads=17)


def test_tensorflow_takes_threads_in_a_new_process(artifacts: Artifacts) -> None:
    code = """
import sys
import tensorflow as tf
from simplebase.runtimes import load_runtime

for path in sys.argv[1:]:
    load_runtime(path, threads=1)
print("threads", tf.config.threading.get_intra_op_parallelism_threads())
"""
    # The second finds TensorFlow running, with the threads that it asks for.
    paths = artifacts.path("model.pb"), artifacts.path("fixed")
    assert run_python(code, *paths).splitlines()[-1] == "threads 1"


def test_the_small_libraries_need_no_tensorflow_and_print_nothing(artifacts: Artifacts) -> None:
    code = """
import sys
import numpy as np
from simplebase.runtimes import load_runtime

for path in sys.argv[1:]:
    load_runtime(path).predict(np.zeros((2, 64, 96, 3), np.uint8))
# Its commands install packages and report over the network.
assert not [name for name in sys.modules if name.startswith(("tensorflow", "MNN.tools"))]
"""
    names = (*OTHERS, "uint8.tflite", "free.onnx")
    assert run_python(code, *(artifacts.path(name) for name in names)) == ""
