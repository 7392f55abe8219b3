"""Exported files are shown, described and measured where TensorFlow cannot be imported."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from artifacts import Artifacts

from simplebase import KeypointDataset, load, read_image

# Writes the artifacts; on one worker with the runtimes' tests, which do.
pytestmark = pytest.mark.xdist_group("runtimes")

# The finder stands before all others, so that the packages are missing though they are installed.
PROGRAM = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "keras_cv"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
from simplebase.cli import main
main()
"""


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    return Artifacts(tmp_path_factory.mktemp("exported"), skeleton="mpii")


FILES = ("float.tflite", "float.onnx", "float.mnn")


@pytest.mark.parametrize("name", FILES)
def test_demo_finds_what_the_library_finds(
    artifacts: Artifacts, figures: KeypointDataset, tmp_path: Path, name: str
) -> None:
    model = artifacts.path(name)
    photo = figures.images.path(0)
    outputs = ("--output", "pose.jpg", "--output", "pose.json")
    done = run(tmp_path, "demo", "--model", model, "--input", photo, *outputs)
    assert done.returncode == 0, done.stderr
    assert read_image(tmp_path / "pose.jpg").shape == read_image(photo).shape
    [frame] = json.loads((tmp_path / "pose.json").read_text())["frames"]
    [pose] = load(model)(read_image(photo))
    found = np.array(frame["poses"][0]["keypoints"])
    np.testing.assert_allclose(found, pose.keypoints, atol=0.01)


@pytest.mark.parametrize("name", FILES)
def test_inspect_shows_the_metadata(artifacts: Artifacts, tmp_path: Path, name: str) -> None:
    done = run(tmp_path, "inspect", artifacts.path(name), "--json", "model.json")
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "model.json").read_text())
    assert written["metadata"] == artifacts.metadata.to_config()
    assert written["network"] is None


@pytest.mark.parametrize("name", FILES)
def test_eval_measures_every_image_and_writes_its_files(
    artifacts: Artifacts, figures_folder: Path, figures: KeypointDataset, tmp_path: Path, name: str
) -> None:
    done = run(tmp_path, "eval", artifacts.path(name), "--dataset", figures_folder, "--save-result")
    assert done.returncode == 0, done.stderr
    held_out = int(figures.records.validation.sum())
    assert len(list((tmp_path / "result").rglob("*.jpg"))) >= held_out


def test_a_keras_file_still_asks_for_tensorflow(artifacts: Artifacts, tmp_path: Path) -> None:
    done = run(tmp_path, "inspect", artifacts.path("model.keras"))
    assert done.returncode != 0 and "tensorflow is blocked" in done.stderr
