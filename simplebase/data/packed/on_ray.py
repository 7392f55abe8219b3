"""Computes shards on a Ray cluster; the packing process writes them."""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.packed.shards import ShardSettings, shard_examples
from simplebase.ray_cluster import ClusterOptions, connected_ray

_AHEAD = 1.5
"""Shards in progress per CPU. Some wait for their turn to be written."""


def shards_on_ray(
    dataset: KeypointDataset,
    settings: ShardSettings,
    shards: Sequence[np.ndarray],
    options: ClusterOptions,
) -> Iterator[list[bytes]]:
    """Yields the serialized examples of each shard, in order.

    Args:
        dataset: the dataset, in the order of the shards.
        settings: how canvases are cut out.
        shards: indices of the records of each shard.
        options: the resources to request; `num_cpus` applies to each shard in progress.
    """
    with connected_ray(options) as ray:
        make = ray.remote(num_cpus=options.num_cpus, max_retries=-1)(shard_examples)
        cores = ray.cluster_resources().get("CPU", 1.0)
        most = max(2, int(_AHEAD * cores / options.num_cpus))
        if options.concurrency is not None:
            most = options.concurrency
        left = iter(shards)
        waiting: deque = deque()

        def start(count: int) -> None:
            for rows in itertools.islice(left, count):
                # A worker only needs the records of its shard.
                waiting.append(make.remote(dataset.select(rows), settings, rows))

        start(most)
        while waiting:
            yield ray.get(waiting.popleft())
            start(1)
