"""Labelled objects without images, for what only looks at numbers."""

from pathlib import Path
from typing import Any

import numpy as np

from simplebase import KeypointDataset, Skeleton, load_skeleton
from simplebase.data.image_store import FolderImages
from simplebase.data.records import Records


def records_of(keypoints: np.ndarray, paths: list[str] | None = None, **columns: Any) -> Records:
    """Records of `(N, K, 3)` keypoints, each 100 pixels high and in an image of its own."""
    count = len(keypoints)
    values: dict[str, Any] = {
        "paths": np.array(paths or [f"{index}.jpg" for index in range(count)], object),
        "centers": np.nanmean(keypoints[..., :2], axis=1),
        "scales": np.full(count, 0.5),
        "keypoints": keypoints.astype(float),
        "validation": np.ones(count, bool),
        "headboxes": np.full((count, 4), np.nan),
        "boxes": np.full((count, 4), np.nan),
        "areas": np.full(count, np.nan),
        "image_ids": np.full(count, -1),
        "annotation_ids": np.full(count, -1),
    }
    return Records(**values | columns)


def dataset_of(records: Records, skeleton: Skeleton | None = None) -> KeypointDataset:
    images = FolderImages(Path("nowhere"), records.paths)
    return KeypointDataset("labelled", skeleton or three(), records, images)


def three() -> Skeleton:
    """Two paired keypoints and one in the middle, with OKS constants."""
    return Skeleton(
        "three",
        ("left", "right", "middle"),
        horizontal_pairs=(("left", "right"),),
        sigmas=(0.05, 0.05, 0.1),
    )


def people(count: int, seed: int = 0, **columns: Any) -> KeypointDataset:
    """`count` random objects with MPII's keypoints, all labelled."""
    random = np.random.default_rng(seed)
    points = random.uniform(20, 100, (count, 16, 2))
    keypoints = np.concatenate([points, np.full((count, 16, 1), 2.0)], axis=-1)
    return dataset_of(records_of(keypoints, **columns), load_skeleton("mpii"))
