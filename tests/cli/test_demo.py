"""`simplebase demo` on the command line."""

import importlib.util
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from coloured_dots import moving, write_video

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", moving(5))


def test_a_video_becomes_several_outputs(
    command: Command, shallow_model_file: Path, clip: Path
) -> None:
    outputs = "--output out.mp4 --output out.json --output frames"
    code, said, error = command(
        "demo", "--model", shallow_model_file, "--input", clip, *outputs.split(), "--min-score", -1
    )
    assert code == 0, error
    assert "out.mp4, out.json, frames: 5 frames" in said and "ms per frame: read" in said
    assert len(json.loads(Path("out.json").read_text())["frames"]) == 5
    assert len(list(Path("frames").glob("*.jpg"))) == 5


def test_a_format_may_be_named(command: Command, shallow_model_file: Path, clip: Path) -> None:
    line = "--output mine --format labelme --min-score -1"
    code, _, error = command("demo", "--model", shallow_model_file, "--input", clip, *line.split())
    assert code == 0, error
    assert len(list(Path("mine").glob("*.json"))) == 5


def test_without_a_model_the_newest_run_is_taken(
    command: Command, shallow_model_file: Path, clip: Path
) -> None:
    for name, age in (("older", 100), ("newer", 10), ("oldest", 200)):
        checkpoints = Path("runs") / name / "checkpoints"
        checkpoints.mkdir(parents=True)
        model = shutil.copyfile(shallow_model_file, checkpoints / "best.keras")
        os.utime(model, (1e9 - age, 1e9 - age))
    code, said, error = command("demo", "--input", clip, "--output", "out.json")
    assert code == 0, error
    assert "model: runs/newer/checkpoints/best.keras" in said


def test_without_an_output_a_window_is_wanted(
    command: Command, shallow_model_file: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    code, _, error = command("demo", "--model", shallow_model_file, "--input", clip)
    assert code == 2
    assert "no display for a window. Use --output FILE to write the result." in error


def test_a_page_without_gradio_says_how_to_get_it(
    command: Command, shallow_model_file: Path
) -> None:
    if importlib.util.find_spec("gradio"):
        pytest.skip("gradio is installed")
    code, _, error = command("demo", "--model", shallow_model_file, "--web")
    assert code == 1
    assert 'pip install "simplebase[web]"' in error


def test_a_page_refuses_what_it_would_ignore(command: Command, shallow_model_file: Path) -> None:
    code, _, error = command(
        *("demo", "--model", shallow_model_file, "--web", "--show", "--serve", 8000, "--overwrite")
    )
    assert code == 2
    assert "Leave out --show, --serve, --overwrite" in " ".join(error.split())


def test_a_free_port_is_told(command: Command, shallow_model_file: Path, clip: Path) -> None:
    code, said, error = command(
        *("demo", "--model", shallow_model_file, "--input", clip, "--serve", 0)
    )
    assert code == 0, error
    port = re.search(r"live at http://127.0.0.1:(\d+) ", said)
    assert port and int(port[1]) > 0
