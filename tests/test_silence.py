"""What libraries write is dropped for a block, and for no longer."""

import os
import random
import sys
import threading

import pytest

from simplebase.silence import silenced, silenced_stderr

Capture = pytest.CaptureFixture[str]


def say(text: bytes) -> None:
    for number in (1, 2):
        os.write(number, text)


def test_what_native_code_writes_is_dropped_within_the_block_only(capfd: Capture) -> None:
    say(b"before ")
    with silenced():
        say(b"within ")
    say(b"after")
    assert capfd.readouterr() == ("before after", "before after")


def test_standard_error_alone(capfd: Capture) -> None:
    with silenced_stderr():
        say(b"within")
    assert capfd.readouterr() == ("within", "")


def test_blocks_that_overlap_end_in_any_order(capfd: Capture) -> None:
    first, second, errors = silenced(), silenced(), silenced_stderr()
    first.__enter__()
    errors.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    say(b"one has ended ")
    second.__exit__(None, None, None)
    say(b"output is back ")
    errors.__exit__(None, None, None)
    say(b"all are back")
    out, err = capfd.readouterr()
    assert out == "output is back all are back" and err == "all are back"


def test_nested_blocks(capfd: Capture) -> None:
    with silenced():
        with silenced():
            pass
        say(b"still within")
    say(b"after")
    assert capfd.readouterr() == ("after", "after")


def test_threads_that_come_and_go_leave_the_output_as_it_was(capfd: Capture) -> None:
    before = [os.fstat(number).st_ino for number in (1, 2)]
    opened = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    def come_and_go(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(200):
            with silenced() if draw.random() < 0.5 else silenced_stderr():
                if draw.random() < 0.1:
                    say(b"lost")

    threads = [threading.Thread(target=come_and_go, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(b"after")
    out, err = capfd.readouterr()
    assert out.endswith("after") and err.endswith("after")
    assert [os.fstat(number).st_ino for number in (1, 2)] == before
    if opened:
        assert len(os.listdir("/proc/self/fd")) == opened


def test_an_error_within_the_block_restores_the_output(capfd: Capture) -> None:
    with pytest.raises(RuntimeError), silenced():
        raise RuntimeError
    say(b"after")
    assert capfd.readouterr() == ("after", "after")


def test_a_closed_descriptor_stays_closed(capfd: Capture) -> None:
    os.close(1)
    with silenced():
        os.write(2, b"within")
        with pytest.raises(OSError):
            os.write(1, b"within")
    with pytest.raises(OSError):
        os.fstat(1)
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


@pytest.mark.parametrize("kind", ["none", "closed"])
def test_python_streams_may_be_missing_or_closed(
    capfd: Capture, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = None
    if kind == "closed":
        stream = open(os.devnull, "w")
        stream.close()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, stream)
    with silenced():
        say(b"within")
    say(b"after")
    assert capfd.readouterr() == ("after", "after")
