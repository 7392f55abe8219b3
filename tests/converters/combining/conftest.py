"""A small dataset folder of given image paths."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion_checks import write_image

from simplebase.data.records import make_record
from simplebase.skeletons import Link, Skeleton, write_text_files

MakeFolder = Callable[..., Path]

FISH = Skeleton(
    "fish", ("left", "right", "tail"), (("left", "right"),), (), (Link("left", "tail"),)
)


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Writes a dataset of one record an image; keypoint k of the i-th lies at x 10 i + k, y k."""

    def make(
        name: str,
        paths: Sequence[str] = ("a.jpg", "b.jpg"),
        skeleton: Skeleton | None = FISH,
        held_out: Sequence[str] = (),
        **fields: Any,
    ) -> Path:
        folder = tmp_path / name
        count = (skeleton or FISH).num_keypoints
        records = []
        for index, path in enumerate(paths):
            write_image(folder / "images" / path)
            record = make_record(
                dataset=name,
                validation=path in held_out,
                path=path,
                center=(10, 10),
                scale=0.1,
                keypoints=_keypoints(index, count),
            )
            records.append(record | fields)
        (folder / "annotations.json").write_text(json.dumps(records))
        if skeleton:
            write_text_files(skeleton, folder)
        return folder

    return make


def _keypoints(index: int, count: int) -> np.ndarray:
    return np.array([[10 * index + place, place, 2] for place in range(count)], float)
