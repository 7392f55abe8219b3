"""Finding a skeleton by its built-in name, or by its keypoints."""

import dataclasses
from functools import cache
from importlib.resources import files

from simplebase.errors import ArgumentError
from simplebase.skeletons.skeleton import Skeleton


def skeleton_names() -> list[str]:
    """Names of the built-in skeletons, sorted."""
    folder = files("simplebase.skeletons")
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


@cache
def load_skeleton(name: str) -> Skeleton:
    """The built-in skeleton `name`: `animal_pose`, `coco`, `lsp` or `mpii`.

    Raises:
        ArgumentError: there is no such skeleton.
    """
    if name not in skeleton_names():
        raise ArgumentError(
            f"skeleton {name!r} is not built in; there are {', '.join(skeleton_names())}."
        )
    # Imported here: exported files have their skeleton in JSON.
    from simplebase.files.yaml import parse_yaml

    return Skeleton.from_config(parse_yaml(_text(name), f"{name}.yaml"))


def with_built_in_facts(skeleton: Skeleton) -> Skeleton:
    """The skeleton with `sigmas` and `upper_body` of the built-in one that has its keypoints.

    The same names in the same order are the same keypoints, and these two are facts about them;
    flip pairs and links stay, where a file may say otherwise. What the skeleton has already stays
    too, and a skeleton of other keypoints is returned as it is.
    """
    for name in skeleton_names():
        # Looking for the names first is quicker than parsing each file.
        text = _text(name)
        if not all(keypoint in text for keypoint in skeleton.keypoints):
            continue
        known = load_skeleton(name)
        if known.keypoints == skeleton.keypoints:
            return dataclasses.replace(
                skeleton,
                sigmas=known.sigmas if skeleton.sigmas is None else skeleton.sigmas,
                upper_body=skeleton.upper_body or known.upper_body,
            )
    return skeleton


def _text(name: str) -> str:
    return files("simplebase.skeletons").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
