"""The C++ demos, built once, and models and images for them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from artifacts import Artifacts

from simplebase.data.dataset import KeypointDataset

SOURCE = Path(__file__).resolve().parents[2] / "deploy"
BUILT = os.environ.get("SIMPLEBASE_DEPLOY_BUILD")
REQUIRED = os.environ.get("SIMPLEBASE_REQUIRE_DEPLOY") == "1"
PHOTOGRAPHS = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder go to one worker: the programs are built once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("deploy"))


@dataclass(frozen=True)
class Programs:
    """The folder of a build."""

    folder: Path

    def demo(self, model: Path) -> str:
        """The demo that runs `model`."""
        names = {".tflite": "litert", ".mnn": "mnn", ".onnx": "onnx"}
        program = self.folder / f"simplebase_{names[model.suffix]}"
        if not program.exists():
            absent(f"{program.name} was not built: its library was not found")
        return str(program)

    def probe(self, *words: object) -> str:
        """What `probe` prints; it must succeed."""
        command = [self.folder / "tests" / "probe", *map(str, words)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def absent(reason: str) -> None:
    """Skips the test, or fails it where a skip would hide something."""
    if REQUIRED:
        pytest.fail(f"{reason}, and SIMPLEBASE_REQUIRE_DEPLOY is 1")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """The programs of `$SIMPLEBASE_DEPLOY_BUILD`, or built here."""
    if BUILT:
        return Programs(Path(BUILT))
    if not shutil.which("cmake") or not shutil.which("c++"):
        absent("building the C++ demos needs cmake and a C++ compiler")
    build = tmp_path_factory.mktemp("deploy")
    python = f"-DPython3_EXECUTABLE={sys.executable}"
    configured = subprocess.run(
        ["cmake", "-S", SOURCE, "-B", build, python], capture_output=True, text=True
    )
    if configured.returncode != 0:
        if "Could NOT find" in configured.stderr or "Could not find" in configured.stderr:
            absent(f"a library of the C++ demos is absent: {configured.stderr.strip()}")
        pytest.fail(configured.stderr)
    made = subprocess.run(["cmake", "--build", build, "-j2"], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    return Programs(build)


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    return Artifacts(tmp_path_factory.mktemp("artifacts"))


def drawn(figures: KeypointDataset) -> list[Path]:
    """Five pictures of drawn figures."""
    return sorted((figures.path / "images").glob("*.jpg"))[:PHOTOGRAPHS]


@pytest.fixture(scope="session")
def photographs(figures: KeypointDataset) -> list[Path]:
    """Five drawn figures, or five photographs of people where there are any."""
    people = sorted((Path(__file__).resolve().parents[3] / "shared/data/people").glob("*.jpg"))
    return people[:PHOTOGRAPHS] if len(people) >= PHOTOGRAPHS else drawn(figures)


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def run(programs: Programs) -> Run:
    """Runs the demo of a model: `run(model, *words)`."""

    def run_demo(model: Path, *words: object) -> "subprocess.CompletedProcess[str]":
        command = [programs.demo(model), "-m", str(model), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run_demo
