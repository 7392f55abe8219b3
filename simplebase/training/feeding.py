"""Batches on their way to the devices while the step before still runs."""

from collections.abc import Generator
from contextlib import closing

from simplebase.data.pipeline import Batch
from simplebase.threads import thread_pool
from simplebase.training.distribution import Distribution


def on_devices(
    distribution: Distribution, batches: Generator[Batch, None, None]
) -> Generator[Batch, None, None]:
    """Yields what a step needs of each batch, all but `matrices`, shared among the devices.

    A thread of its own copies the next batch: TensorFlow lets a copy to a GPU wait for what that
    GPU was given to compute before, and whoever made it waits too.

    Args:
        distribution: the devices.
        batches: of `BatchSource.batches`; closed at the end.

    Raises:
        MissingFileError, DataError: as `batches`, after all batches before.
    """

    def next_on_devices() -> Batch | None:
        batch = next(batches, None)
        if batch is None:
            return None
        needed = {name: values for name, values in batch.items() if name != "matrices"}
        return distribution.share(needed)

    with closing(batches), thread_pool(1, "devices") as pool:
        ahead = pool.submit(next_on_devices)
        while (batch := ahead.result()) is not None:
            ahead = pool.submit(next_on_devices)
            yield batch
