"""Copies the next batch to the devices while the previous step still runs."""

from collections.abc import Generator
from contextlib import closing

from simplebase.data.pipeline import Batch
from simplebase.threads import thread_pool
from simplebase.training.distribution import Distribution


def on_devices(
    distribution: Distribution, batches: Generator[Batch, None, None]
) -> Generator[Batch, None, None]:
    """Yields each batch without `matrices`, shared among the devices.

    A separate thread copies the next batch, because TensorFlow starts a copy to a GPU only after
    the GPU's pending work, and blocks the calling thread until then.

    Args:
        distribution: the devices.
        batches: from `BatchSource.batches`; closed at the end.

    Raises:
        MissingFileError, DataError: the errors of `batches`, after all earlier batches.
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
