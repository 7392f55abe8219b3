"""Exported files are shown, described and measured where training cannot be installed."""

import json
import re
import subprocess
import sys
import tomllib
import urllib.request
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from artifacts import Artifacts
from coloured_dots import moving, write_video

from simplebase import KeypointDataset, load, read_image
from simplebase.cli import demo, model_options
from simplebase.errors import MissingPackageError

# Writes the artifacts; on one worker with the runtimes' tests, which do.
pytestmark = pytest.mark.xdist_group("runtimes")

ROOT = Path(__file__).parents[2]
RUNTIMES = {"float.tflite": "ai-edge-litert", "float.onnx": "onnxruntime", "float.mnn": "mnn"}

# The finder stands before all others, so that packages are missing though they are installed.
PROGRAM = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
from simplebase.cli import main
try:
    main()
finally:
    with open("modules.txt", "w") as file:
        file.write("\\n".join(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def distribution(requirement: str) -> str:
    """`numpy` of `numpy>=2.1`."""
    name = re.split("[<>=~!]", requirement)[0].lower()
    return name.removesuffix("-headless")


def board_requirements() -> list[str]:
    """What docs/deployment.md installs on a board beside simplebase itself."""
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    commands = text.partition("## On a board")[2].partition("```sh")[2].partition("```")[0]
    return [each.replace("-headless", "") for each in re.findall('"([^"]+)"', commands)]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def imported(folder: Path) -> set[str]:
    """The distributions whose modules the last run in `folder` imported."""
    modules = (folder / "modules.txt").read_text().split()
    sources = packages_distributions()
    return {distribution(name) for module in modules for name in sources.get(module, ())}


@pytest.fixture(scope="module")
def program() -> str:
    """`simplebase` as it runs where only what the documentation lists is installed."""
    on_board = set(map(distribution, board_requirements()))
    left_out = {distribution(each) for each in project()["dependencies"]} - on_board
    return PROGRAM.format(blocked=sorted(name.replace("-", "_") for name in left_out))


def start(program: str, folder: Path, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: str, folder: Path, *arguments: object) -> tuple[int, str]:
    """The exit code, and what was written to standard error."""
    with start(program, folder, *arguments) as process:
        _, error = process.communicate(timeout=120)
    return process.returncode, error


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    return Artifacts(tmp_path_factory.mktemp("exported"), skeleton="mpii")


@pytest.mark.parametrize("name", RUNTIMES)
def test_demo_finds_what_the_library_finds(
    program: str, artifacts: Artifacts, figures: KeypointDataset, tmp_path: Path, name: str
) -> None:
    model = artifacts.path(name)
    photo = figures.images.path(0)
    outputs = ("--output", "pose.jpg", "--output", "pose.json")
    code, error = run(program, tmp_path, "demo", "--model", model, "--input", photo, *outputs)
    assert code == 0, error
    assert read_image(tmp_path / "pose.jpg").shape == read_image(photo).shape
    [frame] = json.loads((tmp_path / "pose.json").read_text())["frames"]
    [pose] = load(model)(read_image(photo))
    found = np.array(frame["poses"][0]["keypoints"])
    np.testing.assert_allclose(found, pose.keypoints, atol=0.01)
    # What a photograph does not need would only keep its user waiting.
    assert not imported(tmp_path) & {"filelock", "matplotlib", "pillow", "pycocotools", "pyyaml"}


def test_pictures_are_served(program: str, artifacts: Artifacts, tmp_path: Path) -> None:
    images = moving(50)
    clip = write_video(tmp_path / "clip.mp4", images)
    model = artifacts.path("float.tflite")
    with start(program, tmp_path, "demo", "--model", model, "--input", clip, "--serve", 0) as live:
        assert live.stdout is not None
        address = re.search(r"http://127.0.0.1:\d+", live.stdout.readline())
        assert address, live.communicate()[1]
        with urllib.request.urlopen(f"{address[0]}/picture.jpg", timeout=60) as answer:
            picture = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
        live.terminate()
    assert picture.shape == images[0].shape


def test_the_page_asks_for_tensorflow_only_when_a_keras_model_is_chosen(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked, opened = [], []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model_options, "import_tensorflow", lambda: asked.append(True))
    # Gradio takes longer to import than all the rest.
    page = SimpleNamespace(open_page=lambda models, *_, **how: opened.append((models, how)))
    monkeypatch.setattr("simplebase.extras.import_with_extras", lambda module: page)
    keras = artifacts.path("model.keras")
    demo.demo(model=artifacts.path("float.tflite"), web=True)
    [(models, how)] = opened
    assert keras in models and not asked
    how["prepare"](keras)
    assert asked


@pytest.mark.parametrize("name", RUNTIMES)
def test_inspect_shows_the_metadata(
    program: str, artifacts: Artifacts, tmp_path: Path, name: str
) -> None:
    code, error = run(program, tmp_path, "inspect", artifacts.path(name), "--json", "model.json")
    assert code == 0, error
    written = json.loads((tmp_path / "model.json").read_text())
    assert written["metadata"] == artifacts.metadata.to_config()
    assert written["network"] is None


@pytest.mark.parametrize("name", RUNTIMES)
def test_eval_measures_every_image_and_needs_all_that_is_documented(
    program: str,
    artifacts: Artifacts,
    figures_folder: Path,
    figures: KeypointDataset,
    tmp_path: Path,
    name: str,
) -> None:
    metrics = ("--metric", "pck", "--metric", "coco-ap")
    line = ("eval", artifacts.path(name), "--dataset", figures_folder, "--save-result", *metrics)
    code, error = run(program, tmp_path, *line)
    assert code == 0, error
    held_out = int(figures.records.validation.sum())
    assert len(list((tmp_path / "result").rglob("*.jpg"))) >= held_out
    others = set(RUNTIMES.values()) - {RUNTIMES[name]}
    listed = set(map(distribution, board_requirements()))
    assert listed - imported(tmp_path) == others


def test_the_documented_versions_are_those_of_the_project() -> None:
    extras = project()["optional-dependencies"]
    known = {*project()["dependencies"], *(each for name in extras for each in extras[name])}
    assert [each for each in board_requirements() if each not in known] == []


def test_a_missing_runtime_is_not_installed_with_tensorflow_unasked(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = artifacts.path("float.onnx")
    monkeypatch.delitem(sys.modules, "simplebase.runtimes.onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match=r'pip install "simplebase\[onnx\]"$'):
        load(model)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingPackageError, match="for a board see docs/deployment.md$"):
        load(model)


def test_what_needs_tensorflow_says_how_to_install_it(
    program: str, artifacts: Artifacts, tmp_path: Path
) -> None:
    for line in (["inspect", artifacts.path("model.keras")], ["train"]):
        code, error = run(program, tmp_path, *line)
        assert code == 1 and "Traceback" not in error
        assert "tensorflow is needed for this and is not installed" in error
        assert "Run: pip install simplebase" in " ".join(error.split())
