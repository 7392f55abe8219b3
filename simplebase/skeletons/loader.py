"""Finds built-in skeletons by their name or by their keypoints."""

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
"""Datasets whose keypoints are those of a built-in skeleton, in the same order."""


def skeleton_names() -> list[str]:
    """Returns the names of the built-in skeletons, sorted."""
    folder = files("simplebase.skeletons")
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


@functools.cache
def load_skeleton(name: str) -> Skeleton:
    """Returns the built-in skeleton `name`, such as `coco`, `hand21` or `ap10k`.

    The name may also be that of a dataset that uses the same keypoints, such as `freihand` or
    `macaque`.

    Raises:
        ArgumentError: there is no such skeleton.
    """
    own = DATASETS.get(name, name)
    if own not in skeleton_names():
        known = [*skeleton_names(), *DATASETS]
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"Nearest: {', '.join(near)}." if near else f"There are {', '.join(known)}."
        raise ArgumentError(f"skeleton {name!r} is not built in. {hint}")
    # Imported here, because exported files store their skeleton as JSON and do not need it.
    from simplebase.files.yaml import parse_own_yaml

    return Skeleton.from_config(parse_own_yaml(_text(own)))


def with_built_in_facts(skeleton: Skeleton) -> Skeleton:
    """Adds `sigmas` and `upper_body` from the built-in skeleton with the same keypoints.

    Keypoints are the same if their names and order are. Values that the skeleton already has are
    kept, as are its flip pairs and links, which a file may choose differently. A skeleton with
    other keypoints is returned unchanged.
    """
    for name in skeleton_names():
        # Searching the text for the names is quicker than parsing each file.
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
