"""`simplebase predict`."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from coloured_dots import moving

from simplebase.images import write_image


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    from colour_model import write_colour_model

    return write_colour_model(tmp_path_factory.mktemp("models") / "colours.onnx")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number, image in enumerate(moving(3)):
        write_image(folder / f"{number}.png", image)
    return folder


def test_a_folder_becomes_a_table_and_is_not_predicted_twice(
    command: Any, model_file: Path, photos: Path
) -> None:
    arguments = ["predict", photos, "--model", model_file, "--output", "out"]
    code, printed, problems = command(*arguments)
    assert (code, problems) == (0, "")
    assert "out: 3 objects in 3 images" in printed
    rows = pq.read_table("out").to_pylist()
    moved = np.array([row["keypoints"][0] for row in rows])
    np.testing.assert_allclose(moved, [60, 62, 64], atol=2.5)
    code, printed, _ = command(*arguments)
    assert code == 0 and "(1 of 1 parts were there already)" in printed


def test_what_cannot_be_read_is_a_warning_and_an_error_if_it_is_all_or_strict(
    command: Any, model_file: Path, photos: Path
) -> None:
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    arguments = ["predict", photos, "bad.png", "--model", model_file, "--output", "out.csv"]
    code, printed, problems = command(*arguments, "--strict")
    assert code == 1 and "bad.png" in problems and not Path("out.csv").exists()
    code, printed, problems = command(*arguments)
    assert code == 0 and "3 objects in 3 images" in printed
    assert "1 inputs could not be read, see " in problems and "out.errors.parquet" in problems


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.jpg"], 1, "none.jpg does not exist"),
        (["PHOTOS", "--box", "1,2,3"], 2, "--box is X,Y,WIDTH,HEIGHT"),
        (["PHOTOS", "--decode", "guess"], 2, "--decode is one of"),
        (["PHOTOS", "--batch-size", "0"], 2, "--batch-size"),
        (["PHOTOS", "--engine", "spark"], 2, "--engine is one of local, ray"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    arguments: list[str], code: int, message: str, command: Any, model_file: Path, photos: Path
) -> None:
    given = [photos if argument == "PHOTOS" else argument for argument in arguments]
    ended, _, problems = command("predict", *given, "--model", model_file, "--output", "out")
    assert ended == code and message in problems
    assert list(Path().iterdir()) == []
