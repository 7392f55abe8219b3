"""`simplebase convert weights`: what it prints, writes and refuses, and what may follow it."""

import json
import pickle
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simplebase import load_model, read_image
from simplebase.cli.convert_weights import weights
from simplebase.images import write_image

Command = Callable[..., tuple[int, str, str]]
MINIATURES = Path(__file__).parents[1] / "converters/weights/miniatures"
SOURCE = MINIATURES / "mmpose0_mobilenetv2.pth"

pytestmark = pytest.mark.xdist_group("convert_weights")


@pytest.fixture
def convert(command: Command) -> Command:
    """Runs `simplebase convert weights ARGUMENTS` in an empty folder."""
    return lambda *arguments: command("convert", "weights", *arguments)


@pytest.fixture
def arm(tmp_path: Path) -> list[object]:
    """Options that name the five keypoints of the miniature."""
    (tmp_path / "classes.txt").write_text("nose\nleft_ear\nright_ear\nleft_eye\nright_eye\n")
    (tmp_path / "pairs.txt").write_text("left_ear,right_ear,h\nleft_eye,right_eye,h\n")
    return [
        "--classes-path",
        tmp_path / "classes.txt",
        "--matchpoint-path",
        tmp_path / "pairs.txt",
    ]


def test_a_summary_is_printed_and_written_and_the_model_draws(
    convert: Command, command: Command, arm: list[object], tmp_path: Path
) -> None:
    output = tmp_path / "face.keras"
    code, out, err = convert(
        SOURCE, output, *arm, "--input-size", "64x96", "--json", tmp_path / "report.json"
    )
    assert (code, err) == (0, ""), err
    # 52 and 3 convolutions with as many BatchNorms, and the prediction's kernel and bias.
    for expected in (
        "MMPose",
        "mobilenetv2_deconv",
        "alpha 0.125, padding symmetric, bn_epsilon 1e-05",
        "64x96, torch",
        "padding 1.25, center_shift 0.0",
        "alignment corner",
        f"5 ({tmp_path.name})",
        "277 of 332 used, each once",
        "55 counters of batches",
        "finite, ",
        f"next: simplebase demo --model {output}",
    ):
        assert expected in out, (expected, out)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["kind"], report["input_size"], report["used"]) == ("model", [64, 96], 277)
    model = load_model(output)
    assert model.metadata.skeleton.keypoints[1] == "left_ear"
    assert model.metadata.skeleton.horizontal_permutation.tolist() == [0, 2, 1, 4, 3]

    write_image(tmp_path / "in.png", np.load(SOURCE.with_suffix(".npz"))["images"][0])
    code, out, err = command(
        *("demo", "--model", output, "--input", tmp_path / "in.png"),
        *("--output", tmp_path / "out.png", "--min-score", "0"),
    )
    assert (code, err) == (0, ""), err
    assert read_image(tmp_path / "out.png").shape == (96, 64, 3)


def test_bad_input_ends_with_one_sentence_and_writes_nothing(
    convert: Command, tmp_path: Path
) -> None:
    cut, bare, text = tmp_path / "cut.pth", tmp_path / "bare.pth", tmp_path / "text.h5"
    cut.write_bytes(SOURCE.read_bytes()[:1000])
    bare.write_bytes(pickle.dumps({"a": 1}))
    text.write_text("not found")
    output = tmp_path / "out.keras"
    cases = {
        (tmp_path / "none.pth", output): "none.pth: the weights file does not exist",
        (cut, output): "cut.pth is damaged or incomplete",
        (bare, output): "a bare pickle",
        (text, output): "not a supported weights file",
        (SOURCE, tmp_path / "out.h5"): "the output must end in .keras",
        (SOURCE, output, "--skeleton", "lsp"): "5 heatmaps, but the skeleton 'lsp' has 14",
        (SOURCE, output, "--preset", "resnet50_deconv"): "has the backbone mobilenetv2, but the",
        (SOURCE, output, "--input-size", "100x96"): "multiple of 32. Received: 100x96",
        (SOURCE, output, "--input-size", "big"): "a size must be HEIGHTxWIDTH",
    }
    for arguments, message in cases.items():
        code, out, err = convert(*arguments)
        assert code in (1, 2), (arguments, out)
        assert err.startswith("Error: ") and message in err and len(err.splitlines()) == 1, err
        assert not output.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]


def test_an_existing_output_is_refused_before_anything_is_read(
    convert: Command, tmp_path: Path
) -> None:
    (tmp_path / "out.keras").touch()
    code, _, err = convert(tmp_path / "none.pth", tmp_path / "out.keras")
    assert code == 1 and "pass --overwrite" in err


def test_examples_in_the_help_use_options_that_exist(convert: Command) -> None:
    code, out, _ = convert("--help")
    assert code == 0
    examples = [
        line.strip()
        for line in (weights.__doc__ or "").splitlines()
        if line.strip().startswith("simplebase convert weights ")
    ]
    assert len(examples) == 3
    for example in examples:
        for word in shlex.split(example):
            assert not word.startswith("--") or word in out
