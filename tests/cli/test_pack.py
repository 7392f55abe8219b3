"""`data pack`, and the commands that read what it wrote or pass over bad images."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from model_checks import OneLayerBackbone

from simplebase import SimpleBaseline, load_skeleton
from simplebase.augmentation import Augmentation
from simplebase.backbones import BACKBONES
from simplebase.data.loading import load_dataset
from simplebase.presets import load_preset, load_recipe

Command = Callable[..., tuple[int, str, str]]

SMALL = ("--input-size", "64x64", "--recipe", "quick")
TRAIN = (*SMALL, "--batch-size", 8, "--total-epoch", 1, "--backbone-weights", "none")


@pytest.fixture
def damaged(figures_folder: Path, tmp_path: Path) -> Path:
    """A dataset of 40 with a missing, a cut and a foreign image, one of them held out."""
    folder = shutil.copytree(figures_folder, tmp_path / "damaged")
    (folder / "images" / "000002.jpg").unlink()
    content = (folder / "images" / "000011.jpg").read_bytes()
    (folder / "images" / "000011.jpg").write_bytes(content[: len(content) // 2])
    (folder / "images" / "000014.jpg").write_text("<html>")
    return folder


@pytest.fixture
def one_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands are looked at, not the network: this one traces in a second."""
    monkeypatch.setitem(BACKBONES, "mobilenetv2", OneLayerBackbone)


def test_pack_says_what_it_wrote_and_what_comes_next(
    command: Command, figures_folder: Path
) -> None:
    code, output, error = command(
        "data", "pack", figures_folder, "packed", *SMALL, "--skip-bad-images"
    )
    assert (code, error) == (0, "")  # where nothing is bad, nothing is said
    assert "packed: 40 records in 2 shards, 0.00 GiB" in output
    assert "next: simplebase train --dataset packed --preset mobilenetv2_upsample_lite" in output
    manifest = json.loads(Path("packed/manifest.json").read_text())
    assert manifest["input_size"] == [64, 64]
    preset, dataset = load_preset("mobilenetv2_upsample_lite"), load_dataset("packed")
    assert manifest["crop"] == preset.crop.model_dump()
    augmentation = load_recipe("quick").augmentation
    canvas = Augmentation(augmentation, (64, 64), dataset.skeleton).canvas_size
    # Room for what the augmentation looks at beyond the input.
    assert tuple(manifest["canvas_size"]) == canvas and min(canvas) > 64


def test_what_was_packed_is_trained_and_evaluated(
    command: Command, figures_folder: Path, one_layer: None
) -> None:
    assert command("data", "pack", figures_folder, "packed", *SMALL)[0] == 0
    code, _, error = command("train", "--dataset", "packed", *TRAIN, "--run-dir", "run")
    assert code == 0, error
    summary = json.loads(Path("run/summary.json").read_text())
    assert (summary["train_records"], summary["val_records"]) == (32, 8)
    best = "run/checkpoints/best.keras"
    code, _, error = command("eval", best, "--dataset", "packed", "--json", "scores.json")
    assert code == 0, error
    scores = json.loads(Path("scores.json").read_text())["best.keras"]
    pck = scores["metrics"]["pck"]["figures"]["PCK@0.5"]["value"]
    assert scores["objects"] == 8 and pck == summary["val_pck"]


def test_an_existing_packing_is_replaced_only_when_asked(
    command: Command, figures_folder: Path
) -> None:
    assert command("data", "pack", figures_folder, "packed", *SMALL)[0] == 0
    again = ("data", "pack", figures_folder, "packed", "--input-size", "32x32")
    code, _, error = command(*again)
    assert code == 1
    assert error.endswith("packed exists. Choose another path, or pass --overwrite.\n")
    assert command(*again, "--overwrite")[0] == 0
    assert json.loads(Path("packed/manifest.json").read_text())["input_size"] == [32, 32]


@pytest.mark.parametrize(
    "line, code, message",
    [
        ("absent packed", 1, "absent: the dataset folder does not exist. Check the path."),
        ("{figures} file.txt", 1, "file.txt contains files that are not part of a packed dataset"),
        (
            "{figures} s4://bucket/x",
            1,
            "File system scheme 's4' not implemented",
        ),
        ("{figures} packed --input-size 64", 2, "a size must be HEIGHTxWIDTH"),
        ("{figures} packed --preset nothing", 2, "preset 'nothing' does not exist"),
        ("{damaged} packed", 1, "images/000002.jpg: the image does not exist"),
    ],
)
def test_a_bad_line_ends_with_one_sentence(
    command: Command, figures_folder: Path, damaged: Path, line: str, code: int, message: str
) -> None:
    Path("file.txt").write_text("mine")
    arguments = line.format(figures=figures_folder, damaged=damaged).split()
    found, _, error = command("data", "pack", *arguments)
    assert found == code
    assert error.startswith("Error: ") and error.count("\n") == 1 and message in error
    assert Path("file.txt").read_text() == "mine"
    assert not Path("packed/manifest.json").exists()


def assert_named(error: str, records: str, names: list[str]) -> None:
    warning, *lines = error.strip().splitlines()
    assert warning.startswith(f"Warning: {records} records skipped")
    assert f"because {len(names)} image" in warning
    assert len(lines) == len(names)
    assert all(name in line for name, line in zip(names, lines, strict=True))


def test_pack_passes_over_bad_images_when_asked(command: Command, damaged: Path) -> None:
    code, output, error = command("data", "pack", damaged, "packed", *SMALL, "--skip-bad-images")
    assert code == 0
    assert_named(error, "3 of 40", ["000002.jpg", "000011.jpg", "000014.jpg"])
    assert "packed: 37 records" in output
    assert (len(load_dataset("packed").train), len(load_dataset("packed").validation)) == (30, 7)


def test_train_passes_over_bad_images_and_names_them(command: Command, damaged: Path) -> None:
    # 31 is too large a batch for the 30 sound train records, which ends this before it takes long.
    line = ("train", "--dataset", damaged, *SMALL, "--batch-size", 31, "--run-dir", "run")
    code, _, error = command(*line)
    assert code == 1 and "images/000002.jpg: the image does not exist" in error
    code, _, error = command(*line, "--skip-bad-images")
    assert code == 2
    warning, _, failure = error.strip().rpartition("\n")
    assert_named(warning, "3 of 40", ["000002.jpg", "000011.jpg", "000014.jpg"])
    assert "the batch size 31 is larger than the train split of 30 records" in failure


def test_eval_passes_over_bad_images_of_its_split_and_names_them(
    command: Command, damaged: Path, one_layer: None
) -> None:
    preset = load_preset("mobilenetv2_upsample_lite")
    mpii = load_skeleton("mpii")
    model = SimpleBaseline.from_preset(
        preset, skeleton=mpii, input_size=(64, 64), backbone_weights="none"
    )
    model.save("model.keras")
    code, _, error = command(
        *("eval", "model.keras", "--dataset", damaged, "--skip-bad-images"),
        *("--json", "scores.json"),
    )
    assert code == 0, error
    assert_named(error, "1 of 8", ["000014.jpg"])
    assert json.loads(Path("scores.json").read_text())["model.keras"]["objects"] == 7


def test_a_dataset_of_bad_images_is_refused(command: Command, damaged: Path) -> None:
    for path in (damaged / "images").iterdir():
        path.write_bytes(b"")
    code, _, error = command("train", "--dataset", damaged, "--skip-bad-images", "--run-dir", "run")
    assert code == 1 and "none of 40 images can be read. The first: " in error
    assert not Path("run").exists()
