"""Shards of a packing, made by a Ray cluster; the process that packs writes them."""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.packed.shards import ShardSettings, shard_examples
from simplebase.ray_cluster import ClusterOptions, connected_ray

_AHEAD = 1.5
"""Shards that are made at a time, per CPU: some wait until it is their turn to be written."""


def shards_on_ray(
    dataset: KeypointDataset,
    settings: ShardSettings,
    shards: Sequence[np.ndarray],
    options: ClusterOptions,
) -> Iterator[list[bytes]]:
    """The serialized examples of each shard, in order.

    Args:
        dataset: in the order of the shards.
        settings: how canvases are cut out.
        shards: indices of the records of each.
        options: what Ray is asked for; `num_cpus` is of each shard that is being made.
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
                # A worker needs the records of its shard only.
                waiting.append(make.remote(dataset.select(rows), settings, rows))

        start(most)
        while waiting:
            yield ray.get(waiting.popleft())
            start(1)
