"""Time and memory in which the command line starts and uses an exported file.

python benchmarks/start_up.py [OTHER_CHECKOUT]

Exports a model of random weights as int8 TFLite, ONNX and MNN. Each job then runs seven times, with
those of another checkout in turns, and the least of each figure is printed. On a busy machine
processor time says more than wall time. The first jobs are what no command can do without: NumPy
and OpenCV, and a photograph through the bare runtime.
"""

import contextlib
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
RUNS = 7
MODELS = ("m.tflite", "m.onnx", "m.mnn")
BARE = """
import cv2
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter("m.tflite", num_threads=2)
interpreter.allocate_tensors()
[image, *_], [heatmaps, *_] = interpreter.get_input_details(), interpreter.get_output_details()
interpreter.set_tensor(image["index"], cv2.resize(cv2.imread("photo.jpg"), (256, 256))[None])
interpreter.invoke()
interpreter.get_tensor(heatmaps["index"])
"""
COMMAND = ("-m", "simplebase")
JOBS = {
    "import numpy, cv2": ("-c", "import numpy, cv2"),
    "bare runtime, m.tflite": ("-c", BARE),
    "import simplebase": ("-c", "import simplebase"),
    "--help": (*COMMAND, "--help"),
} | {
    f"{command} {model}": (*COMMAND, command, *options, model)
    for command, *options in (
        ("demo", "--input", "photo.jpg", "--output", "pose.jpg", "--overwrite", "--model"),
        ("inspect",),
        ("eval", "--dataset", "figures"),
    )
    for model in MODELS
}
SERVE = (*COMMAND, "demo", "--input", "clip.mp4", "--serve", "0", "--model", "m.tflite")


class Cost(NamedTuple):
    """Of a process: seconds until its answer, seconds of all cores, and peak memory in MiB."""

    wall: float
    processor: float
    memory: float


def main() -> None:
    """Prints a row a job, with the figures of each checkout."""
    checkouts = [*map(Path, sys.argv[1:2]), ROOT]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In another process: the peak memory of a child is at least that of its parent.
        preparation = multiprocessing.get_context("spawn").Process(target=prepare, args=(folder,))
        preparation.start()
        preparation.join()
        print(f"{'':24}" + "".join(f"{str(each):>28}" for each in checkouts))
        print(f"{'':24}" + f"{'wall s':>12}{'CPU s':>8}{'MiB':>8}" * len(checkouts))
        for title, arguments in (JOBS | {"demo --serve, picture": SERVE}).items():
            least = cheapest(arguments, folder, checkouts)
            figures = "".join(f"{c.wall:12.2f}{c.processor:8.2f}{c.memory:8.0f}" for c in least)
            print(f"{title:24}{figures}", flush=True)


def prepare(folder: Path) -> None:
    """Writes the models, a dataset of 20 validation images, a photograph and a video."""
    import cv2

    from simplebase import SimpleBaseline, load_dataset, load_skeleton, read_image, synthesize
    from simplebase.export import Exporter, ExportSettings

    synthesize(folder / "figures", count=100)
    photo = sorted((folder / "figures" / "images").iterdir())[0]
    shutil.copy(photo, folder / "photo.jpg")
    image = read_image(photo)
    size = image.shape[1], image.shape[0]
    video = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, size)
    for _ in range(250):
        video.write(image)
    video.release()
    warnings.simplefilter("ignore")
    model = SimpleBaseline.from_preset(
        "mobilenetv2_upsample_lite", skeleton=load_skeleton("mpii"), backbone_weights="none"
    )
    model.save(folder / "m.keras")
    exporter = Exporter(folder / "m.keras", load_dataset(folder / "figures"), images=20)
    settings = ExportSettings("litert", "int8"), ExportSettings("onnx"), ExportSettings("mnn")
    for name, each in zip(MODELS, settings, strict=True):
        exporter.export(folder / name, each)


def cheapest(arguments: Sequence[str], folder: Path, checkouts: Sequence[Path]) -> list[Cost]:
    """The least of each figure for each checkout."""
    # The first run writes the bytecode that an installed package comes with.
    costs = [[run(arguments, folder, each) for each in checkouts] for _ in range(1 + RUNS)][1:]
    return [Cost(*map(min, zip(*of_one, strict=True))) for of_one in zip(*costs, strict=True)]


def run(arguments: Sequence[str], folder: Path, checkout: Path) -> Cost:
    """Starts Python in `folder` with the package of a checkout, and waits for its answer."""
    environment = os.environ | {
        "PYTHONPATH": str(checkout.absolute()),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    if "--serve" in arguments:
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None
        with urllib.request.urlopen(f"{address[0]}/picture.jpg") as picture:
            picture.read()
        wall = time.perf_counter() - started
        process.terminate()
    with contextlib.closing(process.stdout):
        process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    if "--serve" not in arguments:
        wall = time.perf_counter() - started
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
