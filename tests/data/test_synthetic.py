"""The embedded dataset: reproducible, complete, and never half there."""

import json
import threading
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from simplebase import KeypointDataset, load_dataset, load_skeleton
from simplebase.data import synthetic
from simplebase.data.synthetic import embedded_dataset, synthesize
from simplebase.errors import ArgumentError, OutputExistsError
from simplebase.images import read_image


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, twin, other = (
        contents(synthesize(tmp_path / name, count=5, seed=seed))
        for name, seed in (("first", 3), ("twin", 3), ("other", 4))
    )
    assert first == twin
    assert set(first) == set(other)
    assert all(first[f"images/00000{i}.jpg"] != other[f"images/00000{i}.jpg"] for i in range(5))


def test_a_larger_set_begins_with_the_smaller(figures_folder: Path, tmp_path: Path) -> None:
    small = synthesize(tmp_path / "small", count=7)
    larger = contents(figures_folder)
    images = {name: data for name, data in contents(small).items() if name.endswith(".jpg")}
    assert len(images) == 7
    assert all(larger[name] == data for name, data in images.items())
    few, many = (
        json.loads((folder / "annotations.json").read_text()) for folder in (small, figures_folder)
    )
    assert few == many[:7]


def test_every_fifth_figure_is_held_out(figures: KeypointDataset) -> None:
    assert np.flatnonzero(figures.records.validation).tolist() == [4, 9, 14, 19, 24, 29, 34, 39]
    assert (len(figures.train), len(figures.validation)) == (32, 8)


def test_it_is_a_dataset_folder_with_the_skeleton_mpii(figures: KeypointDataset) -> None:
    mpii = load_skeleton("mpii")
    assert figures.skeleton.keypoints == mpii.keypoints
    assert set(figures.skeleton.horizontal_pairs) == set(mpii.horizontal_pairs)
    assert figures.skeleton.links == mpii.links
    assert np.isfinite(figures.records.headboxes).all()


def test_every_label_lies_in_its_image(figures: KeypointDataset) -> None:
    for index in range(len(figures)):
        height, width, _ = read_image(figures.images.path(index)).shape
        x, y, visibility = figures.records.keypoints[index].T
        labelled = visibility > 0
        assert labelled.any()
        assert x[labelled].min() >= 0 and x[labelled].max() <= width - 1
        assert y[labelled].min() >= 0 and y[labelled].max() <= height - 1


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "precious.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="mine exists"):
        synthesize(folder, count=5)
    assert contents(folder) == {"precious.txt": b"mine"}


def test_overwrite_replaces_an_earlier_dataset_whole(tmp_path: Path) -> None:
    folder = synthesize(tmp_path / "figures", count=8)
    synthesize(folder, count=5, seed=1, overwrite=True)
    assert len(list((folder / "images").iterdir())) == 5
    assert len(load_dataset(folder)) == 5


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_failure_leaves_nothing_new_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    folder = tmp_path / "figures"
    if overwrite:
        synthesize(folder, count=5)
    before = contents(tmp_path)
    drawn = []

    def fails_at_the_third(rng: np.random.Generator) -> object:
        drawn.append(rng)
        if len(drawn) >= 3:
            raise MemoryError("no more")
        return draw(rng)

    draw = synthetic.draw_figure
    monkeypatch.setattr(synthetic, "draw_figure", fails_at_the_third)
    with pytest.raises(MemoryError):
        synthesize(folder, count=10, seed=1, overwrite=overwrite)
    assert contents(tmp_path) == before
    assert folder.exists() is overwrite
    assert len(list(tmp_path.iterdir())) == int(overwrite)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 4}, "count must be at least 5. Received: 4"),
        ({"count": -1}, "count must be at least 5"),
        ({"count": 5, "seed": -1}, "seed must be 0 or above. Received: -1"),
    ],
)
def test_a_count_without_two_splits_and_a_negative_seed_are_refused(
    tmp_path: Path, arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        synthesize(tmp_path / "figures", **arguments)
    assert not (tmp_path / "figures").exists()


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    synthesize(
        tmp_path / "figures", count=5, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, 5) for done in range(1, 6)]


@pytest.mark.parametrize("variable", ["SIMPLEBASE_CACHE", "XDG_CACHE_HOME"])
def test_the_embedded_dataset_is_drawn_once_into_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("SIMPLEBASE_CACHE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(synthetic, "DEFAULT_COUNT", 5)
    folder = embedded_dataset()
    assert folder.is_relative_to(tmp_path)
    assert len(load_dataset(folder)) == 5
    written = (folder / "annotations.json").stat().st_mtime_ns
    assert embedded_dataset() == folder
    assert (folder / "annotations.json").stat().st_mtime_ns == written


@pytest.mark.filterwarnings("ignore:waiting for the embedded dataset")
def test_two_first_users_of_the_embedded_dataset_draw_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path))
    monkeypatch.setattr(synthetic, "DEFAULT_COUNT", 5)
    start, drawn, folders = threading.Barrier(3), [], []
    draw = synthetic.synthesize

    def spy(folder: Path, **options: object) -> Path:
        drawn.append(folder)
        return draw(folder, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(synthetic, "synthesize", spy)

    def use() -> None:
        start.wait()
        folders.append(embedded_dataset())

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == 1 and len(set(folders)) == 1 and len(folders) == 3
    assert len(load_dataset(folders[0])) == 5
    assert [path.name for path in tmp_path.iterdir()] == [folders[0].name]


def test_who_is_quicker_without_locks_has_drawn_the_embedded_dataset_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path))
    monkeypatch.setattr(synthetic, "DEFAULT_COUNT", 5)
    monkeypatch.setattr(synthetic, "turn", lambda path, place: nullcontext())
    draw = synthetic.synthesize

    def other_process_is_quicker(done: int, total: int) -> None:
        if done == 1:
            draw(tmp_path / "synthetic_v1_5", count=5, seed=0)

    assert len(load_dataset(embedded_dataset(other_process_is_quicker))) == 5
    assert len(list(tmp_path.iterdir())) == 1
