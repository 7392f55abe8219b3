"""Which records an epoch trains on."""

from pathlib import Path

import numpy as np
import pytest
from tiny_runs import Recorder, tiny_recipe, train_tiny

from simplebase import KeypointDataset, load_dataset
from simplebase.data.image_store import FolderImages
from simplebase.data.packed import pack_dataset
from simplebase.errors import ArgumentError
from simplebase.geometry import Crop
from simplebase.training import Plan
from simplebase.training.order import EpochOrder

# Some of the 32 train records of the figures, whose images are called 000000.jpg and so on.
PATTERN = "00001*"


def matching(dataset: KeypointDataset) -> list[int]:
    """Indices of the records that `PATTERN` is for."""
    paths = dataset.records.paths
    return [row for row, path in enumerate(paths) if path.startswith("00001")]


def test_an_epoch_is_all_records_in_an_order_of_its_own(figures: KeypointDataset) -> None:
    train_split = figures.train
    order = EpochOrder(train_split, tiny_recipe(), seed=3)
    first, second = order(1), order(2)
    assert sorted(first) == sorted(second) == list(range(32))
    assert (first != second).any()
    np.testing.assert_array_equal(first, EpochOrder(train_split, tiny_recipe(), seed=3)(1))
    assert (first != EpochOrder(train_split, tiny_recipe(), seed=4)(1)).any()


def test_an_epoch_is_of_full_batches(figures: KeypointDataset) -> None:
    order = EpochOrder(figures.train, tiny_recipe(batch_size=5), seed=0)
    assert len(order(1)) == len(set(order(1))) == 30


@pytest.mark.parametrize("packed", [False, True])
def test_the_end_goes_through_the_matching_records_in_a_new_order_each_pass(
    figures: KeypointDataset, tmp_path: Path, packed: bool
) -> None:
    if packed:
        side = (64, 64)
        pack_dataset(figures, tmp_path / "p", crop=Crop(), input_size=side, canvas_size=side)
        figures = load_dataset(tmp_path / "p")
    train_split = figures.train
    recipe = tiny_recipe(total_epoch=4, finish_on=PATTERN, finish_share=0.5)
    order = EpochOrder(train_split, recipe, seed=0)
    wanted = matching(train_split)
    assert 0 < len(wanted) < 16
    for epoch in (1, 2):
        assert sorted(order(epoch)) == list(range(32))
    passes = set()
    for epoch in (3, 4):
        assert len(order(epoch)) == 32
        counts = np.bincount(order(epoch), minlength=32)
        assert counts.sum() == counts[wanted].sum()
        assert np.ptp(counts[wanted]) <= 1
        for start in range(0, 32 - len(wanted) + 1, len(wanted)):
            passes.add(tuple(order(epoch)[start : start + len(wanted)]))
    assert len(passes) == 2 * (32 // len(wanted))


@pytest.mark.parametrize(
    ("epochs", "share", "first"),
    [(10, 0.5, 6), (7, 0.5, 4), (5, 0.5, 3), (10, 1.0, 1), (10, 0.01, 10), (10, 0.25, 8)],
)
def test_the_end_is_a_share_of_the_epochs_and_at_least_one(
    epochs: int, share: float, first: int
) -> None:
    recipe = tiny_recipe(total_epoch=epochs, finish_on="*", finish_share=share)
    assert recipe.first_finishing_epoch == first


def test_a_training_reads_only_what_it_finishes_on(
    figures: KeypointDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: set[str] = set()
    read = FolderImages.read

    def spy(images: FolderImages, index: int) -> bytes:
        names.add(str(images.name(index)))
        return read(images, index)

    monkeypatch.setattr(FolderImages, "read", spy)
    recorder = Recorder()
    recipe = tiny_recipe(finish_on=PATTERN, finish_share=1)
    train_tiny(figures, tmp_path / "run", recipe=recipe, observer=recorder)
    train_split = figures.train
    assert recorder.plans == [Plan(1, 1, 2, 4, 8, 0, 1, len(matching(train_split)))]
    of_train = {str(train_split.images.name(row)) for row in range(32)}
    assert names & of_train == {str(train_split.images.name(row)) for row in matching(train_split)}


def test_a_pattern_that_matches_nothing_is_told_before_anything_is_made(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    recipe = tiny_recipe(finish_on="mine/*")
    with pytest.raises(ArgumentError, match=r"'mine/\*' matches none of the 32 image paths"):
        train_tiny(figures, tmp_path / "run", recipe=recipe)
    assert not list(tmp_path.iterdir())
