"""`simplebase predict`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import simplebase
from simplebase.files import file_sha256
from simplebase.zoo import model_file


def test_a_folder_becomes_a_table_and_is_not_predicted_twice(
    command: Any, colour_model_file: Path, dot_photos: Path
) -> None:
    arguments = ["predict", dot_photos, "--model", colour_model_file, "--output", "out"]
    code, printed, problems = command(*arguments)
    assert (code, problems) == (0, "")
    assert "out: 10 objects in 10 images" in printed
    rows = pq.read_table("out").to_pylist()
    moved = np.array([row["keypoints"][0] for row in rows])
    np.testing.assert_allclose(moved, 60 + 5 * np.arange(10), atol=2.5)
    code, printed, _ = command(*arguments)
    assert code == 0 and "(1 of 1 part already done)" in printed


def test_the_model_of_the_package_gives_the_rows_of_the_demo(
    command: Any, dot_photos: Path
) -> None:
    pytest.importorskip("ai_edge_litert", reason="the extra litert is not installed")
    model = ["--model", "person-mini"]
    assert command("demo", "--input", dot_photos, *model, "--output", "demo.json")[0] == 0
    assert command("predict", dot_photos, *model, "--output", "out")[0] == 0
    frames = json.loads(Path("demo.json").read_text())["frames"]
    theirs = np.array([pose["keypoints"] for frame in frames for pose in frame["poses"]])
    rows = pq.read_table("out").to_pylist()
    ours = np.array([row["keypoints"] for row in rows]).reshape(len(theirs), -1, 2)
    # The demo's file has two decimals.
    np.testing.assert_allclose(np.round(ours, 2), theirs[..., :2], atol=1e-4)
    file = model_file("person-mini", runnable=True)
    assert file.suffix == ".tflite"
    manifest = json.loads(Path("out/_manifest.json").read_text())
    assert {manifest["model"]["sha256"], *(row["model"] for row in rows)} == {file_sha256(file)}
    assert manifest["model_file"] == file.name
    (batch,) = simplebase.predict(dot_photos, "person-mini")
    np.testing.assert_array_equal(batch["keypoints"], [row["keypoints"] for row in rows])
    predictor = simplebase.PosePredictor("person-mini", threads=1)
    again = predictor({"path": batch["path"]})
    np.testing.assert_array_equal(again["keypoints"], batch["keypoints"])


def test_what_cannot_be_read_is_a_warning_and_an_error_if_it_is_all_or_strict(
    command: Any, colour_model_file: Path, dot_photos: Path
) -> None:
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    arguments = [
        "predict",
        dot_photos,
        "bad.png",
        "--model",
        colour_model_file,
        "--output",
        "out.csv",
    ]
    code, printed, problems = command(*arguments, "--strict")
    assert code == 1 and "bad.png" in problems and not Path("out.csv").exists()
    code, printed, problems = command(*arguments)
    assert code == 0 and "10 objects in 10 images" in printed
    assert "1 input could not be read, see " in problems and "out.errors.parquet" in problems


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.jpg"], 1, "none.jpg does not exist"),
        (["PHOTOS", "--box", "1,2,3"], 2, "--box must be X,Y,WIDTH,HEIGHT"),
        (["PHOTOS", "--decode", "guess"], 2, "--decode must be one of"),
        (["PHOTOS", "--batch-size", "0"], 2, "--batch-size"),
        (["PHOTOS", "--engine", "spark"], 2, "--engine must be local or ray"),
        (
            ["PHOTOS", "--concurrency", "2", "--num-gpus", "1"],
            2,
            "with --engine local, leave out --concurrency, --num-gpus. Or give --engine ray.",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    arguments: list[str],
    code: int,
    message: str,
    command: Any,
    colour_model_file: Path,
    dot_photos: Path,
) -> None:
    given = [dot_photos if argument == "PHOTOS" else argument for argument in arguments]
    ended, _, problems = command("predict", *given, "--model", colour_model_file, "--output", "out")
    assert ended == code and message in problems
    assert list(Path().iterdir()) == []
