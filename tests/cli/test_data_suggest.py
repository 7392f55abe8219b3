"""`simplebase data suggest`: what it prints, writes and returns."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

from simplebase.data.dataset import KeypointDataset

Command = Callable[..., tuple[int, str, str]]


def test_frames_of_a_dataset_folder_are_suggested(
    command: Command, shallow_model_file: Path, figures_folder: Path, figures: KeypointDataset
) -> None:
    code, output, error = command(
        *("data", "suggest", shallow_model_file, figures_folder, "out"),
        *("-n", 3, "--min-score", -1, "--labels", "coco"),
    )
    assert (code, error) == (0, "")
    images = len(set(figures.records.paths))
    assert f"out: 3 of {images} frames chosen" in output
    with Path("out/suggestions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and all((Path("out") / row["file"]).is_file() for row in rows)


def test_a_missing_source_leaves_nothing(command: Command, shallow_model_file: Path) -> None:
    code, _, error = command("data", "suggest", shallow_model_file, "none.mp4", "out")
    assert code == 1 and "none.mp4" in error and "Traceback" not in error
    assert list(Path.cwd().iterdir()) == []


def test_fewer_frames_than_asked_for_are_said(
    command: Command, shallow_model_file: Path, figures: KeypointDataset
) -> None:
    image = figures.images.path(0)  # type: ignore[attr-defined]
    code, output, error = command("data", "suggest", shallow_model_file, image, "out", "-n", 2)
    assert code == 0 and "out: 1 of 1 frame chosen; 0 left out as near duplicates" in output
    assert "next: labelme out --labels " in output
    assert "then: simplebase convert labelme out out_dataset" in output
    assert "1 frame written instead of 2: there are no more frames." in error


def test_frames_that_look_like_others_are_said(
    command: Command, shallow_model_file: Path, figures: KeypointDataset, tmp_path: Path
) -> None:
    image = figures.images.path(0)  # type: ignore[attr-defined]
    copy = shutil.copy(image, tmp_path / "copy.jpg")
    code, output, error = command(
        "data", "suggest", shallow_model_file, image, copy, "out", "-n", 2
    )
    assert code == 0 and "out: 1 of 2 frames chosen; 1 left out as near duplicates" in output
    assert (
        "1 frame written instead of 2: the others look like chosen ones. A smaller --alike keeps "
        "more." in error
    )
