"""`simplebase convert`: what it prints, writes and refuses."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scipy.io
from conversion_checks import write_image

from simplebase import load_dataset
from simplebase.cli.convert_to import to_coco
from simplebase.cli.converting import convert_app

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def convert(command: Command) -> Command:
    """Runs `simplebase convert ARGUMENTS` in an empty folder: exit code, stdout, stderr."""
    return lambda *arguments: command("convert", *arguments)


def labelled_folder(folder: Path, images: int = 10) -> Path:
    for index in range(images):
        write_image(folder / f"{index}.jpg")
        shapes: list[Any] = [
            {"label": name, "points": [[x, 9]], "shape_type": "point"}
            for name, x in (("left_end", 3), ("right_end", 20))
        ]
        shapes.append({"label": "line", "points": [[1, 2], [3, 4]], "shape_type": "line"})
        content = {"shapes": shapes, "imagePath": f"{index}.jpg", "imageData": None}
        (folder / f"{index}.json").write_text(json.dumps(content))
    return folder


def test_counts_and_what_was_left_out_are_printed_and_written(convert, tmp_path) -> None:
    source = labelled_folder(tmp_path / "labels")
    (source / "9.jpg").unlink()
    code, out, err = convert(
        "labelme", source, tmp_path / "out", "--val-split", 0.3, "--json", tmp_path / "counts.json"
    )
    assert (code, err) == (0, "")
    assert "left_end/right_end" in out
    rows = [line.split("│")[1:-1] for line in out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["train", "6", "6"],
        ["val", "3", "3"],
        ["image not found", "1"],
        ["shape: neither point nor rectangle", "10"],
    ]
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert (counts["train_records"], counts["val_images"]) == (6, 3)
    assert counts["left_out"]["image not found"] == 1
    assert len(load_dataset(tmp_path / "out").validation) == 3


def test_keypoint_files_go_along(convert, tmp_path) -> None:
    source = labelled_folder(tmp_path / "labels")
    (tmp_path / "classes.txt").write_text("right_end\nmiddle\nleft_end\n")
    (tmp_path / "pairs.txt").write_text("left_end,right_end,v\n")
    (tmp_path / "lines.txt").write_text("left_end,right_end,r\n")
    files = {"classes": "classes.txt", "matchpoint": "pairs.txt", "skeleton": "lines.txt"}
    given = [part for key, name in files.items() for part in (f"--{key}-path", tmp_path / name)]
    assert convert("labelme", source, tmp_path / "out", *given)[0] == 0
    skeleton = load_dataset(tmp_path / "out").skeleton
    assert skeleton.keypoints == ("right_end", "middle", "left_end")
    assert (skeleton.horizontal_pairs, len(skeleton.vertical_pairs)) == ((), 1)
    assert skeleton.links[0].colour == "r"
    code, _, err = convert("labelme", source, tmp_path / "b", *given[2:])
    assert code == 2 and "--classes-path" in err


def test_a_coco_file_whose_keypoints_have_no_names_says_how_to_name_them(convert, tmp_path) -> None:
    write_image(tmp_path / "images" / "a.jpg")
    hand = {"id": 5, "image_id": 0, "category_id": 1, "bbox": [1, 2, 20, 20]}
    content = {
        "images": [{"id": 0, "file_name": "a.jpg"}],
        "annotations": [hand | {"keypoints": [3, 4, 2, 15, 16, 1]}],
        "categories": [{"id": 1, "name": "hand"}],
    }
    (tmp_path / "hands.json").write_text(json.dumps(content))
    line = ("coco", tmp_path / "images", "--train-annotations", tmp_path / "hands.json")
    code, out, _ = convert(*line[:2], tmp_path / "plain", *line[2:])
    assert code == 0 and "--classes-path" in out
    assert load_dataset(tmp_path / "plain").skeleton.keypoints == ("1", "2")
    (tmp_path / "fingers.txt").write_text("thumb\nindex\n")
    names = ("--classes-path", tmp_path / "fingers.txt", "--category", "hand")
    code, out, _ = convert(*line[:2], tmp_path / "named", *line[2:], *names)
    assert code == 0 and "--classes-path" not in out
    assert load_dataset(tmp_path / "named").skeleton.keypoints == ("thumb", "index")


def test_to_coco_and_back(convert, figures_folder, tmp_path) -> None:
    coco, again = tmp_path / "coco", tmp_path / "again"
    assert convert("to-coco", figures_folder, coco, "--images", "link")[0] == 0
    files = [coco / "annotations" / f"{split}.json" for split in ("train", "val")]
    code, out, _ = convert(
        *("coco", coco / "images", again, "--images", "none"),
        *("--train-annotations", files[0], "--val-annotations", files[1]),
    )
    assert code == 0 and "left out" not in out
    assert out.endswith(f"next: simplebase data check {again}\n")
    for name in ("annotations.json", "classes.txt", "match_point.txt", "skeleton.txt"):
        assert (again / name).read_bytes() == (figures_folder / name).read_bytes()
    load_dataset(again).images.require()
    # A file for the val split alone asks for no train split.
    words = ("coco", coco / "images", tmp_path / "val", "--images", "none")
    code, _, err = convert(*words, "--val-annotations", files[1])
    assert code == 0 and err == ""


def test_the_examples_of_to_coco_bring_the_same_dataset_back(
    convert, figures_folder, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/cows").symlink_to(figures_folder)
    paragraphs = (to_coco.__doc__ or "").split("\n\n")
    examples = [shlex.split(text) for text in paragraphs if text.split()[:1] == ["simplebase"]]
    assert [example[:3] for example in examples] == [
        ["simplebase", "convert", "to-coco"],
        ["simplebase", "convert", "coco"],
    ]
    for example in examples:
        assert convert(*example[2:])[0] == 0
    for name in ("annotations.json", "classes.txt", "match_point.txt", "skeleton.txt"):
        again = Path(examples[-1][4], name)
        assert again.read_bytes() == (figures_folder / name).read_bytes()


def test_a_dataset_never_replaces_what_it_was_made_from(convert, figures_folder, tmp_path) -> None:
    cows, coco = tmp_path / "cows", tmp_path / "coco"
    shutil.copytree(figures_folder, cows)
    assert convert("to-coco", cows, coco, "--images", "link")[0] == 0
    (coco / "annotations" / "val.json").rename(cows / "mine.json")
    before = {path: path.read_bytes() for path in cows.rglob("*") if path.is_file()}
    replace = (cows, "--images", "link", "--overwrite")
    for labels in (coco / "annotations" / "train.json", cows / "mine.json"):
        code, _, err = convert("coco", coco / "images", *replace, "--train-annotations", labels)
        assert code != 0 and "cows holds mine.json, which --overwrite would remove" in err
    shutil.move(cows / "mine.json", tmp_path / "mine.json")
    labels = coco / "annotations" / "train.json"
    code, _, err = convert("coco", coco / "images", *replace, "--train-annotations", labels)
    assert code != 0 and "cows contains the source" in err
    shutil.move(tmp_path / "mine.json", cows / "mine.json")
    source = labelled_folder(tmp_path / "labels")
    (cows / "names.txt").write_text("left_end\nright_end\n")
    code, _, err = convert("labelme", source, *replace, "--classes-path", cows / "names.txt")
    assert code != 0 and "cows holds mine.json, names.txt, which --overwrite" in err
    (cows / "names.txt").unlink()
    assert before == {path: path.read_bytes() for path in cows.rglob("*") if path.is_file()}
    assert not any(path.is_symlink() for path in before)


def test_labelling_more_and_converting_again_keeps_the_lines_drawn_by_hand(
    convert, tmp_path
) -> None:
    source, out = labelled_folder(tmp_path / "labels"), tmp_path / "out"
    assert convert("labelme", source, out)[0] == 0
    assert (out / "skeleton.txt").read_text() == ""
    (out / "skeleton.txt").write_text("left_end,right_end,r\n")
    labelled_folder(tmp_path / "labels", images=12)
    assert convert("labelme", source, out, "--overwrite")[0] == 0
    assert len(load_dataset(out)) == 12
    assert (out / "skeleton.txt").read_text() == "left_end,right_end,r\n"


def test_a_split_that_comes_out_empty_is_told(convert, tmp_path) -> None:
    source = labelled_folder(tmp_path / "labels", images=1)
    code, _, err = convert("labelme", source, tmp_path / "out")
    assert code == 0 and "no record is held out" in err


def test_an_empty_split_that_was_asked_for_is_not_reported(convert, tmp_path) -> None:
    source = labelled_folder(tmp_path / "labels", images=3)
    code, output, err = convert("labelme", source, tmp_path / "out", "--val-split", 0)
    assert code == 0 and "val" in output and err == ""


def test_if_no_image_is_found_the_option_for_their_folder_is_named(convert, tmp_path) -> None:
    name = {"image": "/upload/gone.jpg"}
    value = {"x": 1, "y": 2, "keypointlabels": ["nose"]}
    result = [{"id": "a", "type": "keypointlabels", "value": value}]
    export = tmp_path / "export.json"
    export.write_text(json.dumps([{"data": name, "annotations": [{"result": result}]}]))
    code, _, err = convert("auto", export, tmp_path / "out")
    words = " ".join(err.split())
    assert code == 1 and "no image of the 1 record was found" in words
    assert "name their folder with `simplebase convert label-studio --image-folder`" in words
    away = ("--image-folder", tmp_path / "away")
    code, _, err = convert("label-studio", export, tmp_path / "out", *away)
    assert code == 1 and "away: the folder of the images does not exist" in " ".join(err.split())


def test_a_conversion_that_finds_few_of_the_images_warns(convert, tmp_path) -> None:
    source = labelled_folder(tmp_path / "labels", images=3)
    images = sorted(path for path in source.rglob("*") if path.suffix in (".jpg", ".png"))
    for image in images[1:]:
        image.unlink()
    code, _, err = convert("labelme", source, tmp_path / "out")
    words = " ".join(err.split())
    assert code == 0 and "has 1 of 3 records, because the images of the others" in words


def test_what_is_written_for_labelme_comes_back_by_the_command_that_is_printed(
    convert, tmp_path
) -> None:
    dataset, out = tmp_path / "dataset", tmp_path / "out"
    assert convert("labelme", labelled_folder(tmp_path / "labels"), dataset)[0] == 0
    names = (dataset / "classes.txt").read_text()
    (dataset / "skeleton.txt").write_text("left_end,right_end,r\n")
    code, printed, _ = convert("to-labelme", dataset, out)
    line = printed[printed.index("simplebase convert") :].split()
    assert code == 0 and convert(*line[2:])[0] == 0
    back = tmp_path / "out_back"
    assert (back / "classes.txt").read_text() == names
    assert (back / "skeleton.txt").read_text() == "left_end,right_end,r\n"


def test_help_lists_every_command_in_a_group(convert) -> None:
    code, out, _ = convert("--help")
    groups = {"From labelling tools", "From datasets", "To other tools", "Weights"}
    assert code == 0 and all(group in out for group in groups)
    assert {command.rich_help_panel for command in convert_app.registered_commands} == groups


def test_real_data_converts(convert, shared, tmp_path) -> None:
    data = shared / "data"
    annotations = data / "coco" / "annotations" / "person_keypoints_train2017.json"
    people = ("coco", data / "coco" / "images", tmp_path / "coco", "--images", "link")
    assert convert(*people, "--train-annotations", annotations, "--scale-from", "limbs")[0] == 0
    assert convert("animal-pose", data / "animal_pose", tmp_path / "animals")[0] == 0
    lspet = ("lsp", data / "lspet", tmp_path / "lspet", "--images", "none", "--val-split", 0.2)
    assert convert(*lspet)[0] == 0
    assert len(load_dataset(tmp_path / "lspet").validation) == 400
    code, out, _ = convert("labelme", data / "labelme_primitives", tmp_path / "labelme")
    assert code == 0 and "one labelled keypoint and no usable box: 1" in out
    labels = data / "labels"
    mice = ("cvat", labels / "cvat_images_xml" / "points_mouse", tmp_path / "mice")
    code, out, _ = convert(*mice)
    assert code == 0 and "keypoints, in the order of the file: tail, Nose" in out
    postures = ("yolo", labels / "yolo_pose" / "roboflow_sitting_posture", tmp_path / "postures")
    code, out, _ = convert(*postures, "--category", "thang", "--category", 0)
    assert code == 0 and "class that was not chosen" in out
    assert len(load_dataset(tmp_path / "postures").records) == 2
    project = labels / "deeplabcut" / "Reaching-Mackenzie-2018-08-30"
    code, out, _ = convert("deeplabcut", project, tmp_path / "hands")
    assert code == 0 and "keypoints: Hand, Finger1" in out
    flies = labels / "sleap" / "minimal_instance.pkg.slp"
    assert convert("sleap", flies, tmp_path / "flies", "--predicted")[0] == 0
    assert load_dataset(tmp_path / "flies").records.keypoints.shape == (2, 2, 3)


def test_auto_says_which_format_it_is_and_why(convert, tmp_path) -> None:
    source = labelled_folder(tmp_path / "labels", images=2)
    code, out, _ = convert("auto", source, tmp_path / "out")
    assert code == 0
    assert "format: labelme, because 0.json has shapes and imagePath" in " ".join(out.split())
    assert len(load_dataset(tmp_path / "out")) == 2


def test_faces_of_300w_and_results_of_alphapose_convert(convert, shared, tmp_path) -> None:
    labels = shared / "data" / "labels"
    code, out, _ = convert("pts", labels / "pts_faces", tmp_path / "faces", "--points", 68)
    assert code == 0 and "skeleton: face68, which is built in" in out
    write_image(tmp_path / "frames" / "0.jpg", 640, 360)
    write_image(tmp_path / "frames" / "1.jpg", 640, 360)
    folders = labels / "pose_outputs" / "alphapose", tmp_path / "people"
    code, out, _ = convert("pose-outputs", *folders, "--image-folder", tmp_path / "frames")
    assert code == 0 and "results of AlphaPose, skeleton halpe26" in out
    assert len(load_dataset(tmp_path / "people")) == 2


def test_bad_input_ends_with_one_sentence_and_writes_nothing(convert, tmp_path) -> None:
    (tmp_path / "images").mkdir()
    html = tmp_path / "a.json"
    html.write_text("<html>")
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": [1, 2]})
    scipy.io.savemat(tmp_path / "RELEASE.mat", {"RELEASE": {"version": 1}})
    (tmp_path / "keypoints.json").write_text("[]")
    output = tmp_path / "out"
    cases = {
        ("mpii", tmp_path / "none.mat"): "none.mat: MPII's .mat file does not exist",
        ("mpii", tmp_path / "RELEASE.mat"): "RELEASE has no annolist",
        ("coco", tmp_path, "--train-annotations", html): "a.json is not valid JSON",
        ("coco", tmp_path): "--train-annotations, --val-annotations or both",
        ("lsp", tmp_path): "joints must be (3, 14, N)",
        ("animal-pose", tmp_path): "is not Animal-Pose's",
        ("labelme", tmp_path / "images"): "no labelme file in it has a point",
        ("yolo", tmp_path / "images"): "expected the data.yaml of a YOLO pose dataset",
        ("cvat", html): "a.json is not valid XML",
        ("auto", html): "looks like none of yolo",
        ("via", html): "is not a file of VIA 2",
        ("datumaro", html): "a.json is not valid JSON",
        ("pts", html): "a.json is not a .pts file",
        ("pose-outputs", html): "a.json is not valid JSON",
        ("label-studio", html): "a.json is not valid JSON",
        ("deeplabcut", html): "is a file. Expected the project folder of DeepLabCut",
        ("lightning-pose", html): "is not a table of keypoints",
        ("sleap", html): "is damaged, or not a labels file of SLEAP",
        ("to-coco", tmp_path): "has no classes.txt",
        ("to-yolo", tmp_path): "is not a dataset folder",
    }
    for (command, source, *options), message in cases.items():
        code, out, err = convert(command, source, output, *options)
        assert code in (1, 2), (command, out, err)
        assert err.startswith("Error: ") and message in err and len(err.splitlines()) == 1, err
        assert not output.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]


def test_an_existing_output_is_refused_before_anything_is_read(convert, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    code, _, err = convert("mpii", tmp_path / "none.mat", tmp_path / "out")
    assert code == 1 and "pass --overwrite" in err
    code, _, err = convert("mpii", tmp_path / "none.mat", tmp_path / "out", "--overwrite")
    assert code == 1 and "--overwrite does not replace it" in err


FORMATS = (
    "mpii coco lsp animal-pose labelme yolo cvat "
    "label-studio deeplabcut lightning-pose sleap via datumaro pts pose-outputs auto to-coco "
    "to-yolo to-labelme to-cvat to-deeplabcut"
)


@pytest.mark.parametrize("name", ["yolo", "labelme", "cvat", "deeplabcut"])
def test_what_we_write_in_a_format_is_recognised_as_it(
    convert, figures_folder, tmp_path, name
) -> None:
    theirs, again, report = (tmp_path / each for each in ("theirs", "again", "report.json"))
    options = ("--images", "link", "--json", report)
    code, out, err = convert(f"to-{name}", figures_folder, theirs, *options)
    assert code == 0, err
    written = json.loads(report.read_text())
    assert written["train_records"] + written["val_records"] == len(load_dataset(figures_folder))
    code, out, err = convert("auto", theirs, again, "--images", "link")
    assert code == 0 and f"format: {name}" in out, err
    assert len(load_dataset(again)) == len(load_dataset(figures_folder))


@pytest.mark.parametrize("name", FORMATS.split())
def test_help_has_an_example_with_existing_options(convert, name) -> None:
    code, out, _ = convert(name, "--help")
    assert code == 0
    assert f"simplebase convert {name} " in out


def test_converting_imports_no_tensorflow() -> None:
    script = (
        "import sys, simplebase.cli\nassert 'scipy' not in sys.modules\n"
        "import simplebase.converters\nassert 'tensorflow' not in sys.modules\n"
        "assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
