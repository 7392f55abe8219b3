"""`simplebase plot`: what it prints, writes and refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from simplebase.images import read_image

Command = Callable[..., tuple[int, str, str]]

HEADER = "epoch,loss,val_pck,learning_rate,images_per_second"


def write_run(folder: Path, *rows: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("\n".join((HEADER, *rows)) + "\n")
    return folder


@pytest.fixture
def cows(command: Command) -> Path:
    rows = "1,2.5,0.25,0.001,9", "2,1.5,0.625,0.001,9", "3,1.25,0.5,0,9"
    return write_run(Path("runs/cows"), *rows)


@pytest.fixture
def horses(command: Command) -> Path:
    return write_run(Path("runs/horses[bold]"), "1,3.5,,0.001,9")


def test_one_run_is_drawn_into_its_folder_each_time(command: Command, cows: Path) -> None:
    code, output, error = command("plot", cows)
    assert (code, error) == (0, "")
    assert output.strip().endswith("runs/cows/curves.png: the curves of 1 run")
    first = read_image(cows / "curves.png")
    with (cows / "metrics.csv").open("a") as file:
        file.write("4,1.125,0.75,0,9\n")
    assert command("plot", cows)[0] == 0
    assert (read_image(cows / "curves.png") != first).any()


def test_the_table_holds_the_best_and_the_last_epoch(
    command: Command, cows: Path, horses: Path
) -> None:
    code, output, error = command("plot", cows, horses)
    assert (code, error) == (0, "")
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in output.splitlines()]
    assert ["cows", "3", "2", "0.625", "1.2500"] in rows
    assert ["horses[bold]", "1", "n/a", "n/a", "3.5000"] in rows
    assert output.strip().endswith("curves.png: the curves of 2 runs")
    assert read_image("curves.png").shape[2] == 3
    assert not (cows / "curves.png").exists()


def test_any_other_picture_is_replaced_by_overwrite_only(
    command: Command, cows: Path, horses: Path
) -> None:
    for arguments in ((cows, horses), (cows, "--output", "curves.png")):
        Path("curves.png").write_bytes(b"mine")
        code, _, error = command("plot", *arguments)
        assert code == 1 and "curves.png exists" in error
        assert Path("curves.png").read_bytes() == b"mine"
        assert command("plot", *arguments, "--overwrite")[0] == 0
        assert Path("curves.png").read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("absent", 1, "absent: the run folder does not exist. Check the path."),
        ("runs", 1, "runs has no metrics.csv: it is not the folder of a run"),
        ("runs/cows runs/broken", 1, "runs/broken/metrics.csv, line 2, column loss: expected a"),
        ("runs/begun", 1, "runs/begun/metrics.csv has no rows: no epoch has ended yet."),
        ("runs/cows/metrics.csv", 1, "runs/cows/metrics.csv is a file, but a run is a folder"),
        ("runs/cows runs/cows/", 2, "runs/cows is given twice."),
        ("runs/cows --output curves.txt", 2, "curves.txt: an image ends in .jpg"),
    ],
)
def test_bad_input_ends_with_one_sentence_and_no_trace(
    command: Command, cows: Path, line: str, code: int, message: str
) -> None:
    write_run(Path("runs/broken"), "1,?,,0.001,9")
    write_run(Path("runs/begun"))
    before = sorted(Path().rglob("*"))
    given, _, error = command("plot", *line.split())
    assert given == code
    assert error.startswith("Error: ") and error.count("\n") == 1
    assert message in error
    assert sorted(Path().rglob("*")) == before


def test_a_run_must_be_named(command: Command) -> None:
    code, _, error = command("plot")
    assert code == 2 and "RUN" in error and "Traceback" not in error


def test_help_is_written_to_be_pasted(command: Command) -> None:
    code, output, _ = command("plot", "--help")
    assert code == 0
    assert "simplebase plot runs/cows runs/horses --output compared.png" in output
