"""Everything that simplebase does, once, on a tiny network: run under `strace` by a test.

Usage: python whole_job.py FOLDER
"""

import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

from artifacts import Artifacts
from model_checks import OneLayerBackbone

from simplebase import cli, load_dataset, synthesize
from simplebase.backbones import BACKBONES
from simplebase.export import Exporter, ExportSettings

# The exit code of a command that is stopped.
_CTRL_C = 130

EXPORTS = {
    "m.tflite": ExportSettings("litert"),
    "m_weights.tflite": ExportSettings("litert", "weights"),
    "m.onnx": ExportSettings("onnx"),
    "m_int8.onnx": ExportSettings("onnx", "int8"),
    "m.mnn": ExportSettings("mnn"),
    "m_int8.mnn": ExportSettings("mnn", "int8"),
    "m_saved_model": ExportSettings("saved-model"),
    "m.pb": ExportSettings("frozen-graph"),
}


def command(*words: object, ends_with: tuple[int, ...] = (0,)) -> None:
    """Runs the command line in this process: a new one would import TensorFlow anew."""
    sys.argv = ["simplebase", *map(str, words)]
    try:
        cli.main()
    except SystemExit as end:
        if (end.code or 0) not in ends_with:
            raise RuntimeError(f"{sys.argv}: exit code {end.code}") from end


def main(folder: Path) -> None:
    data = synthesize(folder / "data", count=16)
    train(folder, data)
    models = export(folder, data)
    image = folder / "image.png"
    image.write_bytes(next((data / "images").iterdir()).read_bytes())
    for number, model in enumerate(model for model in models if "_int8" not in model.name):
        output = folder / f"pose_{number}.png"
        command("demo", "--model", model, "--input", image, "--output", output)
        assert output.is_file()
    command("eval", models[0], "--dataset", data, "--output", folder / "eval")
    serve(models)


def train(folder: Path, data: Path) -> None:
    BACKBONES["mobilenetv2"] = OneLayerBackbone
    command(
        *("train", "--dataset", data, "--run-dir", folder / "run", "--recipe", "quick"),
        *("--backbone-weights", "none", "--input-size", "64x64"),
        *("--batch-size", 8, "--total-epoch", 1),
    )


def export(folder: Path, data: Path) -> list[Path]:
    """The model in every format that a runtime opens."""
    (folder / "models").mkdir()
    small = Artifacts(folder / "models", skeleton="mpii")
    exporter = Exporter(small.path("model.keras"), load_dataset(data))
    for name, settings in EXPORTS.items():
        exporter.export(small.folder / name, settings)
    return [small.path("model.keras"), small.path("model.h5"), *map(small.folder.joinpath, EXPORTS)]


def serve(models: list[Path]) -> None:
    """Opens the page, gets what a browser gets first, and presses Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pages: list[bytes] = []

    def visit() -> None:
        deadline = time.monotonic() + 60
        while not pages and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30) as answer:
                    pages.append(answer.read())
                # What Gradio does beside the page, it does while it starts.
                time.sleep(3)
            except OSError:
                time.sleep(0.2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    visitor = threading.Thread(target=visit)
    visitor.start()
    command("demo", "--web", "--port", port, "--model", models[0], ends_with=(0, _CTRL_C))
    visitor.join()
    assert b"simplebase demo" in pages[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
