"""The C++ demos, built once, and models and images for them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from artifacts import Artifacts
from deploy_programs import Programs, absent

from simplebase.data.dataset import KeypointDataset

SHARED = Path(__file__).resolve().parents[3] / "shared"
SOURCE = Path(__file__).resolve().parents[2] / "deploy"
BUILT = os.environ.get("SIMPLEBASE_DEPLOY_BUILD")
PHOTOGRAPHS = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder go to one worker: the programs are built once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("deploy"))


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


@pytest.fixture(scope="session")
def photographs(figures: KeypointDataset) -> list[Path]:
    """Five photographs of people, or of drawn figures where there are none."""
    people = sorted((SHARED / "data/people").glob("*.jpg"))[:PHOTOGRAPHS]
    drawn = [Path(figures.images.name(index)) for index in range(PHOTOGRAPHS)]
    return people if len(people) == PHOTOGRAPHS else drawn
