"""Looks for evidence of each format in the names and first bytes of label files.

Each function looks for one format and has its name.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simplebase.converters.pose_outputs.files import LANDMARKS, TEXT_SUFFIXES
from simplebase.converters.recognition.clues import Clues, JsonKeys
from simplebase.errors import DataError

_KPT_SHAPE = re.compile(r"^kpt_shape\s*:", re.MULTILINE)
_NETWORK = re.compile(r"^backbone\s*:", re.MULTILINE)
_CVAT = re.compile(r"<annotations[\s>]")
_BODYPARTS = re.compile(r"^(multianimal)?bodyparts\s*:", re.MULTILINE)
_TABLE = re.compile(r'"?(scorer|bodyparts)"?,')
_MAPPED_IMAGES = re.compile(r'"images"\s*:\s*\{')
_MATLAB = "MATLAB 5.0 MAT-file"
_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Evidence:
    """Why a source looks like a format.

    Args:
        source: source for the format's reader.
        reason: text that follows "because".
        arguments: further arguments for the reader.
    """

    source: Path
    reason: str
    arguments: dict[str, Any] = field(default_factory=dict)


def yolo(clues: Clues) -> Evidence | None:
    """A YAML file with `kpt_shape` that does not describe a network, such as yolov8-pose.yaml."""
    paths = [p for p in clues.files(".yaml", ".yml") if _KPT_SHAPE.search(clues.head(p))]
    paths = [path for path in paths if not _NETWORK.search(clues.head(path))]
    return _single(clues, paths, "has kpt_shape")


def cvat(clues: Clues) -> Evidence | None:
    """XML with the element `annotations`."""
    paths = [path for path in clues.files(".xml") if _CVAT.search(clues.head(path))]
    return _all(clues, paths, "begins with <annotations>")


def deeplabcut(clues: Clues) -> Evidence | None:
    """A project's `config.yaml` beside `labeled-data`."""
    for path in clues.files(".yaml"):
        if path.name == "config.yaml" and _BODYPARTS.search(clues.head(path)):
            return Evidence(path.parent, f"{clues.short(path)} lists bodyparts")
    if (clues.source / "labeled-data").is_dir() and not _keypoint_tables(clues):
        return Evidence(clues.source, "there is a folder labeled-data")
    return None


def lightning_pose(clues: Clues) -> Evidence | None:
    """A table in DeepLabCut's form without its project, beside `labeled-data` if that exists."""
    if deeplabcut(clues):
        return None
    what = "has the rows scorer, bodyparts and coords"
    beside = _keypoint_tables(clues)
    if len(beside) > 1:
        return _all(clues, beside, what)
    if beside:
        return _single(clues, beside, what)
    paths = [path for path in clues.files(".csv") if _TABLE.match(clues.head(path))]
    return _single(clues, paths, what)


def _keypoint_tables(clues: Clues) -> list[Path]:
    """Returns the tables of keypoints that are directly in the source."""
    paths = [path for path in clues.files(".csv") if path.parent == clues.source]
    paths = [path for path in paths if path.name.startswith("CollectedData")]
    return [path for path in paths if _TABLE.match(clues.head(path))]


def sleap(clues: Clues) -> Evidence | None:
    """A file whose name ends in `.slp`."""
    return _single(clues, clues.files(".slp"), "is a labels file of SLEAP")


def labelme(clues: Clues) -> Evidence | None:
    """JSON with `shapes`."""
    paths = clues.find_json(
        lambda keys: keys.has("shapes") and (keys.has("imagePath") or keys.has("label", depth=3))
    )
    if paths and clues.source.is_file():
        raise DataError(f"{clues.source} is a labelme file. Give the folder of such files.")
    return _all(clues, paths, "has shapes and imagePath")


def via(clues: Clues) -> Evidence | None:
    """JSON or CSV with regions."""
    paths = clues.find_json(
        lambda keys: (
            keys.has("_via_settings")
            or keys.has("_via_img_metadata")
            or keys.has("project", "metadata", "file", "view")
            or (not keys.is_list and keys.has("filename", "regions", depth=2))
        )
    )
    paths += [p for p in clues.files(".csv") if "region_shape_attributes" in _line(clues, p)]
    return _single(clues, paths, "has regions of VIA")


def label_studio(clues: Clues) -> Evidence | None:
    """A JSON list of tasks, or of JSON-MIN's flat ones, or an annotation with its task."""
    stored = clues.find_json(
        lambda keys: not keys.is_list and keys.has("result", "task") and keys.has("data", depth=2)
    )
    if stored:
        return _all(clues, stored, "is an annotation with its task, as in a target storage")
    paths = clues.find_json(
        lambda keys: (
            keys.is_list
            and (
                any(keys.has("data", name, depth=2) for name in ("annotations", "completions"))
                or keys.has("annotation_id", "annotator", depth=2)
            )
        )
    )
    return _single(clues, paths, "is a list of Label Studio's tasks")


def datumaro(clues: Clues) -> Evidence | None:
    """JSON with `categories` that are a mapping, and `items`."""
    paths = clues.find_json(
        lambda keys: (
            not keys.is_list
            and keys.has("categories")
            and (keys.has("items") or keys.has("label", depth=2))
            and not keys.has("images")
        )
    )
    found = _all(clues, paths, "has categories and items")
    if found and clues.source.is_dir():
        folder = paths[0].parent
        project = folder.parent if folder.name == "annotations" else folder
        return Evidence(project, found.reason)
    return found


def coco(clues: Clues) -> Evidence | None:
    """JSON with lists of images and annotations; files called train, val and test are splits."""
    paths = [path for path in clues.find_json(_is_coco) if not _is_animal_pose(clues, path)]
    if not paths:
        return None
    # COCO's own folder holds instances and captions of the same images.
    paths = [path for path in paths if "person_keypoints" in path.name] or paths
    root = clues.source if clues.source.is_dir() else clues.source.parent
    if len(paths) == 1:
        reason = f"{clues.short(paths[0])} has images and annotations"
        return Evidence(root, reason, {"train_annotations": paths[0]})
    if split := _coco_splits(clues, paths):
        return Evidence(root, *split)
    names = ", ".join(clues.short(path) for path in paths[:5])
    raise DataError(
        f"{clues.source} has several COCO files: {names}. Choose by `simplebase convert coco` "
        "with --train-annotations and --val-annotations."
    )


def _coco_splits(clues: Clues, paths: list[Path]) -> tuple[str, dict[str, Any]] | None:
    """Returns the reason, and the files of train and val; `None` if they are not recognised.

    Without val, test is the validation split, as in other formats.
    """
    splits = {name: [p for p in paths if name in clues.short(p).lower()] for name in _SPLITS}
    # Folders are called `latest` or `contest` too.
    splits["test"] = [p for p in splits["test"] if p not in splits["train"] + splits["val"]]
    if any(len(each) > 1 for each in splits.values()) or not splits["train"]:
        return None
    if len(paths) != len({path for each in splits.values() for path in each}):
        return None
    (train,) = splits["train"]
    held_out = splits["val"] or splits["test"]
    if not held_out or held_out == [train]:
        return None
    (val,) = held_out
    reason = f"{clues.short(train)} and {clues.short(val)} have images and annotations"
    if splits["val"] and splits["test"]:
        reason += f"; the test split {clues.short(splits['test'][0])} is not converted"
    return reason, {"train_annotations": train, "val_annotations": val}


def animal_pose(clues: Clues) -> Evidence | None:
    """COCO-like JSON whose images are a mapping."""
    for path in clues.find_json(_is_mapped_coco):
        if path.name == "keypoints.json" and _is_animal_pose(clues, path):
            return Evidence(path.parent, f"{clues.short(path)} has images as a mapping")
    return None


def pts(clues: Clues) -> Evidence | None:
    """`.pts` files with `n_points`, or `.ljson` files."""
    paths = [path for path in clues.files(".pts") if "n_points" in clues.head(path)]
    return _all(clues, paths + clues.files(".ljson"), "holds the points of a face or shape")


def pose_outputs(clues: Clues) -> Evidence | None:
    """Results of OpenPose, AlphaPose or MediaPipe."""
    alphapose = clues.find_json(
        lambda keys: keys.is_list and keys.has("image_id", "keypoints", depth=2)
    )
    if alphapose:
        return _all(clues, alphapose, "lists keypoints by image_id, as AlphaPose does")
    alphapose = clues.find_json(
        lambda keys: not keys.is_list and any(keys.has("joints", depth=d) for d in (3, 4))
    )
    alphapose += clues.find_json(lambda keys: not keys.is_list and keys.has("people", depth=2))
    if alphapose:
        return _all(clues, alphapose, "has bodies or people by image, as AlphaPose writes them")
    openpose = clues.find_json(
        lambda keys: keys.has("people") or (keys.is_list and keys.has("people", depth=2))
    )
    if openpose:
        return _all(clues, openpose, "has people, as OpenPose writes them")
    mediapipe = clues.find_json(
        lambda keys: (
            any(keys.has(name) for name in LANDMARKS)
            or (keys.is_list and keys.has("x", "y", "visibility", depth=2))
        )
    )
    mediapipe += [p for p in clues.files(*TEXT_SUFFIXES) if "landmark" in clues.head(p)]
    return _all(clues, mediapipe, "has landmarks, as MediaPipe writes them")


def mpii(clues: Clues) -> Evidence | None:
    """MPII's file by its name."""
    paths = [path for path in clues.files(".mat") if "mpii" in path.name.lower()]
    return _single(clues, _matlab(clues, paths), "is MPII's file by its name")


def lsp(clues: Clues) -> Evidence | None:
    """Files called `joints.mat`."""
    paths = _matlab(clues, [path for path in clues.files(".mat") if path.name == "joints.mat"])
    if not paths:
        return None
    folder = paths[0].parent if len(paths) == 1 else clues.source
    return Evidence(folder, f"{clues.short(paths[0])} is LSP's file by its name")


def _is_coco(keys: JsonKeys) -> bool:
    return (keys.has("images") and keys.has("file_name", depth=3)) or (
        keys.has("annotations") and keys.has("image_id", depth=3)
    )


def _is_mapped_coco(keys: JsonKeys) -> bool:
    return not keys.is_list and keys.has("images")


def _is_animal_pose(clues: Clues, path: Path) -> bool:
    return _MAPPED_IMAGES.search(clues.head(path)) is not None


def _matlab(clues: Clues, paths: list[Path]) -> list[Path]:
    return [path for path in paths if clues.head(path).startswith(_MATLAB)]


def _line(clues: Clues, path: Path) -> str:
    return clues.head(path).partition("\n")[0]


def _all(clues: Clues, paths: list[Path], what: str) -> Evidence | None:
    """Evidence for a reader that takes the whole source."""
    return Evidence(clues.source, f"{clues.short(paths[0])} {what}") if paths else None


def _single(clues: Clues, paths: list[Path], what: str) -> Evidence | None:
    """Evidence for a reader that takes one file.

    Raises:
        DataError: there are several.
    """
    if len(paths) > 1:
        names = ", ".join(clues.short(path) for path in paths[:5])
        raise DataError(f"{clues.source}: each of {names} {what}. Give one of them.")
    return Evidence(paths[0], f"{clues.short(paths[0])} {what}") if paths else None
