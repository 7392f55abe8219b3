"""Without a model the demo takes the one in the package, and follows one person with it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coloured_dots import DotModel, dots

from simplebase.cli import demo as cli
from simplebase.data.figures import draw_figure
from simplebase.demo.run import run_demo
from simplebase.demo.settings import MIN_SCORE, DemoSettings
from simplebase.zoo import PERSON, find

PEOPLE = Path(__file__).parents[3] / "shared" / "data" / "people"

# No network, no TensorFlow and no cache.
PROGRAM = """
import socket, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow", "keras", "requests", "filelock", "yaml"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

def refuse(*arguments, **options):
    raise AssertionError("a socket was made")

sys.meta_path.insert(0, Blocked())
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
from simplebase.cli import main
main()
"""

Looks = dict[str, Any]
NOWHERE: Looks = {"box": None, "boxes": None, "detector": None}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What the command prints, in a folder without runs."""
    lines: list[str] = []
    monkeypatch.setattr(cli, "say", lines.append)
    monkeypatch.chdir(tmp_path)
    return lines


def test_a_photograph_needs_neither_network_nor_tensorflow_nor_cache(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    image = draw_figure(np.random.default_rng(2)).image
    cv2.imwrite(str(tmp_path / "photo.jpg"), image[..., ::-1])
    line = ("demo", "--input", "photo.jpg", "--output", "out.jpg", "--min-score", "0")
    environment = {**os.environ, "SIMPLEBASE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *line],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("\n", " ").startswith(
        "model: person-mini, which looks for one person in the whole frame; `simplebase models` "
    )
    assert "14 of 14 keypoints" in done.stdout
    assert cv2.imread(str(tmp_path / "out.jpg")).shape == image.shape
    assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(not PEOPLE.exists(), reason=f"{PEOPLE} is not there")
def test_a_person_is_found_upright() -> None:
    """Rough on purpose: whatever model is in the package, head, hips and ankles are in order."""
    pytest.importorskip("ai_edge_litert")
    import simplebase

    (pose,) = simplebase.load()(simplebase.read_image(PEOPLE / "man.jpg"))
    height = dict(zip(pose.names, pose.keypoints[:, 1].tolist(), strict=True))
    for side in ("left", "right"):
        assert height["head_top"] < height[f"{side}_hip"] < height[f"{side}_ankle"]


def test_the_model_in_the_package_follows_unless_told_otherwise(said: list[str]) -> None:
    path, looks = cli._chosen(None, dict(NOWHERE), None)
    assert path.stem == PERSON and looks["follow"] is True
    assert len(said) == 1 and "one person in the whole frame" in said[0]
    _, looks = cli._chosen(None, dict(NOWHERE), False)
    assert looks["follow"] is False


@pytest.mark.parametrize(
    "place",
    [{"box": (0, 0, 9, 9)}, {"boxes": Path("b.json")}, {"detector": Path("d.onnx")}],
    ids=str,
)
def test_where_a_box_is_given_nothing_is_followed_unasked(said: list[str], place: Looks) -> None:
    path, looks = cli._chosen(None, NOWHERE | place, None)
    assert path.stem == PERSON and looks["follow"] is False
    assert said[0].startswith("model: person-mini; ")
    DemoSettings(**looks)


def test_a_model_that_was_named_is_not_followed_unasked(said: list[str]) -> None:
    model = find(PERSON).embedded.runnable.path
    assert cli._chosen(model, dict(NOWHERE), None) == (model, NOWHERE | {"follow": False})
    assert cli._chosen(model, dict(NOWHERE), True)[1]["follow"] is True
    assert said == []


def test_a_run_of_the_users_own_goes_first(said: list[str]) -> None:
    best = Path("runs") / "mine" / "checkpoints" / "best.keras"
    best.parent.mkdir(parents=True)
    best.touch()
    path, looks = cli._chosen(None, dict(NOWHERE), None)
    assert path == best and looks["follow"] is False
    assert len(said) == 1 and said[0].startswith(f"model: {best}, the best checkpoint")


@pytest.fixture
def recommending(monkeypatch: pytest.MonkeyPatch) -> Callable[[float | None], DotModel]:
    """Every model file is taken for one that recommends this score."""

    def make(score: float | None) -> DotModel:
        model = DotModel()
        model.metadata = replace(model.metadata, min_score=score)
        monkeypatch.setattr("simplebase.demo.run.load_runtime", lambda path: model)
        return model

    return make


@pytest.mark.parametrize(
    ("recommended", "chosen", "expected"),
    [(None, None, MIN_SCORE), (0.25, None, 0.25), (0.25, 0.05, 0.05), (0.0, None, 0.0)],
)
def test_the_least_score_is_the_users_else_the_models(
    recommending: Callable[[float | None], DotModel],
    tmp_path: Path,
    recommended: float | None,
    chosen: float | None,
    expected: float,
) -> None:
    recommending(recommended)
    cv2.imwrite(str(tmp_path / "a.png"), dots([[(30, 30), (60, 60), (90, 90)]]))
    settings = DemoSettings(min_score=chosen)
    assert run_demo("m.keras", tmp_path / "a.png", settings=settings).min_score == expected


def test_a_keypoint_below_the_models_own_limit_is_no_label(
    recommending: Callable[[float | None], DotModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # All dots score about a half.
    answer = DotModel.predict
    monkeypatch.setattr(DotModel, "predict", lambda self, images: answer(self, images) / 2)
    cv2.imwrite(str(tmp_path / "a.png"), dots([[(30, 30), (60, 60), (90, 90)]])[..., ::-1])
    for score, count in ((0.25, 3), (0.75, 0)):
        recommending(score)
        out = tmp_path / f"{score}" / "labelme"
        out.parent.mkdir()
        run_demo("m.keras", tmp_path / "a.png", [out])
        shapes = json.loads((out / "a.json").read_text())["shapes"]
        assert len([shape for shape in shapes if shape["shape_type"] == "point"]) == count
