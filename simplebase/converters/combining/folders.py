"""Reads a dataset folder in order to write another one."""

import os
from collections.abc import Sequence

from simplebase.converters.conversion import Conversion
from simplebase.converters.image_files import find_image
from simplebase.data.dataset import IMAGES, annotation_file, own_skeleton, require_folder
from simplebase.data.packed.location import is_packed
from simplebase.data.records import survey_records
from simplebase.errors import ArgumentError, DataError
from simplebase.skeletons import Skeleton


def read_folder(
    folder: str | os.PathLike[str],
    skeleton: Skeleton | None = None,
    chosen: Sequence[range] | None = None,
) -> Conversion:
    """Reads the unchanged records of a dataset folder, and their images.

    Records without an image file are left out and counted. Unknown fields are kept.

    Args:
        folder: the dataset folder.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        chosen: indices of the wanted records in the file. By default all.

    Raises:
        ArgumentError: the dataset is packed, or has fewer records than `chosen` names.
        MissingFileError: the folder, its annotations or a skeleton is missing.
        DataError: a record is invalid; the message names file, record index and field.
    """
    if is_packed(folder):
        raise ArgumentError(
            f"{os.fspath(folder)} is packed: it contains crops, not images. Give the dataset "
            "folder from which it was packed."
        )
    folder = require_folder(folder)
    skeleton = skeleton or own_skeleton(folder)
    file = annotation_file(folder)
    survey = survey_records(file, skeleton.num_keypoints, skeleton.name)
    for index, problems in survey.problems.items():
        raise DataError(f"{file}, record {index}: {problems[0]}")
    count = len(survey.content)
    last = max((each[-1] for each in chosen or ()), default=0)
    if last >= count:
        raise ArgumentError(
            f"{file} has {count} records, numbered from 0 to {count - 1}. Received: {last}."
        )
    conversion = Conversion(skeleton, folder / IMAGES, [file])
    places = range(count) if chosen is None else sorted({at for each in chosen for at in each})
    for record in (survey.content[place] for place in places):
        image = find_image(conversion.image_folder, record["img_paths"])
        if image is None:
            conversion.leave_out_missing_image(record["img_paths"])
        else:
            conversion.add(record, image)
    return conversion
