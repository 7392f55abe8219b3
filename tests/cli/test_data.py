"""`simplebase data check` and `view`: what they print, write and return."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from coloured_dots import write_video

from simplebase.images import read_image

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(command: Command) -> Command:
    """Runs `simplebase data ARGUMENTS` in an empty folder: exit code, stdout, stderr."""
    return lambda *arguments: command("data", *arguments)


@pytest.fixture
def broken(figures_folder: Path, tmp_path: Path) -> Path:
    """A dataset with one error, four warnings of one kind and text that is no text."""
    folder = tmp_path / "broken[1]"
    shutil.copytree(figures_folder, folder)
    records = json.loads((folder / "annotations.json").read_text())
    records[5]["img_paths"] = "\ud800[bold].jpg"
    for index in (10, 11, 12, 13):
        records[index]["joint_self"] = [[0, 0, 0]] * 16
    (folder / "annotations.json").write_text(json.dumps(records))
    return folder


def test_a_sound_dataset_ends_well(data: Command, figures_folder: Path) -> None:
    code, output, error = data("check", figures_folder)
    assert (code, error) == (0, "")
    *_, counts, following = output.splitlines()
    assert counts.endswith("40 records, 40 images, 0 errors, 0 warnings")
    assert following == f"next: simplebase train --dataset {figures_folder}"


def test_errors_are_printed_with_examples_and_exit_with_1(data: Command, broken: Path) -> None:
    code, output, error = data("check", broken)
    assert code == 1 and "Traceback" not in error
    assert output.strip().endswith("broken[1]: 40 records, 40 images, 1 error, 4 warnings")
    assert "missing-image" in output and "[bold].jpg" in output
    assert "no-keypoints" in output and "12 000012.jpg" in output
    assert "000013.jpg" not in output  # three examples are enough


def test_warnings_alone_exit_with_0(data: Command, broken: Path) -> None:
    records = json.loads((broken / "annotations.json").read_text())
    records[5]["img_paths"] = "000005.jpg"
    (broken / "annotations.json").write_text(json.dumps(records))
    code, output, _ = data("check", broken)
    assert code == 0 and "0 errors, 4 warnings" in output
    assert output.endswith(f"next: simplebase train --dataset '{broken}'\n")


def test_a_dataset_with_an_empty_split_suggests_data_split(data: Command, broken: Path) -> None:
    records = json.loads((broken / "annotations.json").read_text())
    records[5]["img_paths"] = "000005.jpg"
    kept = [record | {"isValidation": 1} for record in records]
    (broken / "annotations.json").write_text(json.dumps(kept))
    code, output, _ = data("check", f"{broken}/", "--skeleton", "mpii")
    assert code == 0 and "no record is in the train split" in output
    words = f"next: simplebase data split '{broken}/' '{broken}_split' --skeleton mpii\n"
    assert output.endswith(words)


def test_json_holds_every_finding(data: Command, broken: Path) -> None:
    assert data("check", broken, "--json", "findings.json")[0] == 1
    report = json.loads(Path("findings.json").read_text())
    assert {key: report[key] for key in ("records", "images", "errors", "warnings")} == {
        "records": 40,
        "images": 40,
        "errors": 1,
        "warnings": 4,
    }
    assert [finding["record"] for finding in report["findings"]] == [5, 10, 11, 12, 13]
    assert report["findings"][1] == {
        "severity": "warning",
        "kind": "no-keypoints",
        "message": "no keypoint is labelled",
        "record": 10,
        "img_paths": "000010.jpg",
    }
    code, _, error = data("check", broken, "--json", "findings.json")
    assert code == 1 and "findings.json exists" in error
    assert data("check", broken, "--json", "findings.json", "--overwrite")[0] == 1


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("check absent", 1, "absent: the dataset folder does not exist"),
        ("check {figures} --skeleton nothing", 2, "nothing"),
        ("check {figures} --matchpoint-path x", 2, "need --classes-path"),
        ("view absent", 1, "absent: the dataset folder does not exist"),
        ("view {figures} sheet.txt", 2, "sheet.txt: an image ends in"),
        ("view {figures} --recipe nothing", 2, "recipe 'nothing' does not exist"),
        ("view {figures} --input-size 256", 2, "a size must be HEIGHTxWIDTH"),
        ("view {figures} --count 0", 2, "--count"),
    ],
)
def test_a_wrong_line_is_refused_with_a_reason(
    data: Command, figures_folder: Path, line: str, code: int, message: str
) -> None:
    result, _, error = data(*line.format(figures=figures_folder).split())
    assert result == code and message in error and "Traceback" not in error
    assert list(Path.cwd().iterdir()) == []


def test_a_file_that_is_no_list_exits_with_1(data: Command, broken: Path) -> None:
    (broken / "annotations.json").write_text("{}")
    code, _, error = data("check", broken)
    assert code == 1 and "expected a list of records" in error


def test_view_writes_a_sheet_and_charts(data: Command, figures_folder: Path) -> None:
    line = ("--count", 3, "--image-set", "val", "--input-size", "64x64")
    code, output, error = data("view", figures_folder, *line)
    assert code == 0, error
    assert "figures_sheet.png: a sheet of samples" in output
    assert "figures_statistics.png: charts of 40 records" in output
    assert sorted(path.name for path in Path.cwd().iterdir()) == [
        "figures_sheet.png",
        "figures_statistics.png",
    ]
    assert read_image("figures_sheet.png").std() > 10


@pytest.mark.filterwarnings("default::simplebase.errors.SimplebaseWarning")
def test_view_leaves_unreadable_images_out_and_names_them(
    data: Command, figures_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "spoiled"
    shutil.copytree(figures_folder, folder)
    images = sorted((folder / "images").iterdir())
    images[4].write_bytes(b"no image")
    images[9].unlink()
    line = ("view", folder, "--image-set", "val", "--input-size", "32x32")
    code, output, error = data(*line)
    words = " ".join(error.split())
    assert code == 0 and "spoiled_sheet.png: a sheet of samples" in output
    assert "2 of 8 samples are left out, because their images cannot be read" in words
    assert images[4].name in words and images[9].name in words
    for path in images:
        path.unlink(missing_ok=True)
    code, _, error = data(*line, "--overwrite")
    assert code == 1 and "none of 8 images can be read" in " ".join(error.split())


def test_view_replaces_neither_of_its_files_unasked(data: Command, figures_folder: Path) -> None:
    Path("out_statistics.png").write_text("mine")
    line = ("view", figures_folder, "out.png", "--count", 1, "--input-size", "32x32")
    code, _, error = data(*line)
    assert code == 1 and "out_statistics.png exists" in error
    assert [path.name for path in Path.cwd().iterdir()] == ["out_statistics.png"]
    assert data(*line, "--overwrite")[0] == 0
    assert read_image("out_statistics.png").std() > 10


def test_view_shows_the_augmentation_of_a_recipe(data: Command, figures_folder: Path) -> None:
    line = (figures_folder, "out.png", "--augmented", "--recipe", "quick", "--count", 2)
    code, _, error = data("view", *line)
    assert code == 0, error
    assert read_image("out.png").std() > 10


def test_frames_says_what_was_chosen_and_what_was_left_out(data: Command, tmp_path: Path) -> None:
    images = [np.full((48, 64, 3), level, np.uint8) for level in (0, 0, 0, 120, 120)]
    video = write_video(tmp_path / "clip.mp4", images)
    output = tmp_path / "frames"
    code, printed, error = data("frames", video, output, "-n", 4)
    assert code == 0
    assert f"{output / 'clip'}: 2 frames" in printed
    assert "2 of 5 frames chosen; 3 left out as near duplicates" in printed
    assert "2 frames written instead of 4: the others are near duplicates" in error
    assert len(list((output / "clip").iterdir())) == 2


def test_labels_that_a_model_contradicts_are_named_and_drawn(
    data: Command, figures_folder: Path, tmp_path: Path
) -> None:
    """The model of the package knows people, not these figures: what it says is often wrong."""
    pytest.importorskip("ai_edge_litert")
    folder = tmp_path / "figures"
    shutil.copytree(figures_folder, folder)
    asked = ("--model", "person-mini", "--report", "page.html", "--json", "findings.json")
    code, output, _ = data("check", folder, *asked)
    assert code == 0 and "page.html: open it in a browser" in output
    findings = json.loads(Path("findings.json").read_text())["findings"]
    suspects = [each for each in findings if each["kind"] == "suspect-label"]
    assert suspects and all(
        "the model finds" in each["message"] or "swapped" in each["message"] for each in suspects
    )
    page = Path("page.html").read_text(encoding="utf-8")
    assert all(f"record {each['record']}, {each['img_paths']}" in page for each in suspects[:5])
    assert page.count("data:image/jpeg;base64,") >= 2
    assert "data select" in page and "to-labelme" in page
    code, _, error = data("check", folder, "--report", "page.html")
    assert code == 1 and "page.html" in error and "--overwrite" in error


def test_the_page_of_a_broken_dataset_shows_text_that_is_no_text(
    data: Command, broken: Path
) -> None:
    code, _, _ = data("check", broken, "--report", "page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    assert code == 1 and "?[bold].jpg" in page and "without errors" in page


def test_a_packed_dataset_is_not_compared_with_a_model(
    data: Command, figures_folder: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    assert data("pack", figures_folder, packed)[0] == 0
    code, _, error = data("check", packed, "--model", "person-mini")
    assert code == 2 and "is packed" in error
