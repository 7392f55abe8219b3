"""The name of a pretrained model where a model file is taken.

A hub on the loopback address has a small checkpoint that torch wrote with MMPose's keys.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
from coloured_dots import moving
from model_hub import Hub, serving

import simplebase
from simplebase import benchmarking, training, zoo
from simplebase.codec import HeatmapCodec
from simplebase.converters import weights
from simplebase.errors import ArgumentError
from simplebase.presets import Preset, load_preset
from simplebase.skeletons import Skeleton
from simplebase.training import TrainingOptions
from simplebase.zoo import ZooModel, conversion, table

Command = Callable[..., tuple[int, str, str]]

MINIATURES = Path(__file__).parents[1] / "converters" / "weights" / "miniatures"
CHECKPOINT = MINIATURES / "mmpose0_mobilenetv2.pth"
SIZE = (96, 64)
SKELETON = Skeleton("five", ("a", "b", "c", "d", "e"))

# One worker converts the checkpoint, once.
pytestmark = pytest.mark.xdist_group("names_as_models")


@dataclass(frozen=True)
class Published:
    """A hub, and the rows whose files it has: `tiny-person` and `tiny-detector`."""

    hub: Hub
    rows: dict[str, ZooModel]
    cache: Path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    content = CHECKPOINT.read_bytes()
    files = {"/tiny.pth": content, "/tiny.onnx": b"not looked into"}
    cache = tmp_path_factory.mktemp("cache")
    with serving() as hub, pytest.MonkeyPatch.context() as patch:
        hub.files = files
        person = replace(
            zoo.find("person"),
            name="tiny_person",
            aliases=("tiny-person",),
            urls=(f"{hub.address}/tiny.pth",),
            file="tiny-01234567.pth",
            sha256=sha256(content).hexdigest(),
            preset="mobilenetv2_deconv",
            num_keypoints=5,
            input_size=SIZE,
            codec=HeatmapCodec(SIZE, alignment="corner"),
        )
        detector = replace(
            zoo.find("yolox-nano"),
            name="tiny-detector",
            urls=(f"{hub.address}/tiny.onnx",),
            file="tiny.onnx",
            size=None,
            sha256=sha256(files["/tiny.onnx"]).hexdigest(),
        )
        rows = {person.name: person, detector.name: detector}
        patch.setattr(table, "_rows", lambda: rows)
        patch.setattr(conversion, "load_skeleton", lambda name: SKELETON)
        patch.setenv("SIMPLEBASE_CACHE", str(cache))
        yield Published(hub, rows, cache)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), moving(1)[0])
    return path


def test_the_first_use_fetches_and_converts_and_the_next_ones_do_not(
    command: Command, published: Published, picture: Path
) -> None:
    line = ("demo", "--model", "tiny-person", "--input", picture, "--min-score", -1)
    code, said, error = command(*line, "--output", "a.png")
    assert code == 0, error
    address = f"{published.hub.address}/tiny.pth"
    assert f"Fetching tiny-person: tiny-01234567.pth, 0.9 MB, from {address}. Licence: " in said
    assert "Converting tiny_person to a .keras file, once." in said and "5 of 5 keypoints" in said
    asked = len(published.hub.asked)
    code, said, error = command(*line, "--output", "b.png", "--offline")
    assert code == 0, error
    assert "Fetching" not in said and "Making" not in said
    assert len(published.hub.asked) == asked == 1
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_the_model_answers_as_torch_with_the_settings_of_its_row(published: Published) -> None:
    expected = np.load(MINIATURES / "mmpose0_mobilenetv2.npz")
    runtime = simplebase.load("tiny-person").runtime
    heatmaps = runtime.predict(expected["images"])
    np.testing.assert_allclose(heatmaps, expected["heatmaps"], rtol=0, atol=1e-4)
    row, metadata = published.rows["tiny_person"], runtime.metadata
    assert (metadata.crop, metadata.codec, metadata.preset) == (row.crop, row.codec, row.preset)
    assert metadata.skeleton == SKELETON


def test_a_model_of_keras_starts_from_the_name(published: Published) -> None:
    first = simplebase.SimpleBaseline.from_pretrained("tiny_person")
    preset = load_preset("mobilenetv2_deconv").model_dump(exclude_unset=True)
    preset["backbone"]["alpha"], preset["head"]["channels"] = 0.125, (4, 4, 4)
    second = simplebase.SimpleBaseline.from_preset(
        Preset.model_validate(preset), skeleton=SKELETON, input_size=SIZE, weights="tiny-person"
    )
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "line",
    [
        ["inspect", "tiny-person", "--json", "out.json"],
        ["dump", "tiny-person", "out.keras"],
    ],
    ids=lambda line: line[0],
)
def test_other_commands_take_the_name_too(
    command: Command, published: Published, line: list[str]
) -> None:
    code, said, error = command(*line)
    assert code == 0, error or said


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (["--format", "onnx"], "tiny-person.onnx"),
        (["--format", "saved-model"], "tiny-person_saved_model"),
        (["--format", "web"], "tiny-person_web"),
        (["--all", "all"], "all/tiny-person.onnx"),
    ],
    ids=["file", "folder", "page", "all"],
)
def test_exports_are_named_after_the_name_not_after_the_file_in_the_cache(
    command: Command, published: Published, line: list[str], place: str
) -> None:
    Path(place).parent.mkdir(exist_ok=True)
    Path(place).write_text("mine")
    code, _, error = command("export", "tiny-person", *line)
    assert code == 1 and error.startswith(f"Error: {place} exists"), error
    assert Path(place).read_text() == "mine"


def test_a_benchmark_takes_the_name_too(
    command: Command, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Path] = []

    def measure(models: list[Path], **how: object) -> None:
        measured.extend(models)
        raise ArgumentError("enough")

    monkeypatch.setattr(benchmarking, "measure_models", measure)
    command("bench", "model", "tiny-person")
    assert measured == [zoo.model_file("tiny-person")] and measured[0].suffix == ".keras"


def test_a_training_keeps_the_name(published: Published, tmp_path: Path) -> None:
    options = TrainingOptions(weights="tiny-person", backbone_weights="auto")
    assert options.weights == "tiny-person"
    assert TrainingOptions(weights="mine.keras").weights == str(Path("mine.keras").absolute())


def test_a_training_fetches_after_the_devices_are_set_up(
    command: Command, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def fetch(*arguments: object, **options: object) -> None:
        steps.append("fetch")
        raise ArgumentError("enough")

    monkeypatch.setattr(training, "make_deterministic", lambda: steps.append("devices"))
    monkeypatch.setattr(zoo, "model_file", fetch)
    code, _, error = command("train", "--weights", "tiny-person", "--deterministic")
    assert code == 2 and error == "Error: enough\n", error
    assert steps == ["devices", "fetch"]


def test_a_file_of_the_name_goes_first_and_is_said(command: Command, published: Published) -> None:
    Path("tiny-person").mkdir()
    _, said, error = command("inspect", "tiny-person")
    assert said == (
        "tiny-person: the file or folder of this name is used, not the pretrained model. Write "
        "./tiny-person to say so, or tiny_person for the pretrained model.\n"
    )
    assert "tiny-person" in error, "which is no model"


def test_an_unknown_name_gets_the_nearest(command: Command, published: Published) -> None:
    code, _, error = command("inspect", "Tiny-persn")
    assert code == 1
    assert error == (
        "Error: Tiny-persn is neither a file nor a pretrained model. Nearest: tiny-person, "
        "tiny_person, tiny-detector. `simplebase models --all` lists all.\n"
    )


def test_a_name_of_another_kind_is_refused(
    command: Command, published: Published, picture: Path
) -> None:
    code, _, error = command("demo", "--model", "tiny-detector", "--input", picture)
    assert code == 2 and "'tiny-detector' is of the kind detector, but keypoints is needed" in error


def test_a_detector_is_used_as_it_was_published(published: Published) -> None:
    path = zoo.model_file("tiny-detector", "detector", announce=lambda line: None)
    assert path == published.cache / "models" / "tiny.onnx"
    assert path.read_bytes() == b"not looked into"


def test_without_network_the_error_says_what_to_do(
    command: Command, published: Published, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path / "empty"))
    code, _, error = command("inspect", "tiny-person", "--offline")
    assert code == 1 and "Run `simplebase models get tiny-person`" in error


def test_other_settings_of_a_row_convert_anew(
    published: Published, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paddings, lines = [], []

    def convert(original: Path, target: Path, *, preset: Preset, **others: object) -> None:
        paddings.append(preset.crop.padding)
        target.write_bytes(b"a model")

    monkeypatch.setattr(weights, "convert_weights", convert)
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path))
    row = published.rows["tiny_person"]
    first = zoo.model_file("tiny-person", announce=lambda line: None)
    changed = replace(row, crop=replace(row.crop, padding=1.5))
    monkeypatch.setitem(published.rows, "tiny_person", changed)
    second = zoo.model_file("tiny-person", announce=lines.append)
    assert second != first and paddings == [row.crop.padding, 1.5]
    assert lines == ["Converting tiny_person to a .keras file, once."]


def test_the_cache_is_listed_and_emptied(command: Command, published: Published) -> None:
    code, said, _ = command("models", "get", "tiny-person", "tiny-detector")
    assert code == 0 and f"tiny-detector: {published.cache}" in said
    code, said, _ = command("models", "cached")
    assert code == 0 and "tiny.onnx" in said and "tiny_person-" in said and "3 files" in said
    code, _, error = command("models", "remove", "tiny-detector", "nothing")
    assert code == 1 and "does not have nothing. It has: tiny-01234567.pth, tiny.onnx" in error
    code, said, _ = command("models", "remove", "tiny-detector")
    assert code == 0 and said == "15 bytes freed\n"
    code, said, _ = command("models", "remove", "--all")
    assert code == 0 and not list((published.cache / "models").glob("[!.]*"))
