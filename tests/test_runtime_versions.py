"""The C++ demos accept those versions of the runtimes' packages that pyproject.toml asks for."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
WHEELS = ROOT / "deploy/cmake/wheels.cmake"

needs_cmake = pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")


def accepted(name: str) -> tuple[str, Version, Version]:
    """The package, the oldest version and the first that is too new, by `wheels.cmake`."""
    values = dict(re.findall(rf"set\({name}_(package|FROM|BELOW) (\S+)\)", WHEELS.read_text()))
    return values["package"], Version(values["FROM"]), Version(values["BELOW"])


@pytest.mark.parametrize("name", ["litert", "mnn", "onnx"])
def test_what_pip_installs_is_what_the_demos_accept(name: str) -> None:
    package, oldest, too_new = accepted(name)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [wanted] = [
        requirement
        for requirement in map(Requirement, project["optional-dependencies"][name])
        if requirement.name == package
    ]
    bounds = {each.operator: Version(each.version) for each in wanted.specifier}
    assert bounds["<"] == too_new
    assert bounds[">="] >= oldest


def configured(wheels: Path, name: str, option: str, tmp_path: Path) -> tuple[int, str]:
    """Runs only what finds out a package's version and compares it."""
    script = tmp_path / "script.cmake"
    script.write_text(
        f"include({WHEELS})\nset(packages {wheels})\n"
        f"package_version({name} version)\nrequire_version({name} ${{version}} {option})\n"
    )
    run = subprocess.run(["cmake", "-P", script], capture_output=True, text=True)
    return run.returncode, " ".join(run.stderr.split())


@needs_cmake
@pytest.mark.parametrize(
    ("name", "folder", "fits"),
    [
        ("litert", "ai_edge_litert-2.1.5.dist-info", False),
        ("litert", "ai_edge_litert-2.1.6.dist-info", True),
        ("litert", "ai_edge_litert-2.3.9.dist-info", True),
        ("litert", "ai_edge_litert-2.4.0.dist-info", False),
        ("litert", "ai_edge_litert-2.4.0.dev20270101.dist-info", False),
        ("litert", "ai_edge_litert-2.10.0.dist-info", False),
        ("mnn", "mnn-3.6.1.dist-info", True),
        ("mnn", "MNN-3.6.0.dist-info", True),
        ("mnn", "mnn-3.5.0.dist-info", False),
        ("mnn", "mnn-4.0.0.dist-info", False),
    ],
)
def test_a_package_that_the_declarations_do_not_fit_is_refused(
    name: str, folder: str, fits: bool, tmp_path: Path
) -> None:
    (tmp_path / "wheels" / folder).mkdir(parents=True)
    (tmp_path / "wheels" / "mnn_extras-9.0.dist-info").mkdir()
    code, error = configured(tmp_path / "wheels", name, "THEIR_ROOT", tmp_path)
    package, oldest, too_new = accepted(name)
    version = folder.removesuffix(".dist-info").split("-")[1]
    if fits:
        assert (code, error) == (0, "")
    else:
        assert code != 0 and f"{package} {version} in " in error
        assert f"pip install '{package}>={oldest},<{too_new}'" in error
        assert "-DTHEIR_ROOT=" in error


@needs_cmake
@pytest.mark.parametrize("folders", [(), ("mnn-3.6.0.dist-info", "mnn-3.6.1.dist-info")])
def test_a_package_whose_version_is_not_known_is_refused(
    folders: tuple[str, ...], tmp_path: Path
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    code, error = configured(tmp_path, "mnn", "MNN_ROOT", tmp_path)
    assert code != 0 and "must hold one mnn-VERSION.dist-info" in error
    assert f"found {len(folders)}" in error


@needs_cmake
def test_the_version_of_onnx_runtime_is_that_of_its_library(tmp_path: Path) -> None:
    """A package of another name, such as onnxruntime-gpu, has the same folder."""
    for version, fits in (("1.19.2", False), ("1.20.0", True), ("1.40.2", True), ("2.0.0", False)):
        script = tmp_path / "script.cmake"
        script.write_text(
            f"include({WHEELS})\nset(packages {tmp_path})\n"
            f"library_version(/a.so.d/libonnxruntime.so.{version} version)\n"
            "require_version(onnx ${version} ORT_ROOT)\n"
        )
        run = subprocess.run(["cmake", "-P", script], capture_output=True, text=True)
        assert (run.returncode == 0) == fits, version
        assert fits or f"onnxruntime {version} in " in " ".join(run.stderr.split())
