"""Merges dataset folders."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from simplebase.converters.combining.folders import read_folder
from simplebase.converters.combining.joint_skeletons import JointSkeleton
from simplebase.converters.conversion import Conversion
from simplebase.data.dataset import IMAGES, needs_skeleton
from simplebase.errors import ArgumentError
from simplebase.files import short_names
from simplebase.skeletons import Skeleton

_NOT_LABELLED = [0.0, 0.0, 0.0]
_IDS = ("image_id", "annotation_id")


def merge_folders(
    folders: Sequence[str | os.PathLike[str]],
    *,
    union: bool = False,
    skeleton: Skeleton | None = None,
) -> Conversion:
    """Joins datasets with the same keypoints, which are matched by name and reordered.

    Images are in a folder named after their dataset, so that names do not collide. Splits are kept.
    Ids are kept unless two datasets use the same id; then all ids are removed.

    Args:
        folders: two or more dataset folders.
        union: keep keypoints that only some datasets have; they are unlabelled in the others.
        skeleton: the skeleton of folders without text files.

    Raises:
        ArgumentError: there are fewer than two folders, one is given twice, or one is packed.
        MissingFileError: a folder, its annotations or a skeleton is missing.
        DataError: a record is invalid, a dataset has no image, or the keypoints or flip pairs
            do not fit together.
    """
    if len(folders) < 2:
        raise ArgumentError(f"expected two datasets or more. Received: {len(folders)}.")
    names = [re.sub(r"[\\/:]", "_", name) for name in short_names(folders)]
    if len({Path(folder).resolve() for folder in folders}) < len(folders):
        given = ", ".join(map(str, folders))
        raise ArgumentError(f"two of {given} are the same folder, through a link. Leave out one.")
    parts = [
        read_folder(folder, skeleton if needs_skeleton(folder) else None) for folder in folders
    ]
    for part in parts:
        part.require_records()
    joint = JointSkeleton(names[0], parts[0].skeleton)
    keypoints = [list(joint.skeleton.keypoints)]
    for name, part in zip(names[1:], parts[1:], strict=True):
        keypoints.append(joint.join(name, part.skeleton, union=union))

    merged = Conversion(joint.skeleton, Path(folders[0]) / IMAGES, notes=joint.notes)
    shared = [key for key in _IDS if _used_twice(key, parts)]
    if shared:
        merged.notes.append(
            f"datasets use the same {' and '.join(shared)}, so all ids are left out"
        )
    for name, part, own in zip(names, parts, keypoints, strict=True):
        places = [own.index(each) if each in own else None for each in joint.skeleton.keypoints]
        for record in part.records:
            kept = {key: value for key, value in record.items() if not shared or key not in _IDS}
            path = record["img_paths"]
            kept["img_paths"] = f"{name}/{path}"
            rows = record["joint_self"]
            kept["joint_self"] = [_NOT_LABELLED if at is None else rows[at] for at in places]
            merged.add(kept, part.images[path])
        merged.sources += part.sources
        merged.left_out += part.left_out
        merged.notes.append(f"{name}: {len(part.records)} records, {len(part.images)} images")
    return merged


def _used_twice(key: str, parts: Iterable[Conversion]) -> bool:
    """Whether records of two datasets have the same id."""
    seen: set[Any] = set()
    for part in parts:
        own = {record[key] for record in part.records if key in record}
        if not seen.isdisjoint(own):
            return True
        seen |= own
    return False
