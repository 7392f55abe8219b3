"""docs/serving.md: its commands, requests and configuration fit what `export` writes."""

import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from tiny_runs import one_layer_network

import simplebase
from simplebase import SimpleBaseline, load_skeleton, read_image
from simplebase.cli import main

# The files are exported once.
pytestmark = pytest.mark.xdist_group("serving_page")

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
SIZE = (256, 192)
SAVED_MODEL, ONNX = Path("models/cows/1"), Path("repository/cows/1/model.onnx")
TRITON_TYPES = {"TYPE_FP32": "tensor(float)", "TYPE_UINT8": "tensor(uint8)"}

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def block(text: str, language: str) -> str:
    return text.partition(f"```{language}\n")[2].partition("\n```")[0]


@pytest.fixture(scope="module")
def exported(figures_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `cows.keras`, and what the commands of the page write."""
    folder = tmp_path_factory.mktemp("serving")
    with one_layer_network() as preset:
        model = SimpleBaseline.from_preset(
            preset, skeleton=load_skeleton("mpii"), input_size=SIZE, backbone_weights="none"
        )
    model.save(folder / "cows.keras")
    (folder / "photo.jpg").symlink_to(next((figures_folder / "images").iterdir()))
    commands = re.findall("^simplebase (export .*)$", PAGE, re.M)
    assert len(commands) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in commands:
            # Fewer images to compare with, so that it takes seconds.
            fewer = ["--calibration", str(figures_folder), "--images", "4"]
            patch.setattr("sys.argv", ["simplebase", *shlex.split(command), *fewer])
            with pytest.raises(SystemExit) as end:
                main()
            assert not end.value.code
    return folder


def tensorflow_serving(body: dict[str, Any]) -> dict[str, Any]:
    """As its REST API answers `inputs`: https://www.tensorflow.org/tfx/serving/api_rest."""
    signature = tf.saved_model.load(str(SAVED_MODEL)).signatures[body["signature_name"]]
    wanted = signature.structured_input_signature[1]
    assert body["inputs"].keys() == wanted.keys()
    inputs = {name: tf.constant(body["inputs"][name], spec.dtype) for name, spec in wanted.items()}
    outputs = {name: value.numpy().tolist() for name, value in signature(**inputs).items()}
    return {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}


def triton(body: dict[str, Any]) -> dict[str, Any]:
    """As the Open Inference Protocol answers."""
    session = onnxruntime.InferenceSession(ONNX)
    inputs = {
        each["name"]: np.array(each["data"], {"FP32": np.float32}[each["datatype"]]).reshape(
            each["shape"]
        )
        for each in body["inputs"]
    }
    names = [each.name for each in session.get_outputs()]
    return {
        "outputs": [
            {"name": name, "datatype": "FP32", "shape": value.shape, "data": value.ravel().tolist()}
            for name, value in zip(names, session.run(names, inputs), strict=True)
        ]
    }


@contextmanager
def serving(path: str, answer: Answer) -> Iterator[str]:
    """The address of a server that answers requests to `path`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = self.path == path and self.headers["Content-Type"] == "application/json"
            content = json.dumps(answer(body)).encode() if known else b""
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("title", "path", "answer"),
    [
        ("TensorFlow Serving", "/v1/models/cows:predict", tensorflow_serving),
        ("Triton", "/v2/models/cows/infer", triton),
    ],
)
def test_the_request_of_the_page_is_answered_with_the_models_keypoints(
    title: str, path: str, answer: Answer, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exported)
    program = block(section(title), "python")
    with serving(path, answer) as address:
        program = re.sub(r"http://localhost:\d+", address, program)
        names: dict[str, Any] = {}
        exec(compile(program, title, "exec"), names)
    (expected,) = simplebase.load("cows.keras")(read_image("photo.jpg"))
    np.testing.assert_allclose(names["keypoints"][0], expected.keypoints, atol=0.01)


def test_the_table_and_tritons_configuration_are_those_of_the_files(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exported)
    rows = re.findall(r"^\| (?:input|output) \| `(\w+)` \| (\w+) \| `\((.*?)\)`", PAGE, re.M)
    table = {name: (dtype, shape.split(", ")) for name, dtype, shape in rows}
    signature = tf.saved_model.load(str(SAVED_MODEL)).signatures["serving_default"]
    specs = {**signature.structured_input_signature[1], **signature.structured_outputs}
    assert table == {
        name: (spec.dtype.name, ["batch" if side is None else str(side) for side in spec.shape])
        for name, spec in specs.items()
    }
    config = block(section("Triton"), "protobuf")
    assert 'platform: "onnxruntime_onnx"' in config and 'name: "cows"' in config
    batched = int(re.search(r"max_batch_size: (\d+)", config)[1]) > 0  # type: ignore[index]
    session = onnxruntime.InferenceSession(ONNX)
    for what, ends in (("input", session.get_inputs()), ("output", session.get_outputs())):
        written = re.search(rf"^{what} \[(.*?)^\]", config, re.M | re.S)
        assert written is not None
        tensors = re.findall(
            r'name: "(\w+)"\s+data_type: (\w+)\s+dims: \[ ([\d, ]+) \]', written[1]
        )
        assert [
            (name, TRITON_TYPES[dtype], [int(side) for side in dims.split(",")])
            for name, dtype, dims in tensors
        ] == [(end.name, end.type, end.shape[1:]) for end in ends]
        # A fixed batch would need `max_batch_size: 0`, and its size in `dims`.
        assert batched == all(not isinstance(end.shape[0], int) for end in ends)
