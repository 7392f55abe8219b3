"""Two processes do not write into one place, and a dead one is no obstacle."""

import errno
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from simplebase.errors import InUseError, SimplebaseError, SimplebaseWarning
from simplebase.files.locks import locked, turn

HOLD = """
import sys
from simplebase.files.locks import locked
with locked(sys.argv[1], "it", "not"):
    print("held", flush=True)
    sys.stdin.readline()
"""
Holder = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def holder() -> Iterator[Holder]:
    """Starts a process that holds a lock file until it gets a line."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def take(path: Path) -> None:
    with locked(path, "runs/cows", "choose another folder"):
        pass


def test_the_second_process_is_told_who_is_at_work(tmp_path: Path, holder: Holder) -> None:
    began = datetime.now().astimezone().replace(microsecond=0)
    process = holder(tmp_path / "lock")
    with pytest.raises(InUseError) as caught:
        take(tmp_path / "lock")
    found = re.fullmatch(
        r"runs/cows is in use: process (\d+) on (\S+) has been writing there since (.+)\. "
        r"Wait until it ends, or choose another folder\.",
        str(caught.value),
    )
    assert found is not None
    assert (int(found[1]), found[2]) == (process.pid, socket.gethostname())
    assert began <= datetime.fromisoformat(found[3]) <= datetime.now().astimezone()
    assert isinstance(caught.value, SimplebaseError)
    # The one that was refused has not spoilt what the file says.
    assert json.loads((tmp_path / "lock").read_text())["pid"] == process.pid


def test_the_lock_is_free_and_its_file_gone_when_the_block_ends(
    tmp_path: Path, holder: Holder
) -> None:
    process = holder(tmp_path / "lock")
    process.communicate("\n")
    assert process.returncode == 0 and not list(tmp_path.iterdir())
    for error in (None, RuntimeError, KeyboardInterrupt, SystemExit):
        try:
            with locked(tmp_path / "lock", "it", "not"):
                assert (tmp_path / "lock").exists()
                if error:
                    raise error
        except BaseException as raised:
            assert type(raised) is error
        assert not list(tmp_path.iterdir())


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, holder: Holder) -> None:
    process = holder(tmp_path / "lock")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "lock").exists()
    take(tmp_path / "lock")
    assert not list(tmp_path.iterdir())


def test_what_fails_leaves_what_a_crash_left(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("of a killed process")
    with pytest.raises(RuntimeError), locked(tmp_path / "lock", "it", "not"):
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
        raise RuntimeError
    assert (tmp_path / "lock").read_text() == "of a killed process"
    take(tmp_path / "lock")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "not JSON", "[1]", '{"pid": 1}', "\udcff"])
def test_a_lock_file_that_says_nothing_is_no_obstacle(
    tmp_path: Path, content: str, holder: Holder
) -> None:
    path = tmp_path / "lock"
    path.write_bytes(os.fsencode(content))
    take(path)
    holder(path)
    path.write_bytes(os.fsencode(content))
    with pytest.raises(InUseError, match="is in use: another process is writing there. Wait"):
        take(path)


def test_two_threads_of_one_process_keep_apart_too(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", "it", "not"):
        errors: list[BaseException] = []

        def other() -> None:
            try:
                take(tmp_path / "lock")
            except InUseError as error:
                errors.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert len(errors) == 1 and f"process {os.getpid()}" in str(errors[0])
        with pytest.raises(InUseError):
            take(tmp_path / "lock")
    take(tmp_path / "lock")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    ran = []
    with pytest.warns(SimplebaseWarning, match="no locks, so a second") as reported:
        with locked(tmp_path / "lock", "runs/cows", "not"):
            ran.append(True)
    assert ran and len(reported) == 1 and not list(tmp_path.iterdir())


def test_an_unwritable_lock_names_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, *arguments: object, **options: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError) as caught, locked(tmp_path / ".x.lock", "x", "not"):
        pass
    assert caught.value.filename == str(tmp_path)


def test_a_turn_waits_and_says_for_whom(tmp_path: Path, holder: Holder) -> None:
    process = holder(tmp_path / "lock")

    def let_go() -> None:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    timer = threading.Timer(0.6, let_go)
    timer.start()
    with pytest.warns(SimplebaseWarning, match=f"waiting for the dataset: process {process.pid} "):
        with turn(tmp_path / "lock", "the dataset"):
            assert process.wait(10) == 0
    timer.join()
    with turn(tmp_path / "lock", "the dataset"):
        pass
    assert not list(tmp_path.iterdir())
