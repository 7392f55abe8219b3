"""Dataset folders: what makes one complete, and what is said where it is not."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pytest

from simplebase.data.loading import load_dataset
from simplebase.errors import DataError, MissingFileError
from simplebase.skeletons import Skeleton, load_skeleton

TWO = Skeleton("two", ("a", "b"), (("a", "b"),))


def record(path, validation=0):
    return {
        "dataset": "x",
        "isValidation": validation,
        "img_paths": path,
        "objpos": [5, 6],
        "joint_self": [[1, 2, 2], [3, 4, 1]],
        "scale_provided": 1.5,
        "origin": 0,
    }


@pytest.fixture
def folder(tmp_path):
    records = [record("a.jpg"), record("b.jpg", 1), record("sub/c.jpg")]
    (tmp_path / "annotations.json").write_text(json.dumps(records))
    (tmp_path / "classes.txt").write_text("a\nb\n")
    return tmp_path


def test_the_splits_are_those_of_is_validation(folder):
    dataset = load_dataset(folder)
    assert len(dataset) == 3
    assert list(dataset.train.records.paths) == ["a.jpg", "sub/c.jpg"]
    assert list(dataset.validation.records.paths) == ["b.jpg"]
    assert dataset.train.skeleton == dataset.skeleton


def test_the_embedded_dataset_splits_into_four_fifths_and_one(figures):
    assert (len(figures), len(figures.train), len(figures.validation)) == (40, 32, 8)
    assert figures.skeleton.horizontal_pairs == load_skeleton("mpii").horizontal_pairs
    assert all(figures.images.path(index).is_file() for index in range(len(figures)))


def test_image_paths_point_into_images(folder):
    assert load_dataset(folder).images.path(2) == folder / "images" / "sub" / "c.jpg"
    assert load_dataset(folder).validation.images.path(0) == folder / "images" / "b.jpg"


def test_the_folders_own_text_files_are_its_skeleton(folder):
    (folder / "match_point.txt").write_text("a,b,h\n")
    (folder / "skeleton.txt").write_text("a,b,r\n")
    skeleton = load_dataset(folder).skeleton
    np.testing.assert_array_equal(skeleton.horizontal_permutation, [1, 0])
    assert len(skeleton.links) == 1


def test_an_explicit_skeleton_goes_before_the_folders_own(folder):
    assert load_dataset(folder, TWO).skeleton is TWO
    (folder / "classes.txt").unlink()
    assert load_dataset(folder, TWO).skeleton is TWO


def test_a_folder_without_classes_asks_for_a_skeleton(folder):
    (folder / "classes.txt").unlink()
    with pytest.raises(MissingFileError, match=r"has no classes\.txt.*--skeleton"):
        load_dataset(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"nowhere: .* does not exist. Check the path"):
        load_dataset(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder_is_refused(folder):
    with pytest.raises(MissingFileError, match=r"is a file\. Give the dataset folder"):
        load_dataset(folder / "annotations.json")


def test_missing_annotations_are_named(folder):
    (folder / "annotations.json").unlink()
    with pytest.raises(MissingFileError, match=r"has no annotations\.json, .*simplebase convert"):
        load_dataset(folder)


def test_compressed_annotations_are_found(folder):
    plain = folder / "annotations.json"
    (folder / "annotations.json.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert len(load_dataset(folder)) == 3


def test_records_of_another_skeleton_are_refused(folder):
    with pytest.raises(DataError) as caught:
        load_dataset(folder, load_skeleton("lsp"))
    assert 'record 0 (img_paths "a.jpg"): joint_self has 2 rows, but skeleton "lsp" has 14' in str(
        caught.value
    )


@pytest.mark.parametrize("validation, split", [(0, "validation"), (1, "train")])
def test_an_empty_split_is_refused_only_when_it_is_used(folder, validation, split):
    (folder / "annotations.json").write_text(json.dumps([record("a.jpg", validation)]))
    dataset = load_dataset(folder)
    with pytest.raises(DataError, match="split is empty. Draw the splits with `simplebase data"):
        getattr(dataset, split)


def test_a_plain_folder_is_opened_without_tensorflow(folder):
    script = (
        "import sys; from simplebase import load_dataset; from simplebase.data import packed; "
        f"print(len(load_dataset({str(folder)!r})), packed.is_packed({str(folder)!r}), "
        "{'tensorflow', 'keras', 'simplebase.data.packed.writer'} & set(sys.modules))"
    )
    line = [sys.executable, "-W", "error", "-c", script]
    assert subprocess.check_output(line, text=True) == "3 False set()\n"
