"""Files of a few kilobytes that stand for gigabytes."""

import io
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from simplebase.converters.weights.keras2 import read_keras2
from simplebase.errors import DataError
from simplebase.files.inflation import read_tarball
from simplebase.keras_file import read_keras_config, read_keras_file
from simplebase.runtimes import load_runtime

TEXTS = {"metadata.json": "{}", "config.json": "{}"}


def archive(path: Path, **files: bytes | str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def sparse_hdf5(path: Path) -> Path:
    """An array of 8 TB of which nothing is stored."""
    with h5py.File(path, "w") as file:
        file.create_dataset("weights", (10**12,), np.float64, chunks=(1000,))
    return path


def test_an_archive_that_inflates_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    weights = {"model.weights.h5": bytes(80 << 20)}
    path = archive(tmp_path / "model.keras", **TEXTS, **weights)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DataError, match=r"model\.keras has \d+ bytes, but would unpack to 83886"):
        read_keras_file(path)


@pytest.mark.parametrize("text", ["{}", '{"config": null}', '{"config": 5}', "[" * 100_000])
def test_a_config_that_describes_no_model_is_refused(tmp_path: Path, text: str) -> None:
    path = archive(tmp_path / "model.keras", **{"config.json": text})
    with pytest.raises(DataError, match=r"model\.keras cannot be loaded"):
        read_keras_config(path)


def test_weights_that_claim_more_than_they_hold_are_refused(tmp_path: Path) -> None:
    weights = sparse_hdf5(tmp_path / "weights.h5").read_bytes()
    path = archive(tmp_path / "model.keras", **TEXTS, **{"model.weights.h5": weights})
    with pytest.raises(
        DataError, match=r"would unpack to 8000000000000: it may be designed to fill"
    ):
        read_keras_file(path)


def test_an_hdf5_file_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = sparse_hdf5(tmp_path / "model.h5")
    for read in (load_runtime, read_keras2):
        with pytest.raises(DataError, match=r"model\.h5 has \d+ bytes, but would unpack to 8000"):
            read(path)


def test_a_tarball_gives_its_files_and_writes_none(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("wanted", "../outside"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    assert read_tarball(path, ["wanted", "../outside"]) == {"wanted": b"abc", "../outside": b"abc"}
    assert [each.name for each in tmp_path.iterdir()] == ["a.tar.gz"]
    with pytest.raises(DataError, match="lacks link, other"):
        read_tarball(path, ["link", "wanted", "other"])
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match="is damaged"):
        read_tarball(path, ["wanted"])


def test_a_tarball_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "zeros.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("zeros")
        member.size = 70 << 20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(DataError, match="would unpack to"):
        read_tarball(path, ["zeros"])
