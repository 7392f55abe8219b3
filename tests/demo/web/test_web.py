"""The page in a real browser: headless Chromium, with a camera fed from a file."""

import gc
import json
import socket
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coloured_dots import TRIANGLE, DotModel, dots, write_video
from headless_chromium import SECONDS, chromium, require_chromium, save_screenshot, until

if find_spec("gradio") is None:
    pytest.skip("gradio is not installed: pip install 'simplebase[web]'", allow_module_level=True)
require_chromium()

pytestmark = [
    # Of Gradio's own dependencies.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # With the other tests of the page: only one worker imports Gradio.
    pytest.mark.xdist_group("page"),
]

SIZE = (240, 320)
PLACES = [(2 * x, 2 * y) for x, y in TRIANGLE]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page over a model that sees coloured dots."""
    from simplebase.demo.settings import DemoSettings
    from simplebase.demo.web.page import build_page, launched
    from simplebase.demo.web.session import PageSession

    folder = tmp_path_factory.mktemp("web")
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        for module in ("run", "web.session"):
            patch.setattr(f"simplebase.demo.{module}.load_runtime", lambda path: DotModel())
        settings = DemoSettings()
        session = PageSession([folder / "dots.keras", folder / "others.keras"], settings)
        free.close()
        with launched(build_page(session, settings, folder), port) as url:
            yield url
        # Gradio leaves event loops open; here the marks above hold for what Python says of them.
        gc.collect()


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dots on their way to the right, as Chromium's fake camera takes them."""
    path = tmp_path_factory.mktemp("camera") / "dots.mjpeg"
    images = [dots([[(x + n, y) for x, y in PLACES]], SIZE) for n in range(0, 40, 2)]
    jpegs = [cv2.imencode(".jpg", image[..., ::-1])[1].tobytes() for image in images]
    path.write_bytes(b"".join(jpegs))
    return path


def fed_from(camera: Path) -> tuple[str, ...]:
    """Flags of a browser whose camera plays a file."""
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    )


@pytest.fixture(scope="module")
def browser(camera: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile"), *fed_from(camera)) as driver:
        yield driver


@pytest.fixture
def tab(browser: Any, page: str) -> Callable[[str], Any]:
    """Opens the page on a tab."""

    def opened(name: str) -> Any:
        open_tab(browser, page, name)
        return browser

    return opened


def open_tab(browser: Any, page: str, name: str) -> None:
    browser.get(page)
    found(browser, f"//button[@role='tab' and normalize-space()='{name}']").click()


def start_camera(browser: Any) -> None:
    """Starts the webcam tab, and waits for its second answer."""
    found(browser, "#webcam-input div[title='grant webcam access'] button").click()
    record = found(browser, "#webcam-input button[aria-label='capture photo']")
    until(record.is_displayed, "the camera")
    record.click()
    first = source_of(browser, "#webcam-output img")
    until(lambda: source_of(browser, "#webcam-output img") != first, "the next frame")


def source_of(browser: Any, place: str) -> str:
    """Address of an image, which the page may be replacing just now."""
    script = "return document.querySelector(arguments[0])?.src"
    return until(lambda: browser.execute_script(script, place), place)


def found(browser: Any, place: str, seconds: float = SECONDS) -> Any:
    """The element at a CSS selector or an XPath, as soon as it is there."""
    by = "xpath" if place.startswith("/") else "css selector"
    return until(lambda: browser.find_elements(by, place), place, seconds)[0]


def content(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def picture(url: str) -> np.ndarray:
    data = np.frombuffer(content(url), np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def assert_links_are_drawn(drawn: np.ndarray, plain: np.ndarray) -> None:
    """Half way between two dots there is a link now; in a corner all is as before."""
    for first, second in ((0, 1), (1, 2)):
        x, y = (np.array(PLACES[first]) + PLACES[second]) // 2
        assert abs(drawn[y, x].astype(int) - plain[y, x]).max() > 60
    np.testing.assert_array_equal(drawn[-30:, -30:], plain[-30:, -30:])


def downloaded(browser: Any, button: str, folder: Path) -> Any:
    """The JSON that a button hands out."""
    settings = {"behavior": "allow", "downloadPath": str(folder)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", settings)
    found(browser, button).click()
    file = until(lambda: list(folder.glob("*.json")), "the JSON file")[0]
    return json.loads(file.read_text())


def test_an_uploaded_image_is_drawn_on(tab: Callable[[str], Any], tmp_path: Path) -> None:
    plain = dots([PLACES], SIZE)
    cv2.imwrite(str(tmp_path / "photo.png"), plain[..., ::-1])
    browser = tab("Image")
    found(browser, "#image-input input[type=file]").send_keys(str(tmp_path / "photo.png"))
    drawn = picture(source_of(browser, "#image-output img"))
    assert_links_are_drawn(drawn, plain)
    table = found(browser, "#image-table")
    until(lambda: "green" in table.text and "0.9" in table.text, "the keypoint table")
    (tmp_path / "files").mkdir()
    (frame,) = downloaded(browser, "#image-json", tmp_path / "files")["frames"]
    np.testing.assert_allclose(np.array(frame["poses"][0]["keypoints"])[:, :2], PLACES, atol=1)
    save_screenshot(browser, "image")


def test_a_higher_threshold_leaves_keypoints_out(tab: Callable[[str], Any], tmp_path: Path) -> None:
    plain = dots([PLACES], SIZE)
    cv2.imwrite(str(tmp_path / "photo.png"), plain[..., ::-1])
    browser = tab("Image")
    found(browser, "#image-input input[type=file]").send_keys(str(tmp_path / "photo.png"))
    first = source_of(browser, "#image-output img")
    # The first of the two sliders.
    number = found(browser, "input[type=number]")
    number.clear()
    number.send_keys("1", "\t")
    look = "#image-output img"
    until(lambda: source_of(browser, look) != first, "another picture")
    drawn = picture(source_of(browser, look))
    np.testing.assert_array_equal(drawn, plain)


def test_a_file_that_is_no_image_is_told(tab: Callable[[str], Any], tmp_path: Path) -> None:
    whole = cv2.imencode(".jpg", dots([PLACES], SIZE))[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    browser = tab("Image")
    found(browser, "#image-input input[type=file]").send_keys(str(tmp_path / "cut.jpg"))
    until(lambda: "is cut off" in browser.page_source, "the message")


def test_nothing_comes_from_elsewhere(tab: Callable[[str], Any], page: str) -> None:
    browser = tab("Webcam")
    found(browser, "#webcam-input button")
    names = browser.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    elsewhere = [name for name in names if not name.startswith((page, "data:", "blob:"))]
    assert len(names) > 5 and elsewhere == []


def test_an_uploaded_video_comes_back_as_one_that_plays(
    tab: Callable[[str], Any], tmp_path: Path
) -> None:
    images = [dots([[(x + n, y) for x, y in PLACES]], SIZE) for n in range(8)]
    path = write_video(tmp_path / "clip.mp4", images)
    browser = tab("Video")
    found(browser, "#video-input input[type=file]").send_keys(str(path))
    found(browser, "#video-input video")
    found(browser, "#video-run").click()
    video = found(browser, "#video-output video")
    until(
        lambda: browser.execute_script("return arguments[0].readyState >= 2", video),
        "the first frame of the video",
    )
    sides = "return [arguments[0].videoWidth, arguments[0].videoHeight]"
    assert browser.execute_script(sides, video) == [320, 240]
    until(lambda: "blue" in found(browser, "#video-table").text, "the keypoint table")
    (tmp_path / "files").mkdir()
    content = downloaded(browser, "#video-json", tmp_path / "files")
    assert [len(frame["poses"]) for frame in content["frames"]] == [1] * 8
    save_screenshot(browser, "video")


def test_the_webcam_is_drawn_on(tab: Callable[[str], Any]) -> None:
    browser = tab("Webcam")
    start_camera(browser)
    drawn = picture(source_of(browser, "#webcam-output img"))
    # The camera's scale is the browser's choice; links are of the skeleton's own red and blue.
    height, width = drawn.shape[:2]
    for colour in ((235, 64, 52), (48, 128, 255)):
        close = abs(drawn.astype(int) - colour).max(axis=-1) < 40
        assert close.sum() > 0.002 * height * width
    save_screenshot(browser, "webcam")


def test_a_camera_fed_from_a_real_video_shows_its_frames(
    page: str, shared: Path, tmp_path: Path
) -> None:
    capture = cv2.VideoCapture(str(shared / "data" / "video" / "tfjs_pose_1.mp4"))
    frames = []
    while len(frames) < 60 and (read := capture.read())[0]:
        frames.append(read[1])
    camera = tmp_path / "squat.mjpeg"
    camera.write_bytes(b"".join(cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames))
    with chromium(tmp_path / "profile", *fed_from(camera)) as browser:
        open_tab(browser, page, "Webcam")
        start_camera(browser)
        seen = picture(source_of(browser, "#webcam-output img"))
        save_screenshot(browser, "webcam_video")
    assert seen.shape[0] == seen.shape[1]
    # There are no coloured dots in it, so nothing is drawn: one of the frames is seen as it is.
    seen = cv2.resize(seen, (144, 144), interpolation=cv2.INTER_AREA)[..., ::-1].astype(int)
    small = [cv2.resize(frame, (144, 144), interpolation=cv2.INTER_AREA) for frame in frames]
    # What a camera and two JPEGs change of colours is about 8; another picture is 40 away.
    assert min(abs(seen - frame).mean() for frame in small) < 15
