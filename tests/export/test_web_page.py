"""The exported page in a real browser: the numbers of Python, and readable problems."""

import base64
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from artifacts import Artifacts
from headless_chromium import chromium, requests_of, require_chromium, save_screenshot, until

from simplebase import KeypointDataset
from simplebase.demo.drawing import draw
from simplebase.demo.estimation import FrameEstimator
from simplebase.demo.finding.boxes import Finder, WholeFrame
from simplebase.demo.finding.detector import Detector
from simplebase.demo.smoothing import OneEuro
from simplebase.errors import DownloadError
from simplebase.export import ExportedSite, Exporter, export_site
from simplebase.export.export_settings import Quantization
from simplebase.export.web import SiteDetector
from simplebase.export.web.browser import find_chromium, running_in_browser
from simplebase.images import read_image, write_image
from simplebase.inference import PoseEstimator, cut_out
from simplebase.metadata import ModelMetadata, read_metadata
from simplebase.metrics import oks_sigmas
from simplebase.pose import Box, Pose
from simplebase.runtimes import Runtime, load_runtime
from simplebase.videos.frame import Frame
from simplebase.zoo.fetching import fetch
from simplebase.zoo.programs import PROGRAMS

require_chromium()

from selenium.webdriver import ActionChains, Keys  # noqa: E402 - skipped above where it is absent

pytestmark = pytest.mark.xdist_group("page")


@pytest.fixture(scope="module")
def site(
    small: Artifacts, figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory
) -> ExportedSite:
    """Exported by the real LiteRT.js, which an earlier command has fetched."""
    try:
        for file in PROGRAMS["litert-js"]:
            fetch(file, offline=True, announce=print)
    except DownloadError:
        pytest.skip("LiteRT.js is not in the cache: simplebase models get litert-js")
    return exported(small, figures, tmp_path_factory.mktemp("web") / "site", "none")


def exported(
    small: Artifacts, figures: KeypointDataset, folder: Path, quantization: Quantization
) -> ExportedSite:
    exporter = Exporter(small.path("model.keras"), figures)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simplebase.export.web.litert_js.COMPRESSION", 1)
        return export_site(exporter, folder, quantization, title="blots & more", announce=print)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: ExportedSite) -> Iterator[str]:
    """Of the folder, with a page beside that has no script."""
    (site.path / "blank.html").write_text("<!doctype html><title>blank</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site.path)))
    server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, address: str) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("browser")
    camera = folder / "camera.mjpeg"
    camera.write_bytes(b"".join(camera_frames()))
    flags = (
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    )
    with chromium(folder / "profile", *flags, size=(1280, 1000)) as driver:
        yield driver


def camera_frames() -> Iterator[bytes]:
    """JPEGs of a real video, of a grey picture where there is none."""
    video = Path(__file__).resolve().parents[3] / "shared" / "data" / "video" / "tfjs_pose_1.mp4"
    capture = cv2.VideoCapture(str(video)) if video.exists() else None
    for _ in range(20):
        frame = np.full((240, 320, 3), 90, np.uint8) if capture is None else capture.read()[1]
        yield cv2.imencode(".jpg", cv2.resize(frame, (320, 240)))[1].tobytes()


def answer_of(browser: Any, script: str, *values: Any) -> Any:
    """What an asynchronous script returns, which has `pose` (the module) and `values`."""
    result = browser.execute_async_script(
        "const done = arguments[arguments.length - 1], values = [...arguments].slice(0, -1);"
        "(async () => { const pose = await import('/pose.js');" + script + "})()"
        ".then((value) => done({ value }), (error) => done({ error: String(error.stack) }));",
        *values,
    )
    assert "error" not in result, result["error"]
    return result["value"]


def opened(browser: Any, address: str, before: str = "", query: str = "") -> Any:
    """Opens the page, after a script in place of what a browser may lack."""
    command = browser.execute_cdp_cmd
    script = command("Page.addScriptToEvaluateOnNewDocument", {"source": before})
    browser.get(address + query)
    command("Page.removeScriptToEvaluateOnNewDocument", script)
    look = "return document.body.dataset.ready || !document.getElementById('message').hidden"
    # The text that a page begins with goes when its script runs.
    until(lambda: "Starting." not in words(browser, "message"), "the script")
    until(lambda: browser.execute_script(look), "the page")
    return browser


def words(browser: Any, name: str) -> str:
    script = "return document.getElementById(arguments[0])?.textContent ?? ''"
    return browser.execute_script(script, name)


def choose(browser: Any, kind: str, path: Path) -> None:
    browser.find_element("id", f"{kind}-file").send_keys(str(path))


def complaint(browser: Any) -> str:
    """The message of a problem, as soon as it is there."""
    shown = "return !document.getElementById('message').hidden"
    until(lambda: browser.execute_script(shown), "a message")
    return words(browser, "message")


def test_the_page_is_compared_in_the_browser_before_it_is_handed_over(site: ExportedSite) -> None:
    assert site.browser is not None and site.browser.startswith("Chrome ")
    assert site.parity.passed and site.parity.images == 8
    # It is the page that was compared, not the file: it has no heatmaps to show.
    assert site.parity.heatmap_max is None and site.parity.distance_median < 0.01
    report = json.loads((site.path.parent / "site.parity.json").read_text())
    assert report["browser"] == site.browser and report["model_file"]["heatmap_max"] < 1e-4


@pytest.mark.filterwarnings("ignore:.*is calibrated on only")
@pytest.mark.filterwarnings("ignore:.*the model itself has a PCK of")
@pytest.mark.usefixtures("site")
def test_an_int8_page_answers_as_its_file_does(
    small: Artifacts, figures: KeypointDataset, tmp_path: Path
) -> None:
    done = exported(small, figures, tmp_path / "site", "int8")
    assert done.browser is not None
    page, file = done.parity, done.model_parity
    # One unit of 8 bits is 0.004 of a heatmap's height.
    assert page.score_max == pytest.approx(file.score_max, abs=0.01)
    assert page.distance_median == pytest.approx(file.distance_median, abs=0.2)


PEOPLE = ("girl.jpg", "ride.jpg", "skiing.jpg", "surfing.jpg")


def test_keypoints_and_crops_are_those_of_python_on_real_images(
    browser: Any, address: str, site: ExportedSite, shared: Path
) -> None:
    estimate = PoseEstimator(load_runtime(site.path / "model.tflite"))
    browser.get(address + "blank.html")
    for name in PEOPLE:
        # Without the rounding of two decoders of JPEG, of which this model would make much.
        image = read_image(shared / "data" / "people" / name)
        name = Path(name).with_suffix(".png").name
        write_image(site.path / name, image, overwrite=True)
        height, width = image.shape[:2]
        # All of it, a part, a part of a part magnified, and one that is half outside.
        boxes: list[Box] = [
            (0.0, 0.0, float(width), float(height)),
            (width * 0.2, height * 0.1, width * 0.5, height * 0.7),
            (width * 0.41, height * 0.32, 37.5, 50.25),
            (-0.3 * width, 0.6 * height, 0.7 * width, 0.9 * height),
        ]
        found = answer_of(
            browser,
            """
            globalThis.model ??= await pose.PoseModel.open("/");
            const file = await (await fetch(values[0])).blob();
            const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
            const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
            context.drawImage(bitmap, 0, 0);
            const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height);
            const found = [];
            for (const box of values[1]) {
              const crop = new Uint8Array(model.size[0] * model.size[1] * 3);
              pose.warp(pixels, pose.boxMatrix(model.crop, box, model.size), model.size, crop);
              const { pose: { keypoints } } = await model.find(pixels, box);
              found.push({ keypoints: [...keypoints], crop: [...crop] });
            }
            return found;
            """,
            f"/{name}",
            boxes,
        )
        crops, matrices = cut_out(image, boxes, estimate.runtime.metadata)
        steady = steady_keypoints(estimate, crops)
        assert steady.mean() > 0.8
        poses = estimate(image, boxes)
        for pose, crop, matrix, sure, theirs in zip(
            poses, crops, matrices, steady, found, strict=True
        ):
            apart = abs(np.reshape(theirs["crop"], crop.shape) - crop.astype(int))
            assert apart.max() <= 1 and apart.mean() < 0.01
            points = np.reshape(theirs["keypoints"], (-1, 3))
            difference = (points[:, :2] - pose.keypoints[:, :2]) * matrix[0, 0]
            assert abs(difference[sure]).max() < 0.05, f"{name}, {pose.box}"
            np.testing.assert_allclose(points[:, 2], pose.keypoints[:, 2], atol=5e-3)


def steady_keypoints(estimate: PoseEstimator, crops: np.ndarray) -> np.ndarray:
    """`(B, K)`: whose place the last digits of a heatmap do not change; some maps here are flat."""
    heatmaps = estimate.runtime.predict(crops)
    noise = np.random.default_rng(0).normal(0, 1e-3, heatmaps.shape).astype(np.float32)
    decode = estimate.runtime.metadata.codec.decode
    return abs(decode(heatmaps + noise)[0] - decode(heatmaps)[0]).max(axis=-1) < 0.25


def test_skeletons_are_drawn_in_the_same_colours_and_widths(
    browser: Any, address: str, site: ExportedSite, shared: Path
) -> None:
    image = read_image(shared / "data" / "people" / "girl.jpg")
    height, width = image.shape[:2]
    estimate = PoseEstimator(load_runtime(site.path / "model.tflite"))
    [pose] = estimate(image)
    rng = np.random.default_rng(0)
    pose.keypoints[:, :2] = rng.uniform(0.2, 0.8, (len(pose.keypoints), 2)) * [width, height]
    # Some certain, some faint, one not found.
    pose.keypoints[:, 2] = [0.9, 0.2, 0.05, *rng.uniform(0.15, 1, len(pose.keypoints) - 3)]
    browser.get(address + "blank.html")
    drawn = answer_of(
        browser,
        """
        const [width, height, keypoints, box, model] = values;
        const context = new OffscreenCanvas(width, height).getContext("2d");
        context.fillStyle = "rgb(120 130 140)";
        context.fillRect(0, 0, width, height);
        pose.drawPose(context, { keypoints, box }, model, 0.1);
        const { data } = context.getImageData(0, 0, width, height);
        return btoa(data.reduce((text, byte) => text + String.fromCharCode(byte), ""));
        """,
        width,
        height,
        pose.keypoints.ravel().tolist(),
        list(pose.box),
        as_drawn(site),
    )
    plain = np.full(image.shape, (120, 130, 140), np.uint8)
    expected = draw(plain, [pose])
    theirs = np.frombuffer(base64.b64decode(drawn), np.uint8).reshape(height, width, 4)[..., :3]
    # Edges are smoothed differently, and only they.
    apart = abs(theirs.astype(int) - expected).max(axis=-1)
    touched = (expected != plain).any(axis=-1).mean()
    assert touched > 0.02 and (apart > 60).mean() < 0.05 * touched


def as_drawn(site: ExportedSite) -> dict[str, Any]:
    """What drawing asks a model for."""
    described = json.loads((site.path / "model.tflite.json").read_text())
    names, links = described["skeleton"]["keypoints"], described["skeleton"]["links"]
    return {
        "keypoints": names,
        "links": [[names.index(start), names.index(end)] for start, end, _ in links],
        "colours": described["web"]["colours"],
    }


def test_one_object_is_followed_and_smoothed_as_python_does(
    browser: Any, address: str, site: ExportedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = load_runtime(site.path / "model.tflite")
    frames, image = walk(runtime.metadata), np.zeros((240, 320, 3), np.uint8)
    now = [0]
    # Both are told what a model finds in each frame: what is compared comes after.
    monkeypatch.setattr(
        PoseEstimator, "keypoints", lambda *_: frames[now[0]][None].astype(np.float32)
    )
    expected = estimated(runtime, WholeFrame(), None, image, now, len(frames))
    browser.get(address + "blank.html")
    found = answer_of(
        browser,
        """
        const [frames, sigmas, crop] = values;
        let at = 0;
        const find = async (image, box) => {
          const keypoints = Float32Array.from(frames[at].flat());
          const score = frames[at].reduce((sum, point) => sum + point[2], 0) / frames[at].length;
          return { pose: { keypoints, box, score }, ms: {} };
        };
        const model = Object.create(pose.PoseModel.prototype);
        Object.assign(model, { find, sigmas, crop, minScore: 0.1 });
        const follower = new pose.PoseFollower(model);
        const found = [];
        for (; at < frames.length; at++) {
          const { poses } = await follower.find({ width: 320, height: 240 }, at / 25);
          found.push(poses.map((pose) => ({ ...pose, keypoints: [...pose.keypoints] })));
        }
        return found;
        """,
        frames.tolist(),
        oks_sigmas(runtime.metadata.skeleton)[0].tolist(),
        {"padding": runtime.metadata.crop.padding},
    )
    identities = {pose.identity for [pose] in filter(None, expected)}
    assert identities >= {1, 2} and [] in expected, "the walk has a loss and a second object"
    for poses, theirs in zip(expected, found, strict=True):
        assert_same(poses, theirs)


def estimated(
    runtime: Runtime,
    find: Finder,
    find_every: int | None,
    image: np.ndarray,
    now: list[int],
    count: int,
) -> list[Sequence[Pose]]:
    """The poses that Python follows through `count` frames; `now[0]` is the current one."""
    estimate = FrameEstimator(
        runtime,
        find,
        is_sequence=True,
        find_every=find_every,
        distinct=True,
        smoothing=OneEuro(),
    )
    found = []
    for index in range(count):
        now[0] = index
        found.append(estimate(Frame(image, index, index / 25, "frame")).poses)
    return found


def assert_same(poses: Sequence[Pose], theirs: list[dict[str, Any]]) -> None:
    """The poses of a frame, in Python and in the page."""
    assert len(theirs) == len(poses)
    for pose, other in zip(poses, theirs, strict=True):
        assert other.get("identity") == pose.identity
        np.testing.assert_allclose(other["box"], pose.box, atol=0.05)
        points = np.reshape(other["keypoints"], (-1, 3))
        seen = points[:, 2] >= 0.1
        np.testing.assert_allclose(points[seen, :2], pose.keypoints[seen, :2], atol=0.05)


@pytest.mark.usefixtures("detecting")
def test_several_objects_are_detected_and_followed_as_python_does(
    browser: Any, address: str, site: ExportedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = load_runtime(site.path / "model.tflite")
    objects, boxes = crossing(runtime.metadata)
    image, size, now = np.zeros((240, 320, 3), np.uint8), runtime.metadata.input_size, [0]

    def keypoints(_: PoseEstimator, crops: np.ndarray, matrices: np.ndarray) -> np.ndarray:
        middle = (np.array([size[1], size[0]]) - 1) / 2
        return np.stack(
            [nearest(objects[now[0]], (middle - m[:, 2]) / m[0, 0]) for m in matrices]
        ).astype(np.float32)

    monkeypatch.setattr(PoseEstimator, "keypoints", keypoints)
    expected = estimated(runtime, lambda frame: boxes[frame.index], 5, image, now, len(objects))
    browser.get(address + "blank.html")
    found = answer_of(
        browser,
        """
        const [objects, boxes, sigmas, crop] = values;
        let at = 0;
        const center = (points, axis) =>
          points.reduce((sum, point) => sum + point[axis], 0) / points.length;
        const find = async (image, [x, y, width, height]) => {
          const place = [x + (width - 1) / 2, y + (height - 1) / 2];
          const apart = objects[at].map((points) =>
            Math.hypot(center(points, 0) - place[0], center(points, 1) - place[1]));
          const points = objects[at][apart.indexOf(Math.min(...apart))];
          const box = [x, y, width, height];
          return {
            pose: { keypoints: Float32Array.from(points.flat()), box, score: center(points, 2) },
            ms: {},
          };
        };
        const { overlap } = await import("/detecting/detector.js");
        const detector = { overlap, find: async () => ({ boxes: boxes[at] }) };
        const model = Object.create(pose.PoseModel.prototype);
        Object.assign(model, { find, sigmas, crop, detector, minScore: 0.1 });
        const follower = new pose.PoseFollower(model);
        const found = [];
        for (; at < objects.length; at++) {
          const { poses } = await follower.find({ width: 320, height: 240 }, at / 25);
          found.push(poses.map((pose) => ({ ...pose, keypoints: [...pose.keypoints] })));
        }
        return found;
        """,
        objects.tolist(),
        boxes,
        oks_sigmas(runtime.metadata.skeleton)[0].tolist(),
        {"padding": runtime.metadata.crop.padding},
    )
    counts = [len(poses) for poses in expected]
    assert {0, 1, 2} <= set(counts), "objects come, are missed, and go"
    for poses, theirs in zip(expected, found, strict=True):
        assert_same(poses, theirs)


def nearest(objects: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The keypoints `(K, 3)` of the object around a place."""
    apart = np.linalg.norm(objects[..., :2].mean(axis=1) - place, axis=-1)
    found: np.ndarray = objects[int(apart.argmin())]
    return found


def crossing(metadata: ModelMetadata) -> tuple[np.ndarray, list[list[Box]]]:
    """`(40, 2, K, 3)`: two objects that pass each other, and what a detector finds of them."""
    rng = np.random.default_rng(2)
    count = metadata.skeleton.num_keypoints
    bodies = rng.uniform(-25, 25, (2, count, 2))
    objects = np.zeros((40, 2, count, 3))
    boxes: list[list[Box]] = []
    for index, pair in enumerate(objects):
        places = np.array([[60 + 4 * index, 70], [250 - 4 * index, 150]])
        pair[..., :2] = places[:, None] + bodies + rng.normal(0, 0.4, bodies.shape)
        pair[..., 2] = 0.8
        pair[rng.random((2, count)) < 0.1, 2] = 0.0
        low = pair[..., :2].min(axis=1) - 4
        sides = pair[..., :2].max(axis=1) + 4 - low
        found = np.concatenate([low, sides], axis=1).tolist()
        # Nothing at first; later the second object is missed now and then.
        boxes.append([] if index < 3 else found[:1] if index % 10 == 5 else found)
    objects[30:, 0, :, 2] = 0.05
    return objects, boxes


@pytest.fixture(scope="module")
def detecting(site: ExportedSite, shared: Path) -> SiteDetector:
    """A detector, in a copy of the folder below it."""
    folder = site.path / "detecting"
    shutil.copytree(site.path, folder, ignore=shutil.ignore_patterns("detecting"))
    detector = SiteDetector(shared / "weights" / "yolox_nano.onnx")
    sidecar = folder / "model.tflite.json"
    content = json.loads(sidecar.read_text())
    content["web"]["detector"] = detector.write(folder)
    sidecar.write_text(json.dumps(content))
    return detector


def test_a_detector_in_the_page_finds_the_boxes_of_python(
    browser: Any, address: str, site: ExportedSite, shared: Path, detecting: SiteDetector
) -> None:
    estimate = PoseEstimator(load_runtime(site.path / "model.tflite"))
    find = Detector(shared / "weights" / "yolox_nano.onnx", threads=1)
    image = read_image(shared / "data" / "people" / "ride.jpg")
    detecting.check_file(site.path / "detecting", [image])
    write_image(site.path / "ride.png", image, overwrite=True)
    browser.get(address + "blank.html")
    poses = answer_of(
        browser,
        """
        const { PoseModel } = await import("/detecting/pose.js");
        const model = await PoseModel.open("/detecting/");
        const bitmap = await createImageBitmap(await (await fetch("/ride.png")).blob(),
          { colorSpaceConversion: "none" });
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
        context.drawImage(bitmap, 0, 0);
        const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height);
        const { poses } = await model.findAll(pixels);
        return poses.map((pose) => ({ ...pose, keypoints: [...pose.keypoints] }));
        """,
    )
    boxes, _ = find.detect(image)
    assert len(boxes) == len(poses) == 2
    theirs = np.array([pose["box"] for pose in poses])
    # Half of a pixel of the detector's input: its weights are stored as float16 for the page.
    assert abs(theirs - boxes).max() < 0.5 * max(image.shape) / 416
    steady = steady_keypoints(
        estimate, cut_out(image, theirs.tolist(), estimate.runtime.metadata)[0]
    )
    for pose, other, sure in zip(estimate(image, theirs.tolist()), poses, steady, strict=True):
        points = np.reshape(other["keypoints"], (-1, 3))
        scale = max(pose.box[2:]) * estimate.runtime.metadata.crop.padding / 64
        assert abs(points[sure, :2] - pose.keypoints[sure, :2]).max() < 0.05 * scale


def test_the_check_of_a_page_asks_its_detector_too(
    site: ExportedSite, detecting: SiteDetector, shared: Path
) -> None:
    folder, image = site.path / "detecting", read_image(shared / "data" / "people" / "ride.jpg")
    browser = find_chromium()
    assert browser is not None
    with running_in_browser(folder, read_metadata(folder / "model.tflite"), browser) as page:
        detecting.check_page(page, [image])
        assert len(page.detect(image)[0]) == 2


def test_a_picture_without_objects_says_so(
    browser: Any, address: str, detecting: SiteDetector, tmp_path: Path
) -> None:
    opened(browser, address + "detecting/")
    write_image(tmp_path / "wall.png", np.full((120, 160, 3), 200, np.uint8))
    choose(browser, "image", tmp_path / "wall.png")
    expected = "wall.png: 160 x 120 pixels; the detector found nothing in it"
    until(lambda: words(browser, "status") == expected, expected)
    assert "boxes" in words(browser, "speed")


def walk(metadata: ModelMetadata) -> np.ndarray:
    """`(40, K, 3)`: an object on its way, of which points hide; it is lost, and another comes."""
    rng = np.random.default_rng(1)
    count = metadata.skeleton.num_keypoints
    body = rng.uniform(-40, 40, (count, 2))
    frames = np.zeros((40, count, 3))
    for index, frame in enumerate(frames):
        place = [110 + 2 * index, 100] if index < 25 else [90, 150]
        frame[:, :2] = place + body * (1 + 0.01 * index) + rng.normal(0, 0.6, body.shape)
        frame[:, 2] = 0.9
        frame[rng.random(count) < 0.15, 2] = 0.0
    frames[12:24, :, 2] = 0.0
    return frames


def test_an_image_a_threshold_and_the_downloads(
    browser: Any, address: str, site: ExportedSite, shared: Path, tmp_path: Path
) -> None:
    requests_of(browser)
    opened(browser, address)
    assert browser.title == "blots & more"
    photo = shared / "data" / "people" / "girl.jpg"
    choose(browser, "image", photo)
    until(lambda: "girl.jpg" in words(browser, "status"), "the picture")
    save_screenshot(browser, "photo_1280")
    settings = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", settings)
    browser.find_element("id", "download-json").click()
    browser.find_element("id", "download-picture").click()
    until(lambda: len(list(tmp_path.glob("pose*.[jp][sn]*[gn]"))) == 2, "the files")
    content = json.loads((tmp_path / "poses.json").read_text())
    [pose] = PoseEstimator(load_runtime(site.path / "model.tflite"))(read_image(photo))
    [frame] = content["frames"]
    assert content["keypoints"] == list(pose.names) and frame["file"] == "girl.jpg"
    scale = max(frame["width"], frame["height"]) / 64
    points = np.array(frame["poses"][0]["keypoints"])
    assert abs(points[:, :2] - pose.keypoints[:, :2]).max() < 0.05 * scale
    assert read_image(tmp_path / "pose.png").shape == read_image(photo).shape
    # The browser's own new tab may still be loading.
    own = (address, "blob:", "data:", "chrome://", "chrome-untrusted://")
    elsewhere = [url for url in requests_of(browser) if not url.startswith(own)]
    assert elsewhere == []


def test_the_threshold_begins_with_the_score_that_the_model_recommends(
    browser: Any, address: str, site: ExportedSite
) -> None:
    path = site.path / "model.tflite.json"
    content = path.read_text()
    assert opened(browser, address).find_element("id", "score").get_attribute("value") == "0.1"
    try:
        path.write_text(json.dumps(json.loads(content) | {"min_score": 0.35}))
        slider = opened(browser, address).find_element("id", "score")
        assert slider.get_attribute("value") == "0.35" and words(browser, "score-shown") == "0.35"
    finally:
        path.write_text(content)


def test_a_narrow_page_has_no_sideways_scrolling_and_takes_the_keyboard(
    browser: Any, address: str, shared: Path
) -> None:
    with narrow(browser):
        opened(browser, address)
        choose(browser, "image", shared / "data" / "people" / "girl.jpg")
        until(lambda: "girl.jpg" in words(browser, "status"), "the picture")
        sides = "return [document.documentElement.scrollWidth, innerWidth]"
        assert browser.execute_script(sides) == [390, 390]
        save_screenshot(browser, "photo_390")
        reached = []
        for _ in range(7):
            ActionChains(browser).send_keys(Keys.TAB).perform()
            reached.append(browser.execute_script("return document.activeElement.id"))
        assert reached[:3] == ["image", "video", "webcam"] and "score" in reached
        score = browser.find_element("id", "score")
        score.send_keys(Keys.HOME)
        assert words(browser, "score-shown") == "0.00"


@contextmanager
def narrow(browser: Any) -> Iterator[None]:
    """As wide as a phone, in the dark."""
    sides = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sides)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_file_that_cannot_be_shown_is_told(browser: Any, address: str, tmp_path: Path) -> None:
    opened(browser, address)
    (tmp_path / "letter.jpg").write_text("Dear all")
    choose(browser, "image", tmp_path / "letter.jpg")
    assert complaint(browser).startswith("letter.jpg is no picture that this browser can read.")
    # MPEG-4 Part 2, as old cameras write it, plays in no browser.
    writer = cv2.VideoWriter(
        str(tmp_path / "old.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 64)
    )
    for _ in range(5):
        writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    choose(browser, "video", tmp_path / "old.mp4")
    until(lambda: "old.mp4" in complaint(browser), "the message")
    assert complaint(browser).startswith("This browser cannot play old.mp4")
    assert "ffmpeg" in complaint(browser)


def test_a_photo_of_12000_pixels_is_looked_at_smaller(
    browser: Any, address: str, tmp_path: Path
) -> None:
    opened(browser, address)
    image = np.full((1500, 12000, 3), 200, np.uint8)
    write_image(tmp_path / "wide.jpg", image)
    choose(browser, "image", tmp_path / "wide.jpg")
    expected = "wide.jpg: 12000 x 1500 pixels, looked at in 4096 x 512"
    until(lambda: words(browser, "status") == expected, expected)


def test_the_camera_is_drawn_on(browser: Any, address: str, shared: Path) -> None:
    allow_camera(browser, address, "granted")
    opened(browser, address)
    browser.find_element("id", "webcam").click()
    until(lambda: "fps" in words(browser, "speed"), "the speed")
    assert browser.find_element("id", "mirror").is_selected()
    save_screenshot(browser, "webcam_1280")
    with narrow(browser):
        save_screenshot(browser, "webcam_390")
    browser.find_element("id", "stop").click()
    until(lambda: not browser.find_element("id", "stop").is_displayed(), "the end")
    script = "return document.getElementById('view').getContext('2d')"
    seen = browser.execute_script(
        f"return [...{script.removeprefix('return ')}.getImageData(0, 0, 320, 240).data]"
    )
    assert np.std(seen) > 20


# Compares what the page copies of a frame with what a canvas shows of it.
COMPARE_COPIES = """
window.copies = { count: 0, difference: 0 };
const copyTo = VideoFrame.prototype.copyTo;
VideoFrame.prototype.copyTo = async function (pixels, options) {
  const layout = await copyTo.call(this, pixels, options);
  const { width, height } = this.visibleRect;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(this, 0, 0);
  const drawn = context.getImageData(0, 0, width, height).data;
  copies.count++;
  for (let i = 0; i < drawn.length; i++) {
    copies.difference = Math.max(copies.difference, Math.abs(drawn[i] - pixels[i]));
  }
  return layout;
};
"""


@pytest.mark.parametrize(
    ("before", "copied"),
    [
        ("", True),
        ("Object.defineProperty(VideoFrame.prototype, 'rotation', { get: () => 180 });", False),
        ("VideoFrame.prototype.copyTo = () => Promise.reject(new Error('no RGBA'));", False),
    ],
    ids=["as shown", "rotated", "refused"],
)
def test_a_frame_is_copied_as_it_is_shown(
    browser: Any, address: str, before: str, copied: bool
) -> None:
    allow_camera(browser, address, "granted")
    opened(browser, address, COMPARE_COPIES + before)
    browser.find_element("id", "webcam").click()
    until(lambda: "fps" in words(browser, "speed"), "the speed")
    browser.find_element("id", "stop").click()
    found = browser.execute_script("return window.copies")
    assert (found["count"] > 0) == copied and found["difference"] <= 2


def test_a_gpu_is_used_only_if_it_finds_the_same(browser: Any, address: str) -> None:
    # This browser has no GPU; the page asks for one and goes on without it.
    opened(browser, address, query="?gpu=1")
    assert "(1 thread)" in words(browser, "speed")
    browser.get(address + "blank.html")
    found = answer_of(
        browser,
        """
        const model = await pose.PoseModel.open("/", { gpu: true, threads: 1 });
        const pixels = new Uint8Array(model.size[0] * model.size[1] * 3);
        const processor = model._compiled, found = [];
        for (const fault of [0.1, NaN, 0]) {
          let deleted = 0, lost = false;
          model._gpu = {
            run: async (input) => {
              if (lost) throw new Error("lost");
              const [output] = await processor.run(input);
              const data = (await output.data()).map((value, i) => value + (i === 7 ? fault : 0));
              return [{ data: async () => data, delete: () => output.delete() }];
            },
            delete: () => deleted++,
          };
          const expected = await model.findInCrop(pixels);
          found.push([model.device, deleted]);
          lost = true;
          const later = await model.findInCrop(pixels);
          found.push([model.device, deleted, String(later) === String(expected)]);
        }
        return found;
        """,
    )
    without = [["1 thread", 1], ["1 thread", 1, True]]
    assert found == [*without, *without, ["GPU", 0], ["1 thread", 1, True]]


def allow_camera(browser: Any, address: str, setting: str) -> None:
    settings = {"origin": address, "permission": {"name": "camera"}, "setting": setting}
    browser.execute_cdp_cmd("Browser.setPermission", settings)


def failing_camera(error: str) -> str:
    return (
        "navigator.mediaDevices.getUserMedia = () => "
        f"Promise.reject(new DOMException('as a test says', '{error}'))"
    )


@pytest.mark.parametrize(
    ("before", "message"),
    [
        (None, "The camera was refused."),
        (failing_camera("NotFoundError"), "There is no camera."),
        (failing_camera("NotReadableError"), "The camera is taken"),
        ("delete Navigator.prototype.mediaDevices", "Browsers give the camera only to pages from"),
    ],
)
def test_a_camera_that_cannot_be_had_is_told(
    browser: Any, address: str, before: str | None, message: str
) -> None:
    allow_camera(browser, address, "denied")
    opened(browser, address, before or "")
    browser.find_element("id", "webcam").click()
    assert complaint(browser).startswith(message)
    if before is None:
        save_screenshot(browser, "refused_1280")
        with narrow(browser):
            save_screenshot(browser, "refused_390")


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("delete globalThis.WebAssembly", "This browser has no WebAssembly"),
        (
            "WebAssembly.instantiateStreaming = () => Promise.reject(new RangeError('no room'))",
            "LiteRT.js cannot be loaded (no room). It may be damaged, or need more memory",
        ),
    ],
)
def test_a_browser_that_cannot_run_the_model_is_told(
    browser: Any, address: str, before: str, message: str
) -> None:
    opened(browser, address, before)
    assert complaint(browser).startswith(message)


def test_an_incomplete_or_damaged_folder_is_told(
    browser: Any, address: str, site: ExportedSite
) -> None:
    model = site.path / "model.tflite"
    whole = model.read_bytes()
    try:
        model.write_bytes(whole[: len(whole) // 2])
        opened(browser, address)
        assert complaint(browser).startswith("model.tflite is damaged")
        model.unlink()
        opened(browser, address)
        assert complaint(browser).startswith("/model.tflite is not on the server (status 404)")
    finally:
        model.write_bytes(whole)


def test_a_page_opened_as_a_file_says_what_to_do(browser: Any, site: ExportedSite) -> None:
    browser.get((site.path / "index.html").as_uri())
    message = until(lambda: browser.find_element("id", "message").text, "the message")
    assert "python -m http.server" in message and "file://" in message
    save_screenshot(browser, "file_1280")
