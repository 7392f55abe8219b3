"""`export` as it is typed: what it prints, writes and refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.xdist_group("runtimes")


def test_a_file_is_named_after_the_model_and_its_comparison_printed(
    command: Command, shallow_model_file: Path, figures_folder: Path
) -> None:
    Path("m.keras").symlink_to(shallow_model_file)
    line = ("--format", "frozen-graph", "--calibration", figures_folder, "--json", "parity.json")
    code, output, error = command("export", "m.keras", *line, "--report", "page.html")
    assert code == 0, error
    assert {path.name for path in Path().iterdir()} == {
        "m.keras",
        "page.html",
        "m.pb",
        "m.pb.json",
        "m.pb.parity.json",
        "parity.json",
    }
    parity = json.loads(Path("parity.json").read_text())
    assert parity == json.loads(Path("m.pb.parity.json").read_text())
    [row] = [line for line in output.splitlines() if "PCK@0.5 of the file" in line]
    assert row.split("│")[2].strip() == f"{parity['file_pck']:.3f}"
    assert "m.pb: frozen-graph" in output
    page = Path("page.html").read_text(encoding="utf-8")
    assert f'<td class="number">{parity["file_pck"]:.3f}</td>' in page
    assert page.count("data:image/jpeg;base64,") == 1


def test_a_file_beyond_the_tolerance_ends_with_one(
    command: Command,
    shallow_model_file: Path,
    figures_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simplebase.export.export.limits_of", impossible)
    line = ("--format", "frozen-graph", "--calibration", figures_folder, "--output", "m.pb")
    code, _, error = command("export", shallow_model_file, *line, "--report", "page.html")
    assert code == 1
    page = Path("page.html").read_text(encoding="utf-8")
    assert ">failed<" in page and "the results of m.pb differ from those of the model" in page
    assert "Error: the results of m.pb differ from those of the model: keypoints lie" in error
    assert "keypoint distance, median" in error
    assert {path.name for path in Path().iterdir()} == {
        "page.html",
        "m.pb.rejected",
        "m.pb.rejected.json",
        "m.pb.rejected.parity.json",
    }


def impossible(quantization: str, tolerance: float) -> object:
    from simplebase.export.parity import Limits

    return Limits(distance=-1.0)


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (["MODEL"], 2, "give either --format, or --all with a folder"),
        (
            ["MODEL", "--format", "onnx", "--all", "x"],
            2,
            "give either --format, or --all with a folder",
        ),
        (["MODEL", "--all", "x", "--output", "y"], 2, "leave out --output"),
        (["MODEL", "--format", "web", "--outputs", "both"], 2, "a page takes one image at a time"),
        (["MODEL", "--format", "web", "--report", "p.html"], 2, "leave out --report"),
        (["MODEL", "--format", "onnx", "--detector", "MODEL"], 2, "--detector is for a page"),
        (["MODEL", "--all", "x", "--quantize", "int8"], 2, "leave out --output, --quantize"),
        ([".", "--format", "onnx"], 1, ". is a folder, but the model is a file"),
        (
            ["MODEL", "--format", "coreml"],
            2,
            "format must be one of litert (.tflite), onnx (.onnx), mnn (.mnn)",
        ),
        (["MODEL", "--format", "litert", "--output", "m.onnx"], 2, "litert export ends in .tflite"),
        (["MODEL", "--format", "mnn", "--quantize", "dynamic"], 2, "mnn has the quantizations"),
        (["missing.keras", "--format", "onnx"], 1, "missing.keras: the model does not exist"),
        (["state.npz", "--format", "onnx"], 1, "simplebase dump"),
        (["MODEL", "--format", "onnx", "--calibration", "empty"], 1, "annotations.json"),
        (["MODEL", "--format", "onnx", "--tolerance", "2"], 2, "tolerance must be a loss of PCK"),
    ],
)
def test_bad_lines_end_with_one_sentence_and_write_nothing(
    command: Command,
    shallow_model_file: Path,
    figures_folder: Path,
    line: list[str],
    code: int,
    message: str,
) -> None:
    Path("empty").mkdir()
    arguments = [str(shallow_model_file) if word == "MODEL" else word for word in line]
    if "--calibration" not in line:
        arguments += ["--calibration", str(figures_folder)]
    found, _, error = command("export", *arguments)
    assert found == code, error
    assert message in error and error.count("Error:") == 1 and "Traceback" not in error
    assert [path.name for path in Path().iterdir()] == ["empty"]
