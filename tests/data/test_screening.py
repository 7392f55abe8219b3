"""Screening keeps the records whose images can be read and names each image that cannot."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simplebase import Crop, KeypointDataset, load_dataset
from simplebase.data.packed import load_packed, pack_dataset
from simplebase.data.screening import without_bad_images
from simplebase.errors import DataError


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-7])


def test_a_sound_dataset_is_kept_whole(figures: KeypointDataset) -> None:
    kept, problems = without_bad_images(figures)
    assert problems == []
    np.testing.assert_array_equal(kept.records.paths, figures.records.paths)
    np.testing.assert_array_equal(kept.records.keypoints, figures.records.keypoints)


def test_missing_cut_off_and_foreign_files_are_left_out_and_named(copied: KeypointDataset) -> None:
    copied.images.path(30).unlink()
    cut(copied.images.path(4))
    copied.images.path(17).write_text("<!DOCTYPE html><html>404</html>")
    copied.images.path(9).write_bytes(b"")
    kept, problems = without_bad_images(copied)
    bad = {4, 9, 17, 30}
    left = [index for index in range(40) if index not in bad]
    assert len(kept) == 36
    np.testing.assert_array_equal(kept.records.paths, copied.records.paths[left])
    np.testing.assert_array_equal(kept.records.keypoints, copied.records.keypoints[left])
    assert [kept.images.path(row) for row in (3, 4)] == [
        copied.images.path(3),
        copied.images.path(5),
    ]
    assert len(problems) == 4
    for index, said in {
        4: "is cut off",
        9: "cannot be read as an image",
        17: "cannot be read as an image",
        30: "does not exist",
    }.items():
        [problem] = [text for text in problems if f"images/{index:06d}.jpg" in text]
        assert said in problem


def test_an_image_of_several_records_is_read_and_named_once(
    copied: KeypointDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight people in one photo: eight records go, one image is named."""
    path = Path(copied.name) / "annotations.json"
    records = json.loads(path.read_text())
    for index in range(10, 18):
        records[index]["img_paths"] = "000012.jpg"
    path.write_text(json.dumps(records))
    crowd = load_dataset(copied.name)
    cut(crowd.images.path(12))
    reads = []
    read = type(crowd.images).read
    monkeypatch.setattr(
        type(crowd.images),
        "read",
        lambda images, index: (reads.append(str(images.path(index))), read(images, index))[1],
    )
    kept, problems = without_bad_images(crowd)
    assert len(kept) == 32 and len(problems) == 1
    assert "000012.jpg is cut off" in problems[0]
    assert len(reads) == len(set(reads)) == 33


def test_progress_counts_images_up_to_all(figures: KeypointDataset) -> None:
    reported: list[tuple[int, int]] = []
    without_bad_images(
        figures.select(np.array([0, 0, 1, 2])), lambda done, total: reported.append((done, total))
    )
    assert reported == [(1, 3), (2, 3), (3, 3)]


def test_a_dataset_without_one_good_image_is_refused(copied: KeypointDataset) -> None:
    for index in range(40):
        copied.images.path(index).unlink()
    with pytest.raises(
        DataError, match=r"copy: none of 40 images can be read. The first: .*000000"
    ):
        without_bad_images(copied)


def test_of_a_packed_dataset_the_records_of_a_lost_shard_go(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    pack_dataset(
        figures,
        tmp_path / "packed",
        crop=Crop(),
        input_size=(32, 32),
        canvas_size=(32, 32),
        records_a_shard=8,
    )
    (tmp_path / "packed" / "train-00001.tfrecord").unlink()
    packed = load_packed(tmp_path / "packed")
    kept, problems = without_bad_images(packed)
    assert len(kept) == 32
    assert all("train-00001.tfrecord" in problem for problem in problems)
    left = [*range(8), *range(16, 40)]
    np.testing.assert_array_equal(kept.records.keypoints, packed.records.keypoints[left])
    again, problems = without_bad_images(replace(kept))
    assert len(again) == 32 and problems == []
