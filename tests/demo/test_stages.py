"""Stages in threads."""

import gc
import threading
import time
import weakref
from collections.abc import Iterator

import pytest

from simplebase.demo.stages import in_thread


class Item:
    """Something whose end can be seen."""


def test_all_items_come_in_order() -> None:
    stages = in_thread(in_thread(range(200), lambda n: n + 1), lambda n: 2 * n)
    assert list(stages) == [2 * (n + 1) for n in range(200)]


def test_two_stages_work_at_the_same_time() -> None:
    """Each waits for the other to be at work on the next item; in turns they would wait forever."""
    barrier = threading.Barrier(2)

    def meet(n: int) -> int:
        barrier.wait(10)
        return n

    # The first stage meets for every item but the last with the second stage's item before.
    first = in_thread(range(5), lambda n: meet(n) if n > 0 else n)
    assert list(in_thread(first, lambda n: meet(n) if n < 4 else n)) == list(range(5))


def test_what_waits_is_bounded() -> None:
    alive: list[weakref.ref[Item]] = []
    most = 0

    def items() -> Iterator[Item]:
        nonlocal most
        for _ in range(200):
            item = Item()
            alive.append(weakref.ref(item))
            gc.collect(0)
            most = max(most, sum(each() is not None for each in alive[-50:]))
            yield item

    for _ in in_thread(in_thread(items(), lambda item: item), lambda item: item):
        time.sleep(0.001)
    # Two wait after each stage; each stage and the consumer hold one or two.
    assert most <= 10


@pytest.mark.parametrize("where", ["source", "first", "second"])
def test_an_error_is_raised_where_the_result_is_taken(where: str) -> None:
    def fail(stage: str, n: int) -> int:
        if stage == where and n == 3:
            raise ValueError(f"in {stage}")
        return n

    source = (fail("source", n) for n in range(10))
    results = in_thread(in_thread(source, lambda n: fail("first", n)), lambda n: fail("second", n))
    taken = []
    with pytest.raises(ValueError, match=f"in {where}"):
        taken += list(iter(results.__next__, None))
    assert threads_end()


def test_stopping_early_ends_the_threads() -> None:
    results = in_thread(in_thread(iter(range(10**9)), lambda n: n), lambda n: n)
    assert next(results) == 0
    results.close()
    assert threads_end()


def test_stopping_early_waits_for_the_item_that_is_worked_on() -> None:
    working = threading.Event()

    def items() -> Iterator[int]:
        for n in range(10):
            working.set()
            time.sleep(0.05)
            working.clear()
            yield n

    results = in_thread(in_thread(items(), lambda n: n), lambda n: n)
    assert next(results) == 0
    results.close()
    assert not working.is_set()
    assert not any("run" in thread.name for thread in threading.enumerate())


def threads_end() -> bool:
    """Whether no thread of a stage is left within some seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any("run" in thread.name for thread in threading.enumerate()):
            return True
        time.sleep(0.05)
    return False
