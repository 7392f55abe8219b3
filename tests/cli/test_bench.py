"""`bench data` and `bench model`: a line a stage or model, and the same as JSON."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from simplebase.benchmarking import ModelSpeed
from simplebase.cli import bench, options
from simplebase.devices import tensorflow_device
from simplebase.metadata import Cost

Command = Callable[..., tuple[int, str, str]]

LINE = ("--input-size", "64x64", "--batch-size", 4, "--images", 8)


def test_bench_data_prints_and_writes_each_stage(command: Command, figures_folder: Path) -> None:
    code, output, error = command(
        "bench", "data", "--dataset", figures_folder, *LINE, "--json", "speed.json"
    )
    assert code == 0, error
    stages = json.loads(Path("speed.json").read_text())
    assert [stage["name"] for stage in stages] == [
        "read",
        "decode",
        "sample",
        "batches, no cache",
        "batches, memory cache",
        "augmentation and targets",
    ]
    for stage in stages:
        assert stage.keys() == {"name", "threads", "images_per_second", "ms_per_image"}
        assert stage["ms_per_image"] * stage["images_per_second"] == pytest.approx(1000)
        [cells] = [
            cells
            for line in output.splitlines()
            if (cells := [cell.strip() for cell in line.split("│")])[1:2] == [stage["name"]]
        ]
        assert cells[4] == f"{stage['images_per_second']:.0f}"
    assert stages[-1]["threads"] == 0 and "all" in output


def test_bench_model_prints_and_writes_each_model(
    command: Command, small_model_file: Path, second_model_file: Path
) -> None:
    line = ("--batch-sizes", "2", "--seconds", 0.001, "--threads", 1, "--json", "speed.json")
    code, output, error = command("bench", "model", small_model_file, second_model_file, *line)
    assert code == 0, error
    speeds = json.loads(Path("speed.json").read_text())
    assert [speed["path"] for speed in speeds] == [str(small_model_file), str(second_model_file)]
    assert "img/s" in output and "of 2" in output and "threads: 1" in output
    assert f"timed on {speeds[0]['device']}\n" in output
    for speed in speeds:
        assert speed["device"] == tensorflow_device()
        assert speed["calls"].keys() == {"1", "2"} and speed["threads"] == 1
        assert speed["file_bytes"] == small_model_file.stat().st_size
        [cells] = [
            line.split()
            for line in output.splitlines()
            if line.strip().startswith(Path(speed["path"]).name)
        ]
        assert cells[1:4] == [
            f"{speed['median_ms']:.1f}",
            f"{speed['p90_ms']:.1f}",
            f"{speed['images_per_second']['2']:.1f}",
        ]
        assert cells[-2:] == [f"{speed['params'] / 1e6:.2f}", f"{speed['gflops']:.2f}"]


@pytest.fixture
def second_model_file(small_model_file: Path, tmp_path: Path) -> Path:
    return shutil.copy(small_model_file, tmp_path / "other.keras")


@pytest.mark.parametrize(
    "line, code, message",
    [
        ("absent.keras", 1, "absent.keras: the model does not exist. Check the path."),
        ("{cut}", 1, "cut.keras cannot be loaded"),
        ("model.pt", 2, "model.pt: a model ends in .keras"),
        ("{model} --batch-sizes 1,two", 2, "--batch-sizes takes whole numbers separated by commas"),
        ("{model} --batch-sizes 0", 2, "a batch size must be at least 1. Received: [0]."),
        ("{model} --seconds 0", 2, "seconds must be above 0. Received: 0.0."),
        ("{model} --json old.json", 1, "old.json exists"),
    ],
)
def test_a_bad_line_of_bench_model_ends_with_one_sentence(
    command: Command,
    small_model_file: Path,
    tmp_path: Path,
    line: str,
    code: int,
    message: str,
) -> None:
    Path("old.json").write_text("mine")
    cut = tmp_path / "cut.keras"
    cut.write_bytes(small_model_file.read_bytes()[:1000])
    found, _, error = command(
        "bench", "model", *line.format(model=small_model_file, cut=cut).split()
    )
    assert found == code
    assert error.startswith("Error: ") and error.count("\n") == 1 and message in error
    assert Path("old.json").read_text() == "mine"


def test_no_threads_are_wrong_usage(command: Command) -> None:
    code, _, error = command("bench", "model", "model.keras", "--threads", 0)
    assert code == 2 and "--threads" in error and "Traceback" not in error


@pytest.mark.parametrize(
    "line, code, message",
    [
        ("", 2, "no dataset was given"),
        ("--dataset absent", 1, "absent: the dataset folder does not exist"),
        ("--dataset {figures} --json old.json", 1, "old.json exists"),
        ("--dataset {figures} --images 3", 2, "3 images are less than a batch of 16"),
        ("--dataset {figures} --recipe quik", 2, "recipe 'quik' does not exist. Nearest: quick"),
    ],
)
def test_a_bad_line_ends_with_one_sentence(
    command: Command, figures_folder: Path, line: str, code: int, message: str
) -> None:
    Path("old.json").write_text("mine")
    found, _, error = command("bench", "data", *line.format(figures=figures_folder).split())
    assert found == code
    assert error.startswith("Error: ") and error.count("\n") == 1 and message in error
    assert Path("old.json").read_text() == "mine"


def test_bench_imports_nothing_heavy_before_it_has_to(command: Command) -> None:
    code, output, _ = command("bench", "data", "--help")
    assert code == 0 and "--images" in output


def test_no_figure_is_cut_off_by_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = (1, 2, 4, 8, 16)
    times = {size: [0.1 * size] for size in sizes}
    cost = Cost(7, 0.5)
    speed = ModelSpeed("folder/a_int8.tflite", None, times, 3_900_000, 83_000_000, cost, "CPU: one")
    monkeypatch.setattr(bench, "console", Console(width=60))
    bench.print_speeds([speed], sizes)
    output = capsys.readouterr().out
    assert "…" not in output
    [line] = [line for line in output.splitlines() if "a_int8" in line]
    assert line.split() == [
        "a_int8.tflite",
        *["100.0"] * 2,
        *["10.0"] * 5,
        "3.9",
        "83",
        "0.00",
        "0.50",
    ]


def test_each_device_is_printed_with_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    options.say_devices([("a.keras", "GPU: fast"), ("a.onnx", "CPU: slow"), ("a.pb", "GPU: fast")])
    assert capsys.readouterr().out == (
        "timed on GPU: fast (a.keras, a.pb)\ntimed on CPU: slow (a.onnx)\n"
    )
    options.say_devices([("a.onnx", "CPU: slow")])
    assert capsys.readouterr().out == "timed on CPU: slow\n"
