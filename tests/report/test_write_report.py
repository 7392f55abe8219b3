"""The report of a real run."""

import re
import shutil
from pathlib import Path

import pytest
from tiny_runs import train_tiny

from simplebase import KeypointDataset
from simplebase.errors import DataError, MissingFileError, OutputExistsError
from simplebase.report import write_report


@pytest.fixture(scope="module")
def run(figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported") / "run"
    train_tiny(figures, folder)
    return folder


@pytest.fixture(scope="module")
def text(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


def test_it_has_every_part_and_pictures_and_needs_nothing_else(text: str) -> None:
    titles = re.findall("<h2>(.*?)</h2>", text)
    assert titles == [
        *("Curves", "Keypoints", "Left and right", "Kinds of error"),
        *("Samples", "Settings", "Next steps"),
    ]
    assert text.count("data:image/jpeg;base64,") == 2 and text.count("<svg") == 3
    assert not re.search(r'(?:src|href)="(?!data:)', text) and "<script" not in text
    assert "prefers-color-scheme: dark" in text


def test_it_says_what_the_run_was_and_how_to_go_on(
    text: str, run: Path, figures: KeypointDataset
) -> None:
    assert all(name in text for name in figures.skeleton.keypoints)
    assert "32 train records, 8 val records" in text
    assert f"simplebase train --config {run} --total-epoch 4" in text
    assert f"simplebase eval {run / 'checkpoints' / 'best.keras'}" in text


def test_the_next_commands_name_a_dataset_that_was_moved(
    run: Path, figures_folder: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(figures_folder, tmp_path / "moved")
    text = write_report(run, tmp_path / "report.html", dataset=moved).read_text(encoding="utf-8")
    assert f"simplebase train --config {run} --dataset {moved} --total-epoch 4" in text
    assert f"simplebase data check {moved}" in text
    assert str(figures_folder) not in text.split("Next steps")[1]


def test_it_is_replaced_in_the_run_and_nowhere_else(run: Path, text: str, tmp_path: Path) -> None:
    assert write_report(run) == run / "report.html"
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(OutputExistsError):
        write_report(run, tmp_path / "mine.html")
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_a_run_with_a_report_can_be_trained_again(
    run: Path, text: str, figures: KeypointDataset
) -> None:
    train_tiny(figures, run, overwrite=True)
    assert not (run / "report.html").exists()


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        write_report(tmp_path / "nothing")
    (tmp_path / "metrics.csv").write_text("not a table")
    with pytest.raises(DataError, match=r"metrics\.csv"):
        write_report(tmp_path)
