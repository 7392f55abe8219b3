"""`bench data`: a line a stage, and the same as JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "line, code, message",
    [
        ("", 2, "give the dataset folder with --dataset"),
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
