"""The C++ demos' time beside Python's, by the same library on the same threads.

    python benchmarks/deploy_demo.py BUILD MODEL ... [--threads 1] [--rounds 7]

BUILD is the folder of a build of deploy/. For each model (.tflite, .mnn, .onnx) it prints the
model's time in both, and what the demo needs besides the model for a JPEG of 640x480: reading it,
cropping, decoding. Programs and Python take turns, and the fastest round of each counts, so that
whatever else the machine does falls on both.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from simplebase.images import write_image
from simplebase.inference import cut_out
from simplebase.runtimes import Runtime, load_runtime

PROGRAMS = {".tflite": "simplebase_litert", ".mnn": "simplebase_mnn", ".onnx": "simplebase_onnx"}
RUNS = 50


def photograph(path: Path) -> np.ndarray:
    """Writes a 640x480 JPEG with the detail of a photograph; returns its pixels."""
    random = np.random.default_rng(0)
    image = sum(
        cv2.resize(random.normal(0, 3 * scale, (480 // scale, 640 // scale, 3)), (640, 480))
        for scale in (2, 8, 32)
    )
    pixels = np.clip(image + 128, 0, 255).astype(np.uint8)
    write_image(path, pixels, overwrite=True)
    return pixels


def demo_times(build: Path, model: Path, image: Path, threads: int) -> dict[str, float]:
    """Milliseconds of the parts of one run of the demo."""
    words = ["-m", str(model), "-i", str(image), "-t", str(threads)]
    words += ["-c", str(RUNS), "-w", "10", "--json"]
    done = subprocess.run(
        [build / PROGRAMS[model.suffix], *words], capture_output=True, text=True, check=True
    )
    times: dict[str, float] = json.loads(done.stdout)["milliseconds"]
    return times


def python_time(runtime: Runtime, crops: np.ndarray) -> float:
    """Milliseconds of the model in Python, image in and heatmaps out."""
    for _ in range(10):
        runtime.predict(crops)
    started = time.perf_counter()
    for _ in range(RUNS):
        runtime.predict(crops)
    return (time.perf_counter() - started) / RUNS * 1000


def main() -> None:
    """Prints a line a model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{'model':24} {'demo':>9} {'Python':>9} {'ratio':>6}   besides the model")
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "photograph.jpg"
        pixels = photograph(image)
        for model in arguments.models:
            runtime = load_runtime(model, arguments.threads)
            crops = cut_out(pixels, [(0.0, 0.0, 640.0, 480.0)], runtime.metadata)[0]
            demo, python = [], []
            for _ in range(arguments.rounds):
                demo.append(demo_times(arguments.build, model, image, arguments.threads))
                python.append(python_time(runtime, crops))
            fastest = {part: min(times[part] for times in demo) for part in demo[0]}
            besides = fastest["read"] + fastest["crop"] + fastest["decode"]
            parts = ", ".join(f"{part} {fastest[part]:.2f}" for part in ("read", "crop", "decode"))
            print(
                f"{model.name:24} {fastest['model']:6.2f} ms {min(python):6.2f} ms "
                f"{fastest['model'] / min(python):6.2f}   {besides:.2f} ms ({parts})",
                flush=True,
            )


if __name__ == "__main__":
    main()
