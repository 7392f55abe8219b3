"""The stages of the input pipeline are timed one by one, over the images that were asked for."""

import math
from pathlib import Path

import numpy as np
import pytest

from simplebase import Crop, KeypointDataset, ModelMetadata, load_preset, load_recipe
from simplebase.benchmarking import Stage, measure_data
from simplebase.data.packed import load_packed, pack_dataset
from simplebase.errors import ArgumentError

STAGES = [
    "read",
    "decode",
    "sample",
    "batches, no cache",
    "batches, memory cache",
    "augmentation and targets",
]


def measured(dataset: KeypointDataset, *, batch_size: int = 8, images: int = 24) -> list[Stage]:
    metadata = ModelMetadata.from_preset(
        load_preset("mobilenetv2_upsample_lite"), dataset.skeleton, (64, 64)
    )
    return list(
        measure_data(
            dataset,
            metadata=metadata,
            recipe=load_recipe("quick"),
            batch_size=batch_size,
            images=images,
        )
    )


def test_each_stage_has_a_rate(figures: KeypointDataset, reads: list[int]) -> None:
    stages = measured(figures)
    assert [stage.name for stage in stages] == STAGES
    assert all(math.isfinite(s.images_per_second) and s.images_per_second > 0 for s in stages)
    assert [stage.threads for stage in stages[:3]] == [1, 1, 1]
    assert stages[3].threads == stages[4].threads >= 1
    # One thread reads each of 24 once, the batches do, and the memory cache does when it is filled.
    assert len(reads) == 3 * 24


def test_fewer_records_than_images_are_read_repeatedly(
    figures: KeypointDataset, reads: list[int]
) -> None:
    few = figures.select(np.arange(5))
    measured(few, images=12, batch_size=4)
    assert np.bincount(reads[:12]).max() == 3 and len(set(reads[:12])) == 5


def test_a_packed_dataset_is_measured_too(figures: KeypointDataset, tmp_path: Path) -> None:
    pack_dataset(figures, tmp_path / "p", crop=Crop(), input_size=(64, 64), canvas_size=(96, 96))
    assert [stage.name for stage in measured(load_packed(tmp_path / "p"))] == STAGES


def test_less_than_a_batch_is_refused(figures: KeypointDataset) -> None:
    with pytest.raises(ArgumentError, match="7 images are less than a batch of 8"):
        measured(figures, images=7)


def test_a_stage_says_its_milliseconds() -> None:
    config = Stage("read", 1, 250.0).to_config()
    assert config == {"name": "read", "threads": 1, "images_per_second": 250.0, "ms_per_image": 4.0}
