"""The pool of threads when the command is stopped."""

import threading
import time

import pytest

from simplebase.threads import thread_pool


def test_a_job_is_done_at_the_end_though_a_signal_came_while_its_thread_was_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, done = threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        time.sleep(0.2)
        done.set()

    start = threading.Thread.start

    def start_and_stop(thread: threading.Thread) -> None:
        start(thread)
        begun.wait()
        raise SystemExit(143)  # as the handler of SIGTERM does

    monkeypatch.setattr(threading.Thread, "start", start_and_stop)
    with pytest.raises(SystemExit), thread_pool() as pool:
        pool.submit(job)
    assert done.is_set()


def test_jobs_that_have_not_begun_are_dropped() -> None:
    done: list[int] = []

    def job(index: int) -> None:
        time.sleep(0.01)
        done.append(index)

    with pytest.raises(KeyError), thread_pool() as pool:
        pool.map(job, range(10_000))
        raise KeyError
    count = len(done)
    assert count < 1000
    time.sleep(0.05)
    assert len(done) == count
