"""Runs all checks of a dataset folder, in one pass over its images."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from simplebase.data.checking.duplicates import copies
from simplebase.data.checking.findings import CheckReport, Finding
from simplebase.data.checking.image_inspection import ImageInspection, inspect_images
from simplebase.data.checking.labels import (
    check_boxes,
    check_crops,
    check_flip_pairs,
    check_keypoints,
    check_labelling,
)
from simplebase.data.checking.sides import check_sides
from simplebase.data.dataset import (
    IMAGES,
    KeypointDataset,
    annotation_file,
    own_skeleton,
    require_folder,
)
from simplebase.data.image_store import FolderImages
from simplebase.data.packed import is_packed
from simplebase.data.records import Records, Survey, survey_records
from simplebase.geometry import Crop
from simplebase.images import DepthRange, depth_note
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton


def check_dataset(
    folder: str | os.PathLike[str],
    skeleton: Skeleton | None = None,
    progress: Progress | None = None,
    depth_range: DepthRange | None = None,
) -> CheckReport:
    """Checks the records, labels and images of a dataset folder.

    Records with invalid fields are reported and left out of all further checks. For a packed
    dataset only the checksums are verified, because its labels are those of the original folder.

    Args:
        folder: the dataset.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        progress: is called with the number of finished images and the total.
        depth_range: which values of images of more than 8 bits become black and white.

    Raises:
        MissingFileError: the folder, its annotations or a skeleton is missing.
        DataError: the annotation file is not a list, or a text file or manifest is invalid.
    """
    if is_packed(folder):
        return _check_shards(folder, progress)
    folder = require_folder(folder)
    if skeleton is None:
        skeleton = own_skeleton(folder)
    survey = survey_records(annotation_file(folder), skeleton.num_keypoints, skeleton.name)
    findings = [*_broken_records(survey), *check_flip_pairs(skeleton)]
    images, usable, rows = 0, None, np.zeros(0, np.int64)
    if survey.records is not None:
        number: dict[str, int] = {}
        image_of = np.array([number.setdefault(p, len(number)) for p in survey.records.paths])
        images = len(number)
        files = [folder / IMAGES / path for path in number]
        inspections = inspect_images(files, progress, depth_range)
        found = [
            *_check_records(survey, survey.records, skeleton, inspections, image_of),
            *_check_depth(inspections, image_of, depth_range),
        ]
        findings += [_in_file(finding, survey) for finding in found]
        readable = np.array([each.kind is None for each in inspections])
        rows = np.flatnonzero(readable[image_of])
        if len(rows):
            store = FolderImages(folder / IMAGES, survey.records.paths, depth_range)
            whole = KeypointDataset(str(folder.absolute()), skeleton, survey.records, store)
            usable = whole.select(rows)
    in_file = tuple(int(survey.sound[row]) for row in rows)
    return CheckReport(len(survey.content), images, tuple(findings), usable, in_file)


def _check_shards(location: str | os.PathLike[str], progress: Progress | None) -> CheckReport:
    # Imported here, because only shards need TensorFlow.
    from simplebase.data.packed import open_packed

    records, images = open_packed(location)
    findings = [Finding("damaged-shard", problem) for problem in images.verify(progress)]
    return CheckReport(len(records), len(set(records.paths.tolist())), tuple(findings))


def _broken_records(survey: Survey) -> Iterator[Finding]:
    for index, problems in survey.problems.items():
        content: Any = survey.content[index]
        path = content.get("img_paths") if isinstance(content, dict) else None
        for problem in problems:
            yield Finding("broken-record", problem, index, path if isinstance(path, str) else None)


def _check_records(
    survey: Survey,
    records: Records,
    skeleton: Skeleton,
    inspections: list[ImageInspection],
    image_of: np.ndarray,
) -> Iterator[Finding]:
    """Yields findings whose `record` is a row of `records`; `image_of` `(N,)` are inspections."""
    unknown = (np.nan, np.nan)
    sizes = np.array(
        [inspection.size[::-1] if inspection.size else unknown for inspection in inspections]
    )[image_of]
    joints = np.array([survey.content[index]["joint_self"] for index in survey.sound], np.float64)
    yield from check_labelling(records, joints, skeleton)
    yield from check_boxes(records, sizes)
    yield from check_crops(records, skeleton, Crop())
    yield from check_keypoints(records, sizes, skeleton)
    yield from check_sides(records, skeleton)
    _, first_record, counts = np.unique(image_of, return_index=True, return_counts=True)
    for inspection, row, count in zip(inspections, first_record.tolist(), counts, strict=True):
        if inspection.kind is not None:
            others = f" ({count} records)" if count > 1 else ""
            yield Finding(inspection.kind, f"{inspection.problem}{others}", row)
    yield from _check_splits(records, inspections, image_of)


def _check_depth(
    inspections: list[ImageInspection], image_of: np.ndarray, depth_range: DepthRange | None
) -> Iterator[Finding]:
    """Finds images of more than 8 bits that become almost uniformly grey, with advice."""
    notes = {
        image: note
        for image, inspection in enumerate(inspections)
        if inspection.deep_range and (note := depth_note(*inspection.deep_range, depth_range))
    }
    if not notes:
        return
    lows, highs = zip(*(inspections[image].deep_range or () for image in notes), strict=True)
    advice = (
        f"--depth-range {min(lows):g},{max(highs):g} suits all such images; --depth-range file "
        "uses each image's own range"
    )
    _, first_record = np.unique(image_of, return_index=True)
    for image, note in notes.items():
        yield Finding("lost-depth", f"{note}; {advice}", int(first_record[image]))


def _check_splits(
    records: Records, inspections: list[ImageInspection], image_of: np.ndarray
) -> Iterator[Finding]:
    """Finds images that are in both splits."""
    train, held_out = (
        dict(zip(image_of[rows].tolist(), rows.tolist(), strict=True))
        for rows in (np.flatnonzero(~records.validation), np.flatnonzero(records.validation))
    )
    for image in sorted(train.keys() & held_out.keys()):
        message = "the image has records in the train and in the val split"
        yield Finding("image-in-both-splits", message, held_out[image])
    known = [
        [
            image
            for image in side
            if image not in other and inspections[image].fingerprint is not None
        ]
        for side, other in ((train, held_out), (held_out, train))
    ]
    prints = [[inspections[image].fingerprint for image in images] for images in known]
    seen = set()
    for i, j in copies(*prints):
        if j not in seen:
            seen.add(j)
            twin = records.paths[train[known[0][i]]]
            message = f"looks the same as {twin} of the train split"
            yield Finding("duplicate-image", message, held_out[known[1][j]])


def _in_file(finding: Finding, survey: Survey) -> Finding:
    """Returns the finding with the record's index in the file, and its image."""
    if finding.record is None or survey.records is None:
        return finding
    path = survey.records.paths[finding.record]
    return replace(finding, record=int(survey.sound[finding.record]), img_paths=path)
