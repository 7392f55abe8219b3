"""`simplebase doctor`: what it finds, what it advises, and that it changes nothing."""

import importlib.metadata
import json
import os
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from simplebase import doctor
from simplebase.doctor import devices as devices_module
from simplebase.doctor.devices import Devices, find_devices
from simplebase.doctor.packages import PURPOSES, Declared, extras, required_packages
from simplebase.doctor.places import find_caches, find_places

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
DECLARED = Declared(
    (
        Requirement("numpy>=2.1"),
        Requirement("typer>=999"),
        Requirement("a-package-that-nobody-has>=1"),
        Requirement("numpy; extra == 'some'"),
        Requirement("rich; extra == 'some'"),
        Requirement("another-that-nobody-has>=2; extra == 'none'"),
        Requirement("pytest; extra == 'dev'"),
    ),
    ("dev", "none", "some"),
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No process that imports TensorFlow, and a cache of the test's own."""
    monkeypatch.setattr(devices_module, "_tensorflow_gpus", lambda: ((), None))
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path / "cache"))


def test_every_extra_of_the_project_has_a_purpose() -> None:
    assert set(PURPOSES) == set(PROJECT["optional-dependencies"])


def test_a_package_fits_only_if_its_version_is_accepted() -> None:
    numpy, typer, nobody = required_packages(DECLARED)
    assert numpy.fits and numpy.installed == importlib.metadata.version("numpy")
    assert not typer.fits and typer.installed == importlib.metadata.version("typer")
    assert not nobody.fits and nobody.installed is None


def test_an_extra_has_the_packages_that_it_adds_and_dev_is_last() -> None:
    none, some, dev = extras(DECLARED)
    assert [each.name for each in some.packages] == ["rich"] and some.fits
    assert [each.name for each in none.packages] == ["another-that-nobody-has"] and not none.fits
    assert dev.name == "dev"


def test_advice_names_the_line_that_gets_what_is_missing(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.examination, "declared", lambda: DECLARED)
    found = doctor.examine()
    assert not found.is_healthy
    lines = [each.line for each in found.advice]
    assert 'pip install "typer>=999" "a-package-that-nobody-has>=1"' in lines
    assert 'pip install "simplebase[none]"' in lines
    assert not any("[dev]" in line or "[some]" in line for line in lines)
    (error,) = (each for each in found.advice if each.is_error)
    assert "a-package-that-nobody-has is not installed" in error.text
    assert re.search(r"typer is [\d.]+, but >=999 is needed", error.text)


def test_an_nvidia_gpu_without_its_libraries_is_said(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = Devices("a CPU", 2, None, (), has_nvidia_driver=True)
    monkeypatch.setattr(doctor.examination, "find_devices", lambda **_: unused)
    assert 'pip install "tensorflow[and-cuda]"' in [each.line for each in doctor.examine().advice]


def test_tensorflow_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices_module, "_QUESTION", "raise OSError('libsomething.so is missing')")
    found = find_devices(ask_tensorflow=True)
    assert found.gpus is None
    assert found.problem == "TensorFlow does not start: OSError: libsomething.so is missing"


def test_its_answer_is_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = "import json; print('a note of a library'); print(json.dumps(['GPU A', 'GPU B']))"
    monkeypatch.setattr(devices_module, "_QUESTION", noise)
    assert find_devices(ask_tensorflow=True).gpus == ("GPU A", "GPU B")


def test_caches_are_measured_and_nothing_is_written(quick: None, tmp_path: Path) -> None:
    assert find_caches() == ()
    cache, runs, temporary = find_places()
    assert (cache.problem, runs.problem, temporary.problem) == (None, None, None)
    assert cache.free is not None and cache.free > 0
    assert not cache.path.exists()

    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / "a.keras").write_bytes(bytes(1000))
    (tmp_path / "cache" / "canvases" / "one").mkdir(parents=True)
    (tmp_path / "cache" / "canvases" / "one" / "images.npy").write_bytes(bytes(20))
    found = {each.path.name: each.bytes for each in find_caches()}
    assert found == {"models": 1000, "canvases": 20}
    before = sorted(tmp_path.rglob("*"))
    find_places()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_that_cannot_be_written_is_said(quick: None, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    cache = find_places()[0]
    assert cache.problem is not None and "Permission denied" in cache.problem


def test_a_file_in_the_place_of_the_cache_is_said(quick: None, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    found = doctor.examine()
    (place,) = (each for each in found.places if each.purpose == "cache")
    assert place.problem is not None and "Not a directory" in place.problem
    assert "export SIMPLEBASE_CACHE=/another/folder" in [each.line for each in found.advice]


def test_the_examination_is_plain_data(quick: None) -> None:
    config = json.loads(json.dumps(doctor.examine().to_config()))
    assert {"simplebase", "python", "system", "devices", "extras", "places"} <= set(config)
