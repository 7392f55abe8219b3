"""Opens a dataset, either a folder or a packed dataset."""

import os
from dataclasses import replace

from simplebase.data.dataset import KeypointDataset, load_folder
from simplebase.data.packed.location import is_packed
from simplebase.errors import DataError
from simplebase.images import DepthRange
from simplebase.skeletons import Skeleton


def load_dataset(
    folder: str | os.PathLike[str],
    skeleton: Skeleton | None = None,
    depth_range: DepthRange | None = None,
) -> KeypointDataset:
    """Opens a dataset: a folder (`simplebase.data.dataset`) or a packed dataset (`.packed`).

    Args:
        folder: the folder. A packed dataset may also be an address, such as `gs://bucket/packed`.
        skeleton: the skeleton of the records. The default is the dataset's own.
        depth_range: which values of images of more than 8 bits become black and white.

    Raises:
        MissingFileError: the folder, its annotations or a skeleton is missing.
        DataError: the content of a file is invalid.
    """
    if is_packed(folder):
        return _load_packed(folder, skeleton, depth_range)
    return load_folder(folder, skeleton, depth_range)


def _load_packed(
    location: str | os.PathLike[str], skeleton: Skeleton | None, depth_range: DepthRange | None
) -> KeypointDataset:
    # Imported here: it imports TensorFlow, which a plain folder does not need.
    from simplebase.data.packed.reader import load_packed

    dataset = load_packed(location).with_default_depth(depth_range)
    if skeleton is None:
        return dataset
    if skeleton.num_keypoints != dataset.skeleton.num_keypoints:
        raise DataError(
            f"{dataset.name} was packed with {dataset.skeleton.num_keypoints} keypoints, but "
            f"skeleton {skeleton.name!r} has {skeleton.num_keypoints}. Leave out --skeleton."
        )
    return replace(dataset, skeleton=skeleton)
