"""`simplebase eval`: models and results files, alone and side by side."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import one_layer_network

from simplebase import SimpleBaseline

# Its commands trace a model: on one worker the next one is quicker.
pytestmark = pytest.mark.xdist_group("test_evaluate")

# A user sees the warning, and the command goes on; elsewhere in the tests a warning is an error.
SHOWN = pytest.mark.filterwarnings("default:skeleton .* has no OKS sigmas")

Command = Callable[..., tuple[int, str, str]]


def test_several_models_and_results_give_one_table(
    command: Command, shallow_model_file: Path, figures_folder: Path
) -> None:
    shutil.copy(shallow_model_file, "other.keras")
    code, _, error = command(
        "eval", shallow_model_file, "--dataset", figures_folder, "--output", "first"
    )
    assert code == 0, error
    line = "--predictions first/keypoints_result.json --metric pck --metric nme"
    line += " --score-threshold 0.2 --score-threshold 0.5 --json all.json --output all"
    code, output, error = command(
        "eval", shallow_model_file, "other.keras", "--dataset", figures_folder, *line.split()
    )
    assert code == 0, error
    for text in ("PCK@0.2", "PCK@0.5", "NME", "vs. first", "other.keras", "+0.0000 to +0.0000"):
        assert text in output
    content = json.loads(Path("all.json").read_text())
    assert list(content) == ["shallow.keras", "other.keras", "keypoints_result.json"]
    figures = [each["metrics"]["pck"]["figures"] for each in content.values()]
    assert figures[0] == figures[1]
    assert "difference" not in content["shallow.keras"]
    apart = content["other.keras"]["difference"]
    assert apart["to"] == "shallow.keras"
    assert apart["metrics"]["pck"]["PCK@0.5"] == {"value": 0.0, "interval_95": [0.0, 0.0]}
    assert {path.name for path in Path("all").iterdir()} == set(content)
    assert (Path("all") / "shallow.keras" / "PCK.png").is_file()


@SHOWN
def test_a_coco_file_alone_is_measured_by_cocos_metric(
    command: Command, shallow_model_file: Path, figures_folder: Path
) -> None:
    line = ("eval", shallow_model_file, "--dataset", figures_folder, "--output", "out")
    code, _, error = command(*line)
    assert code == 0, error
    code, _, error = command("convert", "to-coco", figures_folder, "coco", "--images", "none")
    assert code == 0, error
    results = ("--predictions", "out/keypoints_result.json")
    code, output, error = command("eval", *results, "--annotations", "coco/annotations/val.json")
    assert code == 0, error
    assert "coco-ap" in output and "AR75" in output


@SHOWN
def test_a_category_of_the_coco_file_can_be_chosen(command: Command) -> None:
    images = [{"id": 0, "file_name": "a.jpg", "width": 9, "height": 9}]
    objects = [
        {"image_id": 0, "category_id": number, "keypoints": [5, 6, 2] * number}
        for number in (1, 2, 3)
    ]
    categories = [{"id": number, "name": f"{number} points"} for number in (1, 2, 3)]
    content = {"images": images, "annotations": objects, "categories": categories}
    Path("labels.json").write_text(json.dumps(content))
    found = {"image_id": 0, "category_id": 2, "keypoints": [5, 6, 2] * 2, "score": 1}
    Path("results.json").write_text(json.dumps([found]))
    line = ("eval", "--predictions", "results.json", "--annotations", "labels.json")
    code, _, error = command(*line)
    assert code == 1 and "1 points, 2 points, 3 points have different keypoints" in error
    code, output, error = command(*line, "--category", "2 points")
    assert code == 0, error
    assert "1 labelled object in 1 image" in output
    code, _, error = command(*line[:3], "--dataset", "cows", "--category", "cow")
    assert code == 2 and "--category needs the COCO file" in error


def test_a_model_alone_shows_every_keypoint_and_its_interval(
    command: Command, shallow_model_file: Path, figures_folder: Path
) -> None:
    code, output, error = command(
        "eval", shallow_model_file, "--dataset", figures_folder, "--metric", "pckh", "--flip-test"
    )
    assert code == 0, error
    for text in (
        "PCKh@0.5",
        "PCKh@0.1",
        "Head",
        "Ankle",
        "Mean",
        "95 % CI",
        "8 labelled objects in 8 images",
    ):
        assert text in output


def test_what_asks_a_model_is_refused_where_there_is_none(
    command: Command, figures_folder: Path
) -> None:
    Path("results.json").write_text("[]")
    line = ("eval", "--predictions", "results.json", "--dataset", figures_folder)
    for option in (("--flip-test",), ("--boxes", "boxes.json")):
        code, _, error = command(*line, *option)
        assert code == 2 and "need a model, not only --predictions" in error


def test_a_model_of_another_kind_is_told_before_the_first_is_measured(
    command: Command, shallow_model_file: Path, figures_folder: Path
) -> None:
    with one_layer_network() as preset:
        other = SimpleBaseline.from_preset(
            preset, num_keypoints=5, input_size=(64, 64), backbone_weights="none"
        )
    other.save("five.keras")
    code, _, error = command(
        "eval", shallow_model_file, "five.keras", "--dataset", figures_folder, "--output", "out"
    )
    assert code == 1 and "the model has 5 keypoints" in error
    assert not Path("out").exists()


def test_save_result_writes_to_the_folder_result(
    command: Command, shallow_model_file: Path, figures_folder: Path
) -> None:
    code, output, error = command(
        "eval",
        shallow_model_file,
        "--dataset",
        figures_folder,
        "--save-result",
        "--image-set",
        "all",
    )
    assert code == 0, error
    assert "written: result" in output
    assert len(list(Path("result/images").iterdir())) == 40
    line = ("eval", shallow_model_file, "--dataset", figures_folder, "--output", "result")
    code, _, error = command(*line)
    assert code == 1 and "result exists" in error
    code, _, error = command(*line, "--overwrite")
    assert code == 0, error
    assert not Path("result/images").exists()


@SHOWN
def test_coco_ap_without_sigmas_of_its_own_says_so(
    command: Command, shallow_model_file: Path, figures_folder: Path
) -> None:
    code, output, error = command(
        "eval", shallow_model_file, "--dataset", figures_folder, "--metric", "coco-ap"
    )
    assert code == 0, error
    assert error.count("no OKS sigmas") == 1 and "AR75" in output
