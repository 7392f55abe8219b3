"""`inspect`: what it prints is what it writes, and what it draws is told in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simplebase import load_model
from simplebase.cost import count_gflops, count_params
from simplebase.images import read_image
from simplebase.inspection import model

Command = Callable[..., tuple[int, str, str]]


def test_inspect_prints_and_writes_what_the_model_is(
    command: Command, small_model_file: Path
) -> None:
    code, output, error = command("inspect", small_model_file, "--json", "model.json")
    assert code == 0, error
    network = load_model(small_model_file)
    params, gflops = count_params(network), count_gflops(network, (64, 64))
    written = json.loads(Path("model.json").read_text())
    assert (written["network"]["params"], written["network"]["gflops"]) == (params, gflops)
    assert written["metadata"] == network.metadata.to_config()
    cells = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.strip()}
    assert cells["preset"] == ["small"] and cells["normalisation"] == ["Normalisation", "64x64x3"]
    assert "mpii, 16 keypoints" in output and "right_ankle, right_knee" in output
    assert cells["Conv1"] == ["Conv2D", "32x32x16", "432", "0.0009"]
    assert cells["total"] == [f"{params:,}", f"{gflops:.4f}"]


def test_a_format_without_layers_shows_the_rest(
    command: Command,
    small_model_file: Path,
    knowing_runtime: type,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = knowing_runtime(load_model(small_model_file).metadata, np.zeros(0), np.zeros(0))
    monkeypatch.setattr(model, "load_runtime", lambda path: runtime)
    Path("model.onnx").write_bytes(b"12345")
    code, output, error = command("inspect", "model.onnx")
    assert code == 0, error
    assert output.startswith("model.onnx\n") and "0.0 MB" in output
    assert "mpii, 16 keypoints" in output
    assert "n/a" in output and "GFLOPs" not in output
    for draws in ("--kernels", "--feature-maps image.jpg"):
        monkeypatch.setattr("simplebase.inspection.feature_maps.read_image", lambda _: IMAGE)
        code, _, error = command("inspect", "model.onnx", *draws.split(), "--output", "a.png")
        assert (
            code == 2 and "no layers to draw. Give the .keras file from which it was made." in error
        )


IMAGE = np.zeros((8, 8, 3), np.uint8)


def test_feature_maps_and_kernels_are_drawn(
    command: Command, small_model_file: Path, figures_folder: Path
) -> None:
    image = figures_folder / "images" / "000000.jpg"
    line = "--layer expanded_conv_project --box 40,30,200,240 --output maps.png"
    code, output, error = command(
        "inspect", small_model_file, "--feature-maps", image, *line.split()
    )
    assert (code, output) == (0, "maps.png: 8 of 8 channels of mobilenetv2/expanded_conv_project\n")
    code, output, error = command(
        "inspect", small_model_file, "--kernels", "--output", "kernels.png"
    )
    assert (code, output) == (0, "kernels.png: 16 of 16 kernels of mobilenetv2/Conv1\n")
    assert read_image("maps.png").ndim == read_image("kernels.png").ndim == 3


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("absent.keras", 1, "absent.keras: the model does not exist. Check the path."),
        ("{cut}", 1, "cut.keras cannot be loaded"),
        ("model.pt", 2, "model.pt: a model ends in .keras"),
        ("{model} --json old.json", 1, "old.json exists"),
        ("{model} --kernels", 2, "name the picture to write with --output"),
        ("{model} --output a.png", 2, "--layer and --output need --feature-maps or --kernels"),
        ("{model} --layer Conv1", 2, "--layer and --output need"),
        ("{model} --kernels --output a.png --json a.json", 2, "--json cannot be combined with"),
        ("{model} --kernels --output a.png --box 1,2,3,4", 2, "--box needs --feature-maps"),
        ("{model} --kernels --feature-maps {image} --output a.png", 2, "or --kernels, not both"),
        ("{model} --kernels --output a.txt", 2, "a.txt: an image ends in"),
        ("{model} --kernels --output old.png", 1, "old.png exists"),
        ("{model} --kernels --output a.png --layer Conv2", 2, "no layer 'Conv2'. Nearest: Conv1"),
        ("{model} --kernels --output a.png --layer Conv1_relu", 2, "(ReLU) has no kernels to draw"),
        ("{model} --feature-maps {image} --output old.png", 1, "old.png exists"),
        ("{model} --feature-maps absent.jpg --output a.png", 1, "absent.jpg: the image does not"),
        ("{model} --feature-maps {cut} --output a.png", 1, "cut.keras cannot be read as an image"),
        ("{model} --feature-maps {image} --output a.png --layer x", 2, "no layer 'x'"),
        (
            "{model} --feature-maps {image} --output a.png --box 1,2",
            2,
            "--box must be X,Y,WIDTH,HEIGHT",
        ),
        (
            "{model} --feature-maps {image} --output a.png --box 9000,0,10,10",
            2,
            "lies outside the image",
        ),
    ],
)
def test_a_bad_line_ends_with_one_sentence_and_writes_nothing(
    command: Command,
    small_model_file: Path,
    figures_folder: Path,
    tmp_path: Path,
    line: str,
    code: int,
    message: str,
) -> None:
    for name in ("old.json", "old.png"):
        Path(name).write_text("mine")
    cut = tmp_path / "cut.keras"
    cut.write_bytes(small_model_file.read_bytes()[:1000])
    image = figures_folder / "images" / "000000.jpg"
    found, _, error = command(
        "inspect", *line.format(model=small_model_file, cut=cut, image=image).split()
    )
    assert found == code
    assert error.startswith("Error: ") and error.count("\n") == 1 and message in error
    assert {path.name: path.read_text() for path in Path().iterdir()} == {
        "old.json": "mine",
        "old.png": "mine",
    }
