"""Finding a skeleton by its built-in name, or by its keypoints."""

import dataclasses
import difflib
import functools
from importlib.resources import files

from simplebase.errors import ArgumentError
from simplebase.skeletons.skeleton import Skeleton

DATASETS = {
    "300w": "face68",
    "coco_wholebody_face": "face68",
    "coco_wholebody_hand": "hand21",
    "freihand": "hand21",
    "onehand10k": "hand21",
    "panoptic_hand": "hand21",
    "interhand": "hand21_interhand",
    "rhd": "hand21_rhd",
    "macaque": "coco",
    "mhp": "mpii",
}
"""Datasets that have the keypoints of a built-in skeleton of another name, in its order."""


def skeleton_names() -> list[str]:
    """Names of the built-in skeletons, sorted."""
    folder = files("simplebase.skeletons")
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


@functools.cache
def load_skeleton(name: str) -> Skeleton:
    """The built-in skeleton `name`, such as `coco`, `hand21` or `ap10k`.

    The name of a dataset that uses another's keypoints, such as `freihand` or `macaque`, gives the
    skeleton of those keypoints.

    Raises:
        ArgumentError: there is no such skeleton.
    """
    own = DATASETS.get(name, name)
    if own not in skeleton_names():
        known = [*skeleton_names(), *DATASETS]
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"Nearest: {', '.join(near)}." if near else f"There are {', '.join(known)}."
        raise ArgumentError(f"skeleton {name!r} is not built in. {hint}")
    # Imported here: exported files have their skeleton in JSON.
    from simplebase.files.yaml import parse_own_yaml

    return Skeleton.from_config(parse_own_yaml(_text(own)))


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
