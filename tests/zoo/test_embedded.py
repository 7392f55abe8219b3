"""The model in the package: small, intact, there without a network, and the same in both files."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simplebase
from simplebase.errors import ArgumentError, DataError
from simplebase.metadata import read_metadata
from simplebase.presets import Preset
from simplebase.training.choosing import choose_training
from simplebase.zoo import embedded, find, model_file
from simplebase.zoo.embedded import NAMES, PERSON, EmbeddedFile, EmbeddedModel, runnable_file

ROOT = Path(__file__).parents[2]
MOST_BYTES = 6_000_000

# One worker converts the model, once.
pytestmark = pytest.mark.xdist_group("embedded")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The `.keras` of the model, which the cache keeps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMPLEBASE_CACHE", str(tmp_path_factory.mktemp("converted")))
        patch.setenv("SIMPLEBASE_MIRROR", "/nowhere")
        lines: list[str] = []
        first = model_file(PERSON, offline=True, announce=lines.append)
        assert lines == ["Converting person-mini to a .keras file, once."]
        assert model_file(PERSON, offline=True, announce=lines.append) == first
        assert len(lines) == 1
        yield first


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_those_of_the_table_and_the_card_and_small(name: str) -> None:
    files = find(name).embedded
    assert isinstance(files, EmbeddedModel)
    for file in (files.weights, files.runnable):
        assert file.checked() == file.path and file.path.stat().st_size == file.bytes
        assert file.sha256 in (ROOT / "docs" / "person_model.md").read_text(encoding="utf-8")
    assert files.weights.bytes + files.runnable.bytes == find(name).size <= MOST_BYTES
    beside = {path.name for path in files.weights.path.parent.iterdir()}
    assert beside == {f"{name}.{end}" for end in ("npz", "tflite", "tflite.json", "yaml")}


def test_the_published_figure_is_that_of_the_card() -> None:
    card = (ROOT / "docs" / "person_model.md").read_text(encoding="utf-8")
    row = next(line for line in card.splitlines() if line.startswith(f"| `{PERSON}` | "))
    assert f" / {find(PERSON).published.value:.3f} / " in row.split(" | ")[1]


def test_a_changed_file_of_the_package_is_refused(tmp_path: Path) -> None:
    original = find(PERSON).embedded.weights
    path = tmp_path / "person-mini.npz"
    file = EmbeddedFile(path, original.bytes, original.sha256)
    with pytest.raises(DataError, match="is missing: the installation of simplebase is damaged"):
        file.checked()
    path.write_bytes(original.path.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="was changed: the installation .* Install it again: pip"):
        file.checked()


def test_a_changed_file_makes_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: Path
) -> None:
    row = find(PERSON)
    weights = replace(row.embedded.weights, path=tmp_path / "person-mini.npz")
    weights.path.write_bytes(b"PK")
    changed = replace(row, embedded=replace(row.embedded, weights=weights))
    monkeypatch.setattr("simplebase.zoo.table._rows", lambda: {PERSON: changed})
    with pytest.raises(DataError, match="was changed"):
        model_file(PERSON, announce=lambda line: None)
    assert not [path for path in models.iterdir() if not path.name.startswith(".")]


def test_what_only_runs_needs_neither_cache_nor_network(models: Path, no_network: None) -> None:
    path = model_file(PERSON, runnable=True)
    assert path == find(PERSON).embedded.runnable.path
    assert not models.exists()


def test_a_file_of_the_same_name_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / PERSON).mkdir()
    lines: list[str] = []
    assert model_file(PERSON, runnable=True, announce=lines.append) == Path(PERSON)
    assert "not the pretrained model" in lines[0]
    assert model_file(PERSON, runnable=True, local=False).suffix == ".tflite"


def test_tensorflow_runs_it_where_litert_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"tensorflow"}
    monkeypatch.setattr(embedded, "find_spec", lambda name: True if name in installed else None)
    assert runnable_file(PERSON) is None
    # With neither the error of the runtime says what to install.
    installed.clear()
    assert runnable_file(PERSON) == find(PERSON).embedded.runnable.path
    assert runnable_file("person") is None


def test_both_files_are_one_model(keras_file: Path) -> None:
    """On a drawn figure: the int8 file and the model from the weights in 8 bits nearly agree."""
    from simplebase.data.figures import draw_figure

    int8, keras = simplebase.load(), simplebase.load(keras_file)
    assert int8.runtime.metadata == keras.runtime.metadata
    height, width = int8.runtime.metadata.input_size
    images = draw_figure(np.random.default_rng(1), (height, width)).image[None]
    apart = np.abs(int8.runtime.predict(images) - keras.runtime.predict(images))
    assert apart.mean() < 0.01
    assert int8.skeleton == keras.skeleton and int8.skeleton.name == "lsp"


def test_a_training_starts_from_it(keras_file: Path, no_network: None) -> None:
    chosen = choose_training({"weights": PERSON, "dataset": "people"})
    row = find(PERSON)
    assert chosen.preset.name == row.preset
    assert chosen.options.input_size == row.input_size
    model = simplebase.SimpleBaseline.from_preset(
        chosen.preset,
        skeleton=simplebase.load_skeleton("lsp"),
        input_size=row.input_size,
        weights=keras_file,
    )
    shipped = simplebase.load_model(keras_file)
    for one, other in zip(model.get_weights(), shipped.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert shipped.metadata == read_metadata(row.embedded.runnable.path)
    assert model.metadata.min_score is None, "it was measured for the shipped weights"


@pytest.fixture(scope="module")
def small(small_preset: Preset) -> Any:
    from simplebase.estimator import SimpleBaseline

    model = SimpleBaseline.from_preset(small_preset, 3, backbone_weights="none")
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0.5, 3, each.shape) for each in model.get_weights()])
    return model


def test_compact_weights_are_within_half_a_step(small: Any, tmp_path: Path) -> None:
    from simplebase.zoo.embedded.compact import read_compact, write_compact

    write_compact(small, tmp_path / "a.npz")
    again = read_compact(tmp_path / "a.npz")
    assert again.get_config() == small.get_config()
    kernels = 0
    for before, after in zip(small.get_weights(), again.get_weights(), strict=True):
        if before.ndim == 4:
            kernels += 1
            channel = -1 if before.shape[-1] > 1 else -2
            largest = np.abs(before).max(axis=tuple({0, 1, 2, 3} - {channel % 4}), keepdims=True)
            # Scales are of float16: the largest weight may lie 2^-11 beyond the last step.
            assert (np.abs(after - before) <= largest * (0.5 / 127 + 2**-11)).all()
        else:
            np.testing.assert_allclose(after, before, rtol=2**-16)
    assert kernels > 10


def test_the_same_model_gives_the_same_file_and_fewer_levels_a_smaller_one(
    small: Any, tmp_path: Path
) -> None:
    from simplebase.zoo.embedded.compact import write_compact

    for name, levels in (("a", 127), ("b", 127), ("c", 15)):
        write_compact(small, tmp_path / f"{name}.npz", levels=levels)
    first, second, third = ((tmp_path / f"{name}.npz").read_bytes() for name in "abc")
    assert first == second and len(third) < 0.8 * len(first)
    with pytest.raises(ArgumentError, match="levels must be from 1 to 127. Received: 128"):
        write_compact(small, tmp_path / "d.npz", levels=128)
    assert not (tmp_path / "d.npz").exists()


@pytest.mark.parametrize("damage", ["fewer", "more", "cut", "missing", "no zip"])
def test_a_file_that_is_no_compact_model_is_refused(
    small: Any, tmp_path: Path, damage: str
) -> None:
    from simplebase.zoo.embedded.compact import read_compact, write_compact

    path = tmp_path / "a.npz"
    write_compact(small, path)
    with np.load(path) as file:
        arrays = dict(file)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "no zip":
        path.write_bytes(b"no zip")
    else:
        if damage == "missing":
            del arrays["scales"]
        else:
            kernels = arrays["kernels"]
            arrays["kernels"] = kernels[1:] if damage == "fewer" else np.append(kernels, kernels)
        np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"a\.npz is (not a file of compact weights|damaged): "):
        read_compact(path)
