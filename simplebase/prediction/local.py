"""The local engine: threads of this machine.

Each thread takes one chunk at a time: it reads the images, finds the objects, cuts them out and
runs the model. The libraries that do this release Python's interpreter lock, so the threads keep
all cores busy, and there is no queue between stages that could grow. Only a few more chunks than
threads are in memory, however many inputs there are.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from simplebase.prediction.crops import CropReader, opened
from simplebase.prediction.inputs import Chunk, Inputs, Part
from simplebase.prediction.rows import PoseModel, Rows
from simplebase.threads import thread_pool, usable_cores

_AHEAD = 2
"""Number of chunks that wait in addition to those that threads are working on."""


class PerThread:
    """A model for each thread.

    Args:
        first: the model of the first thread.
        more: opens a model for another thread. If None, all threads share `first`.
    """

    def __init__(self, first: PoseModel, more: Callable[[], PoseModel] | None) -> None:
        self._free: list[PoseModel] = [first]
        self._shared = first
        self._more = more
        self._own = threading.local()
        self._lock = threading.Lock()

    def __call__(self) -> PoseModel:
        """Returns the model of the calling thread."""
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
    """Yields the rows of each chunk of `parts`, in the order of the inputs.

    Args:
        inputs: the images and videos.
        parts: the parts of `inputs` to predict.
        reader: cuts out the objects.
        models: the model of each thread.
        size: images per chunk.
        workers: number of threads; by default one per usable core.
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
