"""Every command of the tutorials runs, in the order of its page, on small data."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from tutorial_blocks import BY_HAND, TUTORIALS, commands, files_below, run

from simplebase.converters import to_labelme
from simplebase.errors import DownloadError
from simplebase.zoo.fetching import fetch
from simplebase.zoo.programs import PROGRAMS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("processes")]

OWN_VIDEO = TUTORIALS.parent / "own_model.md"
TESTED = {"first_model.md", "own_images.md", "phone.md", "browser.md"}


def test_every_tutorial_is_run() -> None:
    assert {page.name for page in TUTORIALS.glob("*.md")} - {"index.md"} == TESTED


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the first tutorial was worked through."""
    folder = tmp_path_factory.mktemp("first")
    for words in commands(TUTORIALS / "first_model.md"):
        run(words, folder)
    return folder


def test_the_first_tutorial_trains_a_model_and_draws_what_it_finds(first: Path) -> None:
    written = set(files_below(first))
    assert {"figures.png", "pose.png", "runs/first/report.html"} <= written
    assert "runs/first/checkpoints/best.keras" in written


def test_own_images_become_a_dataset_a_model_and_poses(
    figures_folder: Path, tmp_path: Path
) -> None:
    to_labelme(figures_folder, tmp_path / "my_labels")
    shutil.copytree(figures_folder / "images", tmp_path / "new_photos")
    for words in commands(TUTORIALS / "own_images.md"):
        run(words, tmp_path)
    written = set(files_below(tmp_path))
    assert {"cows.png", "runs/cows/report.html", "result/scores.json", "poses.csv"} <= written
    assert len(list((tmp_path / "drawn").glob("*.jpg"))) == 40
    assert len(list((tmp_path / "to_correct").rglob("*.json"))) == 5


def test_an_own_video_becomes_a_model_for_a_phone(shared: Path, tmp_path: Path) -> None:
    shutil.copy(shared / "data" / "video" / "tfjs_pose_1.mp4", tmp_path / "squat.mp4")
    for words in commands(OWN_VIDEO):
        if words[0] not in BY_HAND:
            run(words, tmp_path, one_layer=False)
    assert {"squat.tflite", "squat_out.mp4"} <= set(files_below(tmp_path))


def test_a_phone_gets_a_file_that_is_as_good_as_the_model(first: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(first, tmp_path / "phone")
    printed = [run(words, folder) for words in commands(TUTORIALS / "phone.md")]
    assert {"figures.tflite", "figures.tflite.json", "from_tflite.png"} <= set(files_below(folder))
    assert "figures.tflite" in printed[1] and "figures.tflite" in printed[2]


def test_the_page_for_the_browser_is_written_and_served(first: Path, tmp_path: Path) -> None:
    try:
        for file in PROGRAMS["litert-js"]:
            fetch(file, offline=True, announce=print)
    except DownloadError:
        pytest.skip("LiteRT.js is not in the cache: simplebase models get litert-js")
    folder = shutil.copytree(first, tmp_path / "browser")
    export, serve = commands(TUTORIALS / "browser.md")
    run(export, folder)
    assert serve[:3] == ["python", "-m", "http.server"] and serve[-1] == "8000"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, *serve[1:-1], str(port)], cwd=folder, stderr=subprocess.DEVNULL
    )
    try:
        assert b"<title>" in _answer(f"http://127.0.0.1:{port}/")
    finally:
        server.terminate()
        server.wait()


def _answer(address: str) -> bytes:
    for _ in range(100):
        try:
            with urllib.request.urlopen(address) as answer:
                return bytes(answer.read())
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")
