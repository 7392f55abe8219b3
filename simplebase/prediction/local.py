"""The local engine: threads of this machine.

Each thread reads images, finds objects, cuts them out and asks the model, a chunk at a time: the
libraries that do so let go of Python's lock, so the threads keep all cores busy, and no queue grows
between stages. Chunks that are worked on are a few more than threads, so memory does not depend
on how many inputs there are.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from simplebase.prediction.crops import CropReader, opened
from simplebase.prediction.inputs import Chunk, Inputs, Part
from simplebase.prediction.rows import PoseModel, Rows
from simplebase.threads import thread_pool, usable_cores

_AHEAD = 2
"""Chunks that wait beside those that are worked on."""


class PerThread:
    """A model for each thread.

    Args:
        first: the model of the thread that asks first.
        more: opens one for another thread; None: all share `first`.
    """

    def __init__(self, first: PoseModel, more: Callable[[], PoseModel] | None) -> None:
        self._free: list[PoseModel] = [first]
        self._shared = first
        self._more = more
        self._own = threading.local()
        self._lock = threading.Lock()

    def __call__(self) -> PoseModel:
        """The model of this thread."""
        if self._more is None:
            return self._shared
        if not hasattr(self._own, "model"):
            with self._lock:
                self._own.model = self._free.pop() if self._free else self._more()
        model: PoseModel = self._own.model
        return model


def predict_locally(
    inputs: Inputs,
    parts: Sequence[Part],
    reader: CropReader,
    models: PerThread,
    *,
    size: int,
    workers: int | None = None,
    counted: Callable[[int], None] | None = None,
) -> Iterator[Rows]:
    """What is found in the chunks of `parts`, in their order.

    Args:
        inputs: what is looked at.
        parts: of these the ones that are wanted.
        reader: cuts objects out.
        models: find the keypoints.
        size: images of a chunk.
        workers: threads; by default one per usable core.
        counted: see `opened`.
    """
    workers = workers or usable_cores()

    def work(chunk: Chunk) -> Rows:
        return models()(reader(chunk))

    chunks = (
        each
        for part in parts
        for chunk in inputs.chunks(part, size)
        for each in opened(chunk, size, counted)
    )
    with thread_pool(workers, "predict") as pool:
        waiting: deque = deque()
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) >= workers + _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
