"""The command line: what it prints, how it refuses, and that it imports nothing heavy for help."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from model_checks import OneLayerBackbone
from tiny_runs import tiny_recipe

from simplebase import load_dataset, load_model, load_preset, preset_names
from simplebase.backbones import BACKBONES
from simplebase.cli import app
from simplebase.errors import SimplebaseNote, SimplebaseWarning
from simplebase.images import read_image
from simplebase.training.runs.config import DatasetSettings, RunConfig
from simplebase.training.runs.folder import Run

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def one_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the commands are looked at and not the network, it is one that traces in a second."""
    monkeypatch.setitem(BACKBONES, "mobilenetv2", OneLayerBackbone)


@pytest.fixture
def inputs(figures_folder: Path, shallow_model_file: Path, tmp_path: Path) -> dict[str, Path]:
    """Files that the bad command lines name, some good and some broken, outside the cwd."""
    folder = tmp_path / "inputs"
    folder.mkdir()

    def damaged(name: str, file: str, text: str) -> Path:
        (folder / name / "images").mkdir(parents=True)
        for source in figures_folder.glob("*.*"):
            shutil.copy(source, folder / name)
        (folder / name / file).write_text(text)
        return folder / name

    def without(name: str, field: str) -> Path:
        records = json.loads((figures_folder / "annotations.json").read_text())
        for record in records:
            record.pop(field, None)
        return damaged(name, "annotations.json", json.dumps(records))

    def one_split(name: str, validation: float) -> Path:
        records = json.loads((figures_folder / "annotations.json").read_text())
        content = json.dumps([record | {"isValidation": validation} for record in records])
        dataset = damaged(name, "annotations.json", content)
        (dataset / "images").rmdir()
        (dataset / "images").symlink_to(figures_folder / "images")
        return dataset

    RunConfig(
        preset=load_preset("mobilenetv2_upsample_lite"),
        recipe=tiny_recipe(),
        dataset=DatasetSettings.of(load_dataset(figures_folder)),
        input_size=(64, 64),
    ).write(Run(folder / "run"))
    (folder / "run" / "checkpoints").mkdir()

    result = {"image_id": 987654, "category_id": 1, "keypoints": [1] * 48, "score": 1}
    (folder / "results.json").write_text(json.dumps([result]))
    truth = {"images": [{"id": 987654}], "annotations": []}
    truth |= {
        "categories": [{"id": 1, "name": "figure", "keypoints": [f"k{n}" for n in range(16)]}]
    }
    (folder / "truth.json").write_text(json.dumps(truth))

    video = folder / "clip.mp4"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 64))
    for _ in range(3):
        writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    assert video.stat().st_size > 0
    earlier = folder / "earlier"
    earlier.mkdir()
    (earlier / "config.yaml").write_text("earlier")
    for name in ("earlier.jpg", "earlier.json", "earlier.keras"):
        (folder / name).write_text("earlier")
    return {
        "figures": figures_folder,
        "image": figures_folder / "images" / "000000.jpg",
        "model": shallow_model_file,
        "folder": folder,
        "empty": damaged("empty", "annotations.json", ""),
        "none": damaged("none", "annotations.json", "[]"),
        "stranger": damaged("stranger", "match_point.txt", "right_ankle,tail,h\n"),
        "only_train": one_split("only_train", 0.0),
        "only_val": one_split("only_val", 1.0),
        "headless": without("headless", "headboxes"),
        "results": folder / "results.json",
        "truth": folder / "truth.json",
        "run": folder / "run",
        "video": video,
    }


BAD = {
    "a missing dataset": (
        "eval {model} --dataset absent",
        1,
        "absent: the dataset folder does not exist. Check the path.",
    ),
    "a missing dataset in training": (
        "train --dataset absent --run-dir run",
        1,
        "absent: the dataset folder does not exist. Check the path.",
    ),
    "no dataset": ("eval {model}", 2, "no dataset was given"),
    "an empty annotations.json": (
        "train --dataset {empty} --run-dir run",
        1,
        "empty/annotations.json is not valid JSON",
    ),
    "an annotations.json without records": (
        "eval {model} --dataset {none}",
        1,
        "none/annotations.json has no records",
    ),
    "another number of keypoints": (
        "train --dataset {figures} --skeleton lsp --run-dir run",
        1,
        'annotations.json, record 0 (img_paths "000000.jpg"): joint_self has 16 rows, but '
        'skeleton "lsp" has 14 keypoints',
    ),
    "an unknown keypoint in a text file": (
        "eval {model} --dataset {stranger}",
        1,
        "match_point.txt, line 1: 'tail' is not in the classes file",
    ),
    "nothing to measure": ("eval --dataset {figures}", 2, "give a model to evaluate"),
    "an unknown metric": (
        "eval {model} --dataset {figures} --metric iou",
        2,
        "a metric must be one of pck, pckh, coco-ap, epe, auc, nme, error-kinds. Received: 'iou'",
    ),
    "PCKh without head boxes": (
        "eval {model} --dataset {headless} --metric pckh",
        1,
        "none of the 8 records has headboxes",
    ),
    "a model twice": ("eval {model} {model} --dataset {figures}", 2, "is given twice"),
    "results of other images": (
        "eval --predictions {results} --dataset {figures}",
        1,
        "results.json, result 0: image_id 987654 is not among the 8 images",
    ),
    "results for a COCO file and no COCO metric": (
        "eval --predictions {results} --annotations {truth} --metric pck",
        2,
        "--metric pck needs a dataset folder: give --dataset",
    ),
    "boxes that are none": (
        "eval {model} --dataset {figures} --boxes {results} --metric coco-ap",
        1,
        "results.json, entry 0: expected image_id, category_id, bbox",
    ),
    "an evaluation folder of somebody else": (
        "eval {model} --dataset {figures} --output {figures} --overwrite",
        1,
        "is not an earlier output of this command",
    ),
    "an unknown preset": (
        "train --preset mobilenetv2_upsample_lit --dataset {figures} --run-dir run",
        2,
        "preset 'mobilenetv2_upsample_lit' does not exist. Nearest: mobilenetv2_upsample_lite",
    ),
    "an unknown preset to look at": ("presets mobilenetv2_upsample_lit", 2, "Nearest: mobilenetv2"),
    "an unknown recipe": (
        "train --recipe quik --dataset {figures} --run-dir run",
        2,
        "recipe 'quik' does not exist. Nearest: quick",
    ),
    "an unknown skeleton": (
        "eval {model} --dataset {figures} --skeleton horse",
        2,
        "skeleton 'horse' is not built in. Nearest: horse10",
    ),
    "a video for one picture": (
        "demo --model {model} --input {video} --output out.jpg",
        2,
        "clip.mp4 has 3 frames. Give a folder or an .mp4 file.",
    ),
    "a format that there is not": (
        "demo --model {model} --input {video} --output out --format gif",
        2,
        "--format must be one of image, folder, video, json, csv, labelme, coco, cvat. "
        "Received: 'gif'",
    ),
    "one format for two outputs": (
        "demo --model {model} --input {video} --output a --output b --format json",
        2,
        "--format needs exactly one --output",
    ),
    "a missing video": (
        "demo --model {model} --input absent.mp4 --output out.mp4",
        1,
        "absent.mp4: the video does not exist",
    ),
    "a camera that is not there": (
        "demo --model {model} --input 87 --output out.mp4",
        1,
        "camera 87 cannot be opened",
    ),
    "a stream that does not answer": (
        "demo --model {model} --input rtsp://127.0.0.1:9/x --output out.mp4",
        1,
        "rtsp://127.0.0.1:9/x cannot be opened: it does not respond",
    ),
    "a detector that is none": (
        "demo --model {model} --input {image} --output out.jpg --detector {image}",
        1,
        "000000.jpg is not a detector, because it is not an ONNX file.",
    ),
    "a box and a detector": (
        "demo --model {model} --input {image} --output out.jpg --box 1,1,5,5 --detector {image}",
        2,
        "give only one of --box and --detector.",
    ),
    "boxes for the demo that are none": (
        "demo --model {model} --input {image} --output out.jpg --boxes {results}",
        1,
        "results.json, the list, box 0: a box is [x, y, width, height]",
    ),
    "a way to fit that there is not": (
        "demo --model {model} --input {image} --output out.jpg --fit squeeze",
        2,
        "--fit must be one of letterbox, stretch, crop. Received: 'squeeze'",
    ),
    "a filter that there is not": (
        "demo --model {model} --input {image} --output out.jpg --smooth kalman",
        2,
        "--smooth must be one of one-euro, none. Received: 'kalman'",
    ),
    "a skeleton of another size": (
        "demo --model {model} --input {image} --output out.jpg --skeleton coco",
        1,
        "the model has 16 keypoints (mpii), but the skeleton coco has 17.",
    ),
    "an input of the browser": (
        "demo --web --input {image}",
        2,
        "--web takes images and shows results in the browser",
    ),
    "a missing image": (
        "demo --model {model} --input absent.jpg --output out.jpg",
        1,
        "absent.jpg: the image does not exist",
    ),
    "a missing model": (
        "demo --model absent.keras --input {image} --output out.jpg",
        1,
        "absent.keras: the model does not exist",
    ),
    "a model of another format": (
        "eval {image} --dataset {figures}",
        2,
        ": a model ends in .keras",
    ),
    "an output that is no image": (
        "demo --model {model} --input {image} --output out.txt",
        2,
        "out.txt: an image ends in .jpg",
    ),
    "a demo output that exists": (
        "demo --model {model} --input {image} --output {folder}/earlier.jpg",
        1,
        "earlier.jpg exists. Choose another path, or pass --overwrite.",
    ),
    "a video output that exists": (
        "demo --model {model} --input {video} --output {folder}/earlier.json",
        1,
        "earlier.json exists. Choose another path, or pass --overwrite.",
    ),
    "a JSON output that exists": (
        "eval {model} --dataset {figures} --json {folder}/earlier.json",
        1,
        "earlier.json exists",
    ),
    "a dump output that exists": (
        "dump {model} {folder}/earlier.keras",
        1,
        "earlier.keras exists",
    ),
    "a dataset output that exists": (
        "data synthesize {folder}/earlier --count 5",
        1,
        "earlier exists",
    ),
    "a run folder that exists": (
        "train --dataset {figures} --input-size 64x64 --batch-size 8 --backbone-weights none "
        "--run-dir {folder}/earlier",
        1,
        "earlier exists. Choose another path, or pass --overwrite.",
    ),
    "a size that is no size": (
        "train --dataset {figures} --input-size 64 --run-dir run",
        2,
        "a size must be HEIGHTxWIDTH, such as 256x192. Received: '64'",
    ),
    "a size that is no multiple of 32": (
        "train --dataset {figures} --input-size 64x100 --run-dir run",
        2,
        "multiple of 32. Received: 64x100",
    ),
    "a size of nothing": (
        "train --dataset {figures} --input-size 0x64 --run-dir run",
        2,
        "multiple of 32. Received: 0x64",
    ),
    "a box of three numbers": (
        "demo --model {model} --input {image} --output out.jpg --box 1,2,3",
        2,
        "--box must be X,Y,WIDTH,HEIGHT. Received: '1,2,3'",
    ),
    "a box of words": (
        "demo --model {model} --input {image} --output out.jpg --box a,b,c,d",
        2,
        "--box must be X,Y,WIDTH,HEIGHT",
    ),
    "a box without an area": (
        "demo --model {model} --input {image} --output out.jpg --box 5,5,0,10",
        2,
        "a box is x, y, width, height",
    ),
    "a box that is nowhere": (
        "demo --model {model} --input {image} --output out.jpg --box nan,5,10,10",
        2,
        "a box is x, y, width, height",
    ),
    "a learning rate of 0": (
        "train --dataset {figures} --learning-rate 0 --run-dir run",
        2,
        "learning_rate: Input should be greater than 0. Received: 0.0",
    ),
    "a learning rate that is no number": (
        "train --dataset {figures} --learning-rate nan --run-dir run",
        2,
        "learning_rate: Input should be a finite number. Received: nan",
    ),
    "a batch larger than the split": (
        "train --dataset {figures} --backbone-weights none --batch-size 33 --run-dir run",
        2,
        "batch size 33 is larger than the train split of 32 records",
    ),
    "nothing to validate on": (
        "train --dataset {only_train} --backbone-weights none --batch-size 8 --run-dir run",
        1,
        "only_train: the val split is empty",
    ),
    "nothing to train on": (
        "train --dataset {only_val} --backbone-weights none --batch-size 8 --run-dir run",
        1,
        "only_val: the train split is empty",
    ),
    "a first stage longer than the training": (
        "train --dataset {figures} --recipe quick --transfer-epoch 8 --run-dir run",
        2,
        "init_epoch (0) plus transfer_epoch (8) must not be more than total_epoch (7)",
    ),
    "no epoch left to train": (
        "train --dataset {figures} --total-epoch 3 --init-epoch 3 --run-dir run",
        2,
        "init_epoch (3) must be less than total_epoch (3)",
    ),
    "a weight decay that nothing does": (
        "train --dataset {figures} --weight-decay 0.1 --run-dir run",
        2,
        "only optimizer adamw decays weights",
    ),
    "an augmentation that is no list": (
        "train --dataset {figures} --augmentation rotation --run-dir run",
        2,
        "augmentation: Input should be a valid tuple. Received: 'rotation'",
    ),
    "an augmentation that does not exist": (
        'train --dataset {figures} --augmentation [{{"name":"wibble"}}] --run-dir run',
        2,
        "augmentation.0: name must be one of",
    ),
    "GPUs that are not there": (
        "train --dataset {figures} --gpu-num 99 --run-dir run",
        2,
        "--gpu-num is 99, but TensorFlow finds",
    ),
    "workers that nothing names": (
        "train --dataset {figures} --strategy multi-worker --run-dir run",
        2,
        "the environment variable TF_CONFIG, which is not set",
    ),
    "GPUs for a worker": (
        "train --dataset {figures} --strategy multi-worker --gpu-num 2 --run-dir run",
        2,
        "a worker uses all GPUs of its machine. Leave out --gpu-num",
    ),
    "another preset for a run to go on with": (
        "train --resume {run} --preset resnet50_deconv",
        2,
        "started with (preset mobilenetv2_upsample_lite, recipe quick). Leave out --preset",
    ),
    "another learning rate for a run to go on with": (
        "train --resume {run} --learning-rate 0.1",
        2,
        "Leave out --learning-rate",
    ),
    "another seed for a run to go on with": (
        "train --resume {run} --seed 0",
        2,
        "Leave out --seed",
    ),
    "another dataset for a run to go on with": (
        "train --resume {run} --dataset {only_train}",
        1,
        "only_train has other records (40 and 0)",
    ),
    "a run to go on with that is none": (
        "train --resume {figures}",
        1,
        "is not a run: it has no config.yaml",
    ),
    "a run to repeat that is none": (
        "train --config {figures}",
        1,
        "is not a run: it has no config.yaml",
    ),
    "a run to repeat that is damaged": (
        "train --config {folder}/earlier --run-dir run",
        1,
        "earlier/config.yaml",
    ),
    "too few figures": (
        "data synthesize new --count 3",
        2,
        "count must be at least 5. Received: 3",
    ),
    "missing backbone weights": (
        "train --dataset {figures} --batch-size 8 --backbone-weights absent.h5 --run-dir run",
        1,
        "absent.h5: the backbone weights file does not exist",
    ),
    "two skeletons": (
        "eval {model} --dataset {figures} --skeleton mpii --classes-path {figures}/classes.txt",
        2,
        "give --skeleton or --classes-path, not both",
    ),
}


def listing(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_one_sentence_and_no_trace(
    command: Command,
    inputs: dict[str, Path],
    tmp_path: Path,
    case: str,
    one_layer: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    line, expected_code, message = BAD[case]
    before = listing(tmp_path)
    code, _, error = command(*line.format(**inputs).split())
    assert code == expected_code
    assert error.startswith("Error: ") and error.count("\n") == 1
    assert message in error
    assert "Traceback" not in error
    assert listing(tmp_path) == before


def test_an_augmentation_that_is_no_yaml_is_told_in_one_line(command: Command) -> None:
    code, _, error = command("train", "--augmentation", "[[")
    assert code == 2
    assert error.startswith("Error: --augmentation is not valid YAML") and error.count("\n") == 1


def test_an_augmentation_of_endless_aliases_is_refused_in_one_line(command: Command) -> None:
    bomb = "{a: &a [1], " + ", ".join(
        f"{name}: &{name} [{', '.join([f'*{earlier}'] * 10)}]"
        for earlier, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    code, _, error = command("train", "--augmentation", bomb + "}")
    assert code == 2
    assert error.startswith("Error: --augmentation, line 1: there are more than 100000 values")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("eval model.keras --datset x", "--datset"),
        ("trian", "trian"),
        ("train --batch-size 0", "--batch-size"),
        ("train --total-epoch many", "--total-epoch"),
        ("demo --model model.keras", "--input"),
    ],
)
def test_wrong_usage_ends_with_code_2_and_names_what_is_wrong(
    command: Command, line: str, named: str
) -> None:
    code, _, error = command(*line.split())
    assert code == 2
    assert named in error and "Usage:" in error and "Traceback" not in error


def test_debug_shows_the_traceback(command: Command) -> None:
    with pytest.raises(FileNotFoundError, match="model.keras does not exist"):
        command("eval", "model.keras", "--dataset", "absent", "--debug")


def test_help_imports_nothing_heavy() -> None:
    program = """
import sys
import simplebase
from simplebase import cli
def check(when):
    heavy = {"tensorflow", "keras", "keras_cv", "cv2", "simplebase.zoo.table"} & set(sys.modules)
    assert not heavy, f"{when}: {heavy}"
check("import")
lines = "", "train", "eval", "demo", "dump", "presets", "inspect", "convert coco", "plot"
bench = "bench data", "bench model"
data = [f"data {name}" for name in ("synthesize", "check", "view", "frames", "suggest", "pack")]
for line in (*lines, *bench, *data):
    sys.argv = ["simplebase", *line.split(), "--help"]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, (line, end.code)
    check(line)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: simplebase") == 17


def test_version_is_the_packages(command: Command) -> None:
    import simplebase

    assert command("--version")[:2] == (0, f"{simplebase.__version__}\n")


def test_presets_lists_every_name(command: Command) -> None:
    code, output, _ = command("presets")
    assert code == 0
    assert all(name in output for name in preset_names())


def test_presets_with_a_name_shows_its_yaml(command: Command) -> None:
    code, output, _ = command("presets", "mobilenetv2_upsample_lite")
    assert code == 0
    assert "backbone: {name: mobilenetv2" in output


def test_presets_writes_its_figures_as_json(command: Command) -> None:
    assert command("presets", "--json", "presets.json")[0] == 0
    rows = json.loads(Path("presets.json").read_text())
    assert [row["name"] for row in rows] == preset_names()
    assert all(row["params"] > 0 and row["gflops"] > 0 for row in rows)


def test_synthesize_draws_a_dataset(command: Command) -> None:
    code, output, _ = command("data", "synthesize", "figures", "--count", 6, "--seed", 1)
    assert code == 0
    assert output.startswith("figures: 6 figures\n") and "next: simplebase train" in output
    assert len(list(Path("figures/images").iterdir())) == 6


def test_train_eval_demo_and_dump_work_one_after_another(
    command: Command, figures_folder: Path, one_layer: None
) -> None:
    line = "--recipe quick --input-size 64x64 --batch-size 8 --total-epoch 1 --run-dir run"
    code, output, error = command(
        "train", "--dataset", figures_folder, *line.split(), "--backbone-weights", "none"
    )
    assert code == 0, error
    best = Path("run/checkpoints/best.keras")
    assert best.is_file() and str(best) in output
    summary = json.loads(Path("run/summary.json").read_text())

    code, output, error = command("eval", best, "--dataset", figures_folder, "--json", "val.json")
    assert code == 0, error
    scores = json.loads(Path("val.json").read_text())
    pck = scores["best.keras"]["metrics"]["pck"]["figures"]["PCK@0.5"]["value"]
    assert pck == summary["val_pck"] and scores["best.keras"]["objects"] == 8
    assert "right_ankle" in output and f"{pck:.3f}" in output

    code, output, error = command("dump", best, "model.keras")
    assert code == 0, error
    assert "64x64, 16 keypoints" in output
    assert load_model("model.keras").metadata.input_size == (64, 64)

    image = figures_folder / "images" / "000003.jpg"
    options = "--box 40,30,200,240 --min-score -1 --output pose.png"
    code, output, error = command(
        "demo", "--model", "model.keras", "--input", image, *options.split()
    )
    assert code == 0, error
    assert "16 of 16 keypoints" in output
    drawn, plain = read_image("pose.png"), read_image(image)
    assert drawn.shape == plain.shape
    assert (drawn != plain).any()


def test_notes_and_warnings_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    app._show_warning("12 of 16 keypoints start from [a].keras.", SimplebaseNote, "file.py", 1)
    app._show_warning("look here.", SimplebaseWarning, "file.py", 1)
    app._show_warning("not ours", DeprecationWarning, "file.py", 1)
    assert capsys.readouterr().err.splitlines() == [
        "note: 12 of 16 keypoints start from [a].keras.",
        "Warning: look here.",
    ]
