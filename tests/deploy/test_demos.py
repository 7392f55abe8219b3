"""The C++ demos find what Python finds, draw it, and say what is wrong with their input."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from artifacts import SIZE, Artifacts
from deploy_programs import Programs

from simplebase import load, read_image
from simplebase.export.export_settings import ExportSettings
from simplebase.export.graph import ExportGraph
from simplebase.metadata import OUTPUTS, write_metadata
from simplebase.pose import Box

FLOAT = ("float.tflite", "float16.tflite", "float.mnn", "nchw.mnn", "float.onnx", "nchw.onnx")
EIGHT_BITS = ("uint8.tflite", "int8.tflite", "weights.mnn")
TOLERANCE = {**dict.fromkeys(FLOAT, 0.05), **dict.fromkeys(EIGHT_BITS, 0.5)}
BOXES: list[Box] = [(20.0, 10.0, 90.5, 120.0), (-15.0, 40.0, 100.0, 60.0)]


EXPORTED = {
    "both.tflite": ("litert", "none", "both"),
    "keypoints_int8.tflite": ("litert", "int8", "keypoints"),
    "int8.mnn": ("mnn", "int8", "heatmaps"),
    "both.mnn": ("mnn", "none", "both"),
    "keypoints.mnn": ("mnn", "none", "keypoints"),
    "both.onnx": ("onnx", "none", "both"),
    "keypoints.onnx": ("onnx", "none", "keypoints"),
}


def exported(artifacts: Artifacts, name: str) -> Path:
    """The model as `simplebase export` writes it, without its comparison."""
    path = artifacts.folder / f"exported_{name}"
    if not path.exists():
        format, quantization, outputs = EXPORTED[name]
        settings = ExportSettings(format, quantization, outputs)
        graph = ExportGraph(artifacts.model, OUTPUTS[outputs])
        write = importlib.import_module(f"simplebase.export.{format}").write
        write(graph, path, settings, artifacts.images)
        write_metadata(path, graph.metadata)
    return path


def model_of(artifacts: Artifacts, name: str) -> Path:
    """The model in the format `name`; besides those of `artifacts`, MNN with 8-bit weights."""
    if name != "weights.mnn":
        return artifacts.path(name)
    path = artifacts.folder / name
    if not path.exists():
        code = "import _tools, sys; _tools.mnnconvert(sys.argv)"
        source = artifacts.path("float.onnx")
        arguments = ["-f", "ONNX", "--modelFile", source, "--MNNModel", path, "--bizCode", "test"]
        command = [sys.executable, "-c", code, *arguments, "--weightQuantBits", "8"]
        subprocess.run(command, check=True, capture_output=True)
        write_metadata(path, artifacts.metadata)
    return path


def found_by_python(model: Path, image: Path, boxes: list[Box] | None) -> list[np.ndarray]:
    return [pose.keypoints for pose in load(model)(read_image(image), boxes)]


def found_by_demo(
    programs: Programs, model: Path, image: Path, boxes: list[Box] | None, *words: object
) -> list[np.ndarray]:
    given = [] if boxes is None else ["--boxes", *(",".join(map(str, box)) for box in boxes)]
    done = programs.demo(model, "-i", image, "--json", "-w", 0, *given, *words)
    assert (done.returncode, done.stderr) == (0, "")
    poses = json.loads(done.stdout)["poses"]
    return [
        np.array([[point["x"], point["y"], point["score"]] for point in pose["keypoints"]])
        for pose in poses
    ]


@pytest.mark.parametrize("name", TOLERANCE)
@pytest.mark.parametrize("boxes", [None, BOXES], ids=["whole image", "boxes"])
def test_keypoints_are_those_of_python(
    programs: Programs,
    artifacts: Artifacts,
    photographs: list[Path],
    name: str,
    boxes: list[Box] | None,
) -> None:
    model = model_of(artifacts, name)
    for image in photographs:
        expected = found_by_python(model, image, boxes)
        found = found_by_demo(programs, model, image, boxes)
        for one, other in zip(found, expected, strict=True):
            distance = np.linalg.norm(one[:, :2] - other[:, :2], axis=1)
            assert distance.max() <= TOLERANCE[name], image
            np.testing.assert_allclose(one[:, 2], other[:, 2], atol=0.01)


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_files_answer_with_what_their_metadata_says(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], name: str
) -> None:
    model = exported(artifacts, name)
    expected = found_by_python(model, photographs[0], None)[0]
    found = found_by_demo(programs, model, photographs[0], None)[0]
    tolerance = 0.5 if "int8" in name else 0.05
    np.testing.assert_allclose(found[:, :2], expected[:, :2], rtol=0, atol=tolerance)
    done = programs.demo(model, "-i", photographs[0], "--decode", "argmax")
    assert done.returncode == (2 if name.startswith("keypoints") else 0)


@pytest.mark.parametrize("method", ["argmax", "quarter"])
def test_other_ways_to_decode_are_those_of_python(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], method: str
) -> None:
    model = artifacts.path("float.onnx")
    expected = load(model, method)(read_image(photographs[0]))[0].keypoints
    found = found_by_demo(programs, model, photographs[0], None, "--decode", method)[0]
    np.testing.assert_allclose(found[:, :2], expected[:, :2], atol=0.05)


@pytest.mark.parametrize("name", ["float.tflite", "float.mnn", "float.onnx"])
def test_upstreams_example_line_works(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], tmp_path: Path, name: str
) -> None:
    names = [f"joint {index}" for index in range(artifacts.metadata.skeleton.num_keypoints)]
    classes = tmp_path / "classes.txt"
    classes.write_text("\n".join(names) + "\n")
    words = ("-i", photographs[0], "-l", classes, "-t", 8, "-c", 10, "-w", 3)
    done = programs.demo(artifacts.path(name), *words)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    keypoints = found_by_python(artifacts.path(name), photographs[0], None)[0]
    assert len(lines) == 7 + len(names)
    for line, joint, (x, y, score) in zip(lines[-len(names) :], names, keypoints, strict=True):
        text, place = line.split(" (")
        assert text.startswith(f"{joint} ")
        assert float(text.rsplit(" ", 1)[1]) == pytest.approx(score, abs=1e-3)
        assert [float(part) for part in place[:-1].split(", ")] == pytest.approx([x, y], abs=0.05)


def test_the_drawing_leaves_out_what_the_model_recommends_to_leave_out(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], tmp_path: Path
) -> None:
    good = artifacts.path("float.onnx")
    model = tmp_path / good.name
    model.write_bytes(good.read_bytes())
    write_metadata(model, replace(artifacts.metadata, min_score=1.0))
    recommended, same, every = (tmp_path / f"{name}.png" for name in ("own", "same", "every"))
    found_by_demo(programs, model, photographs[0], None, "--output", recommended)
    found_by_demo(programs, good, photographs[0], None, "--output", same, "--min-score", 1)
    found_by_demo(programs, model, photographs[0], None, "--output", every, "--min-score", 0)
    np.testing.assert_array_equal(read_image(recommended), read_image(same))
    assert (read_image(every) != read_image(recommended)).any()


def test_the_skeleton_is_drawn_where_the_keypoints_are(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], tmp_path: Path
) -> None:
    model, image = artifacts.path("float.onnx"), photographs[0]
    output = tmp_path / "pose.png"
    found = found_by_demo(programs, model, image, None, "--output", output, "--min-score", 0)[0]
    before, after = read_image(image), read_image(output)
    assert after.shape == before.shape
    height, width = before.shape[:2]
    inside = [k for k, (x, y, _) in enumerate(found) if 0 <= x < width - 1 and 0 <= y < height - 1]
    # The last dot lies above all else. It has the colour of the last link that it begins, or else
    # ends.
    top = inside[-1]
    skeleton = artifacts.metadata.skeleton
    name, links = skeleton.keypoints[top], skeleton.links
    ending = [link.rgb for link in links if link.end == name]
    beginning = [link.rgb for link in links if link.start == name]
    x, y = found[top, :2].round().astype(int)
    assert tuple(after[y, x]) == (ending + beginning)[-1]
    unchanged = (after == before).all(axis=-1).mean()
    assert 0.5 < unchanged < 1


def test_an_output_is_overwritten_only_when_told(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], tmp_path: Path
) -> None:
    output = tmp_path / "pose.jpg"
    output.write_text("mine")
    words = ("-i", photographs[0], "--output", output)
    done = programs.demo(artifacts.path("float.onnx"), *words)
    assert done.returncode == 1
    assert "--overwrite" in done.stderr
    assert output.read_text() == "mine"
    assert programs.demo(artifacts.path("float.onnx"), *words, "--overwrite").returncode == 0
    assert read_image(output).shape == read_image(photographs[0]).shape


def damaged(folder: Path, source: Path, name: str, size: int) -> Path:
    """A copy of a file under another name that ends after `size` bytes."""
    path = folder / name
    path.write_bytes(source.read_bytes()[:size])
    return path


@pytest.mark.parametrize("model", ["float.tflite", "float.mnn", "float.onnx"])
def test_bad_input_is_a_sentence_and_an_exit_code(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], tmp_path: Path, model: str
) -> None:
    good, image = artifacts.path(model), photographs[0]
    classes = tmp_path / "classes.txt"
    classes.write_text("one\ntwo\n")
    cases = [
        (1, "does not exist", ("-i", tmp_path / "none.jpg")),
        (1, "is no file", ("-i", tmp_path)),
        (1, "neither JPEG", ("-i", classes)),
        (1, "cut off", ("-i", damaged(tmp_path, image, "cut.jpg", 3000))),
        (1, "neither JPEG", ("-i", damaged(tmp_path, image, "empty.jpg", 0))),
        (1, "2 names", ("-i", image, "-l", classes)),
        (1, "outside of the image", ("-i", image, "--boxes", "100000,0,10,10")),
        (1, "above 0", ("-i", image, "--boxes", "0,0,10,0")),
        (1, "could not be written", ("-i", image, "--output", tmp_path / "none" / "a.jpg")),
        (2, ".jpg", ("-i", image, "--output", tmp_path / "a.gif")),
        (2, "x,y,width,height", ("-i", image, "--boxes", "0,0,10")),
        (2, "must be a number", ("-i", image, "-t", "many")),
        (2, "--image", ()),
    ]
    for code, part, words in cases:
        done = programs.demo(good, *words)
        assert part in done.stderr, words
        assert (done.returncode, done.stderr.count("\n"), done.stdout) == (code, 1, ""), words


@pytest.mark.parametrize("name", ["float.tflite", "float.mnn", "float.onnx"])
def test_a_model_that_is_none_or_does_not_fit_is_an_error(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], tmp_path: Path, name: str
) -> None:
    good = artifacts.path(name)
    others = {"float.tflite": "float.onnx", "float.mnn": "float.tflite", "float.onnx": "float.mnn"}
    metadata = artifacts.metadata
    cases = {
        "cut": good.read_bytes()[: good.stat().st_size // 2],
        "empty": b"",
        "other format": artifacts.path(others[name]).read_bytes(),
        "text": b"a model, trust me\n" * 100,
    }
    for case, content in cases.items():
        path = tmp_path / f"{case}{good.suffix}"
        path.write_bytes(content)
        write_metadata(path, metadata)
        done = programs.demo(path, "-i", photographs[0])
        assert (done.returncode, done.stdout) == (1, ""), case
        assert str(path) in done.stderr, case
    path = tmp_path / f"alone{good.suffix}"
    path.write_bytes(good.read_bytes())
    done = programs.demo(path, "-i", photographs[0])
    assert (done.returncode, f"{path}.json does not exist" in done.stderr) == (1, True)
    sidecar = json.loads(good.with_name(f"{good.name}.json").read_text())
    sidecar["input_size"] = [SIZE[1], SIZE[0]]
    path.with_name(f"{path.name}.json").write_text(json.dumps(sidecar))
    done = programs.demo(path, "-i", photographs[0])
    assert (done.returncode, "of the same model" in done.stderr) == (1, True)


def test_a_greyscale_png_serves_as_well(
    programs: Programs, artifacts: Artifacts, photographs: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), cv2.imread(str(photographs[0]), cv2.IMREAD_GRAYSCALE))
    model = artifacts.path("float.tflite")
    expected = found_by_python(model, path, None)[0]
    found = found_by_demo(programs, model, path, None)[0]
    np.testing.assert_allclose(found[:, :2], expected[:, :2], atol=0.05)
