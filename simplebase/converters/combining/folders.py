"""Reading one of our own folders as what is written to another one."""

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
    """The records of a dataset folder as they stand in its file, and their images.

    Records whose image is not there are left out and counted. Fields that we do not know stay.

    Args:
        folder: the dataset folder.
        skeleton: what the records follow; by default what the folder's own text files say.
        chosen: the places of those records in the file that are wanted; by default all.

    Raises:
        ArgumentError: the dataset is packed, or has fewer records than `chosen` names.
        MissingFileError: the folder, its annotations or a skeleton is missing.
        DataError: a record is broken; the message names file, record index and field.
    """
    if is_packed(folder):
        raise ArgumentError(
            f"{os.fspath(folder)} is packed: it holds crops, not images. Give the dataset folder "
            "that it was packed from."
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
