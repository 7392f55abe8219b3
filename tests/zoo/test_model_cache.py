"""A published model is converted once, kept while it is right, and made again when it is not."""

import errno
import json
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from model_hub import WEIGHTS, Hub, status

from simplebase.errors import ArgumentError, DataError, DownloadError, MissingFileError
from simplebase.zoo.cache import cached, converted, remove
from simplebase.zoo.fetching import fetch

DIGITS = sha256(WEIGHTS).hexdigest()[:8]
KERAS, RECORD = f"person-{DIGITS}-v1.keras", f"person-{DIGITS}-v1.json"
CONVERT = """
import os, signal, sys, time
from pathlib import Path
from simplebase.zoo.cache import converted
from simplebase.zoo.fetching import RemoteFile
address, digits, job = sys.argv[1:]
def convert(original, target):
    target.write_bytes(b"keras")
    if job == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)
    print("converted")
file = RemoteFile("person.pth", (address + "/person.pth",), digits, "person", "Apache-2.0")
converted("person", file, convert, version="v1", announce=lambda line: None)
"""


class Converter:
    """Counts how often it converts."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, original: Path, target: Path) -> None:
        assert original.read_bytes() == WEIGHTS
        assert target.suffix == ".keras"
        target.write_bytes(b"as keras")
        self.runs += 1


@pytest.fixture
def convert() -> Converter:
    return Converter()


def made(hub: Hub, convert: Any, *, model: str = "person", **options: Any) -> Path:
    options = {"version": "v1", "announce": lambda line: None} | options
    return converted(model, hub.row(), convert, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_first_use_converts_and_later_ones_open_that(
    hub: Hub, models: Path, convert: Converter
) -> None:
    path = made(hub, convert)
    assert path == models / KERAS
    assert names(models) == [RECORD, KERAS, "person.pth"]
    # Neither the hub nor the published file is needed any more.
    (models / "person.pth").unlink()
    assert made(hub, convert, offline=True) == path
    assert len(hub.asked) == convert.runs == 1


def test_a_cache_that_cannot_be_written_serves_what_it_has(
    hub: Hub, convert: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(hub, convert)
    os.utime(path, (1, 1))

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "models")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert made(hub, convert) == path
    with pytest.raises(DownloadError, match=r"Read-only file system\). Set SIMPLEBASE_CACHE"):
        made(hub, convert, version="v2")


def test_a_copied_cache_is_checked_once(hub: Hub, models: Path, convert: Converter) -> None:
    path = made(hub, convert)
    os.utime(path, (1, 1))
    made(hub, convert)
    assert convert.runs == 1
    assert json.loads((models / RECORD).read_text())["mtime_ns"] == 1_000_000_000


@pytest.mark.parametrize("damage", [b"as kerax", b"as ker", b""], ids=["bits", "cut", "empty"])
def test_a_model_damaged_later_is_made_again_without_a_network(
    hub: Hub, convert: Converter, damage: bytes
) -> None:
    path = made(hub, convert)
    path.write_bytes(damage)
    os.utime(path, (1, 1))  # this test is faster than some clocks
    lines: list[str] = []
    made(hub, convert, offline=True, announce=lines.append)
    assert lines == [f"{path} was changed after it was written, and is made again."]
    assert path.read_bytes() == b"as keras"
    assert convert.runs == 2


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"bytes": 8, "mtime_ns": null}'])
def test_a_model_without_its_record_is_made_again(
    hub: Hub, models: Path, convert: Converter, record: str
) -> None:
    made(hub, convert)
    (models / RECORD).write_text(record)
    made(hub, convert)
    assert convert.runs == 2


def test_another_version_converts_again_without_a_network(
    hub: Hub, models: Path, convert: Converter
) -> None:
    made(hub, convert)
    made(hub, convert, model="person-small")
    path = made(hub, convert, version="v2", offline=True)
    assert convert.runs == 3
    # What the earlier version made of the same model is gone.
    small = f"person-small-{DIGITS}-v1"
    assert names(models) == sorted(
        [f"{small}.json", f"{small}.keras", path.with_suffix(".json").name, path.name, "person.pth"]
    )


def test_a_conversion_that_fails_leaves_the_published_file_only(hub: Hub, models: Path) -> None:
    def refuse(original: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise DataError("person.pth has no weights.")

    with pytest.raises(DataError, match="has no weights"):
        made(hub, refuse)
    assert names(models) == ["person.pth"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("Can't write data (file write failed: errno = 28, No space left on device)"),
    ],
    ids=["system", "HDF5"],
)
def test_a_disk_that_fills_up_in_the_conversion_is_said(
    hub: Hub, models: Path, error: OSError
) -> None:
    def fill(original: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise error

    with pytest.raises(DownloadError) as caught:
        made(hub, fill)
    assert str(caught.value) == (
        f"{models}: the disk is full, so person was not stored. Free some space, or set "
        "SIMPLEBASE_CACHE to a folder on another disk."
    )
    assert names(models) == ["person.pth"]


def test_a_file_that_cannot_be_fetched_converts_nothing(
    hub: Hub, models: Path, convert: Converter
) -> None:
    hub.answers = [status(404)]
    with pytest.raises(DownloadError, match="does not exist"):
        made(hub, convert)
    assert convert.runs == 0
    assert names(models) == []


def started(hub: Hub, job: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CONVERT, hub.address, DIGITS, job],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_convert_once(hub: Hub, models: Path) -> None:
    processes = [started(hub, "convert") for _ in range(2)]
    output = [process.communicate(timeout=30) for process in processes]
    assert sorted(output) == [("", ""), ("converted\n", "")]
    assert len(hub.asked) == 1
    assert names(models) == [RECORD, KERAS, "person.pth"]


def test_what_a_killed_conversion_left_is_removed(
    hub: Hub, models: Path, convert: Converter
) -> None:
    process = started(hub, "die")
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert not (models / KERAS).exists()
    assert [file.name for file in cached()] == ["person.pth"]
    made(hub, convert, offline=True)
    assert names(models) == [RECORD, KERAS, "person.pth"]


def test_the_list_has_models_published_files_and_unfinished_ones(
    hub: Hub, models: Path, convert: Converter
) -> None:
    assert cached() == []
    path = made(hub, convert)
    os.utime(path, (86_400 * 365, 86_400 * 365))
    (models / "hand.pth.partial").write_bytes(b"so far")
    (models / "hand.pth.partial.json").write_bytes(b"{}")
    files = {file.path.name: file for file in cached()}
    assert [(key, file.name, file.bytes) for key, file in files.items()] == [
        ("hand.pth.partial", "hand.pth", 6),
        (KERAS, "person", 8),
        ("person.pth", "person.pth", 512_000),
    ]
    assert files[KERAS].when.timestamp() == 86_400 * 365
    assert [file.unfinished for file in files.values()] == [True, False, False]
    assert remove("hand.pth") == 6
    assert names(models) == [RECORD, KERAS, "person.pth"]


def test_a_model_goes_with_the_file_that_no_other_needs(
    hub: Hub, models: Path, convert: Converter
) -> None:
    made(hub, convert)
    small = made(hub, convert, model="person-small")
    assert remove("person") == 8
    assert names(models) == [small.with_suffix(".json").name, small.name, "person.pth"]
    assert remove("person-small", "not there") == 512_008
    assert names(models) == []


def test_a_published_file_can_go_alone(hub: Hub, models: Path, convert: Converter) -> None:
    made(hub, convert)
    assert remove("person.pth") == 512_000
    assert names(models) == [RECORD, KERAS]


def test_what_is_not_there_cannot_be_removed(hub: Hub, models: Path) -> None:
    with pytest.raises(MissingFileError) as caught:
        remove("../person.pth")
    assert str(caught.value) == f"{models} does not have ../person.pth. It has: nothing."
    fetch(hub.row(), announce=lambda line: None)
    with pytest.raises(MissingFileError, match=r"does not have hand. It has: person.pth\."):
        remove("hand")


@pytest.mark.parametrize(("model", "version"), [("../x", "v1"), ("x", "a-b"), ("x", "a/b")])
def test_names_stay_inside_the_folder(
    hub: Hub, convert: Converter, model: str, version: str
) -> None:
    with pytest.raises(ArgumentError, match="Received: "):
        made(hub, convert, model=model, version=version)
    assert hub.asked == []
