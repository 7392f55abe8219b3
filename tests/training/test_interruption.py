"""What happens to Ctrl-C and to a polite kill while a training runs."""

import errno
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from simplebase.training.interruption import StopSignals

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ALL = pytest.mark.parametrize("number", SIGNALS)


@pytest.fixture(autouse=True)
def usual_effects() -> Iterator[list[int]]:
    """The signals that had the effect they have without `StopSignals`, here to be listed."""
    seen: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda number, frame: seen.append(number))
    yield seen
    for number, handler in before.items():
        signal.signal(number, handler)


@ALL
def test_the_first_signal_is_kept_and_told_by_its_name(
    usual_effects: list[int], number: signal.Signals
) -> None:
    with StopSignals() as signals:
        assert signals.received is None
        os.kill(os.getpid(), number)
        assert signals.received == number.name
    assert not usual_effects


@ALL
@pytest.mark.parametrize("first", SIGNALS)
def test_the_second_signal_has_its_usual_effect(
    usual_effects: list[int], first: signal.Signals, number: signal.Signals
) -> None:
    with StopSignals() as signals:
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), number)
        assert signals.received == first.name
    assert usual_effects == [number]


@ALL
def test_afterwards_a_signal_has_its_usual_effect(
    usual_effects: list[int], number: signal.Signals
) -> None:
    with pytest.raises(RuntimeError), StopSignals():
        raise RuntimeError
    os.kill(os.getpid(), number)
    assert usual_effects == [number]


def test_outside_the_main_thread_signals_are_left_as_they_are(usual_effects: list[int]) -> None:
    inside, go_on = threading.Event(), threading.Event()
    stops = StopSignals()

    def hold() -> None:
        with stops:
            inside.set()
            go_on.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(10)
    os.kill(os.getpid(), signal.SIGTERM)
    go_on.set()
    thread.join()
    assert stops.received is None
    assert usual_effects == [signal.SIGTERM]


@ALL
def test_who_asked_for_it_is_told_that_it_was_heard(number: signal.Signals) -> None:
    heard: list[str] = []
    with StopSignals(heard.append):
        os.kill(os.getpid(), number)
        assert heard == [number.name]


@ALL
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    """`nohup` starts a process with SIGHUP ignored, a shell's `&` in a script with SIGINT."""
    signal.signal(number, signal.SIG_IGN)
    with StopSignals() as signals:
        os.kill(os.getpid(), number)
        assert signals.received is None
        other = next(each for each in SIGNALS if each is not number)
        os.kill(os.getpid(), other)
        assert signals.received == other.name
    assert signal.getsignal(number) is signal.SIG_IGN


def test_a_terminal_that_has_gone_does_not_keep_a_training_from_saving() -> None:
    def broken(name: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with StopSignals(broken) as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.received == "SIGHUP"
