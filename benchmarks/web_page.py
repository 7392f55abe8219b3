"""How fast an exported page is in headless Chromium, beside ONNX Runtime on the same machine.

    python benchmarks/web_page.py SITE MODEL.onnx [--video VIDEO.mp4] [--rounds 5] [--seconds 5]

SITE is a folder of `simplebase export --format web`, MODEL.onnx the same model as ONNX. Prints,
with one thread and with two: the time of the model in the page and in ONNX Runtime, which take
turns, the least of all runs; the time from opening the address to the first picture with its
skeleton; and frames per second of the webcam, which shows VIDEO, with the parts of a frame.
"""

import argparse
import functools
import json
import shutil
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from selenium import webdriver

RUNS = 60
FRAMES = 150
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--window-size=1280,1000",
)
MODEL_MS = """
const done = arguments[arguments.length - 1];
(async () => {
  const { PoseModel } = await import("/pose.js");
  globalThis.model ??= await PoseModel.open("/", { threads: arguments[0] });
  const pixels = new Uint8Array(model.size[0] * model.size[1] * 3).fill(120);
  const times = [];
  for (let i = 0; i < arguments[1]; i++) {
    model._input.set(pixels);
    const started = performance.now();
    await model._heatmaps();
    times.push(performance.now() - started);
  }
  return [model.device, Math.min(...times)];
})().then(done, (error) => done([String(error), NaN]));
"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the folder with the headers that threads need."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}

    def end_headers(self) -> None:
        """Adds the headers."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Logs nothing."""


def camera_file(video: Path, folder: Path) -> Path:
    """Writes the first frames of a video as the file that a fake camera shows."""
    capture = cv2.VideoCapture(str(video))
    parts: list[bytes] = []
    while len(parts) < FRAMES:
        is_frame, frame = capture.read()
        if not is_frame:
            break
        parts.append(cv2.imencode(".jpg", cv2.resize(frame, (640, 480)))[1].tobytes())
    path = folder / "camera.mjpeg"
    path.write_bytes(b"".join(parts))
    return path


def native_ms(session: onnxruntime.InferenceSession) -> float:
    """The least milliseconds of ONNX Runtime."""
    [port] = session.get_inputs()
    shape = [side if isinstance(side, int) else 1 for side in port.shape]
    image, times = np.full(shape, 120, np.float32), []
    for _ in range(RUNS):
        started = time.perf_counter()
        session.run(None, {port.name: image})
        times.append(time.perf_counter() - started)
    return min(times) * 1e3


def opening_seconds(driver: Any, address: str) -> float:
    """Seconds from the request to the first picture with its skeleton."""
    started = time.perf_counter()
    driver.get(address)
    while not driver.execute_script("return document.body.dataset.ready"):
        time.sleep(0.01)
    return time.perf_counter() - started


def webcam_speed(driver: Any, seconds: float) -> str:
    """What the page says of its speed after a while of the webcam."""
    driver.find_element("id", "webcam").click()
    time.sleep(seconds)
    return str(driver.find_element("id", "speed").text)


def main() -> None:
    """Parses the command line and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(options.site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as private:
        folder = Path(private)
        flags = [*_FLAGS, f"--user-data-dir={folder / 'profile'}"]
        if options.video is not None:
            camera = camera_file(options.video, folder)
            flags.append(f"--use-file-for-fake-video-capture={camera}")
        chrome = webdriver.ChromeOptions()
        chrome.binary_location = str(shutil.which("chromium"))
        for flag in flags:
            chrome.add_argument(flag)
        service = webdriver.ChromeService(str(shutil.which("chromedriver")))
        driver = webdriver.Chrome(chrome, service)
        driver.set_script_timeout(300)
        try:
            for threads in (1, 2):
                measure(driver, address, threads, options)
        finally:
            driver.quit()
            server.shutdown()


def measure(driver: Any, address: str, threads: int, options: argparse.Namespace) -> None:
    """Prints the figures with a number of threads."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(options.onnx, settings)
    opening = min(opening_seconds(driver, f"{address}?threads={threads}") for _ in range(3))
    page, native, device = [], [], ""
    # A page of the same origin without a model: a page can have LiteRT.js once.
    driver.get(f"{address}empty")
    for _ in range(options.rounds):
        device, least = driver.execute_async_script(MODEL_MS, threads, RUNS)
        if least is None:
            raise SystemExit(device)
        page.append(least)
        native.append(native_ms(session))
    row = {
        "threads": threads,
        "device": device,
        "page_ms": round(min(page), 1),
        "native_ms": round(min(native), 1),
        "ratio": round(min(page) / min(native), 2),
        "opening_s": round(opening, 2),
    }
    if options.video is not None:
        driver.get(f"{address}?threads={threads}")
        while not driver.execute_script("return document.body.dataset.ready"):
            time.sleep(0.1)
        row["webcam"] = webcam_speed(driver, options.seconds)
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
