"""A command that is asked to end cleans up, says so, and ends by the signal's exit code."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simplebase import KeypointDataset
from simplebase.cli.ending import ended_by_signals
from simplebase.converters import to_coco

BOTH = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["SIGTERM", "SIGHUP"]
)
TIMEOUT = 60


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The usual effects, also where the tests run under `nohup`; puts back what was there."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def await_path(folder: Path, pattern: str, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + TIMEOUT
    while not list(folder.glob(pattern)):
        assert process.poll() is None and time.monotonic() < end, "nothing appeared"
        time.sleep(0.001)


def start(folder: Path, *arguments: str, ignore: bool = False) -> "subprocess.Popen[str]":
    line = [sys.executable, "-m", "simplebase", *arguments]
    if ignore:
        line = ["nohup", *line]
    return subprocess.Popen(
        line, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@BOTH
@pytest.mark.parametrize("when", [".drawn.*.partial", ".drawn.*.partial/drawn/images/000007.jpg"])
def test_a_command_that_is_ended_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int, when: str
) -> None:
    process = start(tmp_path, "data", "synthesize", "drawn", "--count", "100000")
    await_path(tmp_path, when, process)
    process.send_signal(number)
    _, printed = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, printed) == (code, f"stopped by {number.name}\n")
    assert not list(tmp_path.iterdir())


def test_a_conversion_that_is_ended_keeps_the_earlier_output(
    copied: KeypointDataset, tmp_path: Path
) -> None:
    source, output = tmp_path / "copy", tmp_path / "out"
    to_coco(source, output)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    records = json.loads((source / "annotations.json").read_text())
    # Writing so many takes a while.
    (source / "annotations.json").write_text(json.dumps(150 * records))
    process = start(tmp_path, "convert", "to-coco", str(source), str(output), "--overwrite")
    await_path(tmp_path, ".out.*.partial", process)
    process.send_signal(signal.SIGTERM)
    _, printed = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, printed) == (143, "stopped by SIGTERM\n")
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "out"]


def test_nohup_keeps_a_command_going(tmp_path: Path) -> None:
    process = start(tmp_path, "data", "synthesize", "drawn", "--count", "60", ignore=True)
    await_path(tmp_path, ".drawn.*.partial", process)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert (tmp_path / "drawn" / "annotations.json").is_file()


def test_the_second_signal_ends_at_once() -> None:
    code = (
        "import time; from simplebase.cli.ending import ended_by_signals\n"
        "with ended_by_signals():\n"
        "    try: print('working', flush=True); time.sleep(60)\n"
        "    finally: print('cleaning up', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], text=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "cleaning up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == -signal.SIGTERM


@BOTH
def test_whatever_comes_of_the_signal_the_exit_code_is_its_own(
    number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails_on_the_way_out() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            raise OSError("the terminal has gone")

    def is_caught() -> None:
        try:
            os.kill(os.getpid(), number)
        except SystemExit:
            pass

    for body in (lambda: os.kill(os.getpid(), number), fails_on_the_way_out, is_caught):
        before = signal.getsignal(number)
        with pytest.raises(SystemExit) as end, ended_by_signals():
            body()
        assert end.value.code == code
        assert capsys.readouterr().err == f"stopped by {number.name}\n"
        assert signal.getsignal(number) is before


def test_without_a_signal_nothing_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with ended_by_signals():
        pass
    with pytest.raises(SystemExit, match="2"), ended_by_signals():
        sys.exit(2)
    with pytest.raises(RuntimeError), ended_by_signals():
        raise RuntimeError
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before
    assert capsys.readouterr().err == ""


def test_in_another_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    within: list[object] = []

    def run() -> None:
        with ended_by_signals():
            within.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert within == [before]
