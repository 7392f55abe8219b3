"""The demo on one image file."""

import os

from simplebase.demo.drawing import draw
from simplebase.files import require_output
from simplebase.images import read_image, require_image_suffix, write_image
from simplebase.inference import Box, Pose, load


def demo_image(
    model: str | os.PathLike[str],
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    box: Box | None = None,
    min_score: float = 0.1,
    overwrite: bool = False,
) -> list[Pose]:
    """Finds the pose in an image file and writes the image with its skeleton.

    Args:
        model: a model file.
        source: an image file.
        output: an image file to write.
        box: x, y, width, height of the object in pixels; by default the whole image.
        min_score: keypoints below it are not drawn.
        overwrite: replace `output` if it exists.

    Returns:
        The poses found.

    Raises:
        MissingFileError, DataError: `model` or `source` is missing or not what it should be.
        OutputExistsError: `output` exists and `overwrite` is off.
    """
    require_image_suffix(output)
    require_output(output, overwrite=overwrite)
    image = read_image(source)
    poses = load(model)(image, None if box is None else [box])
    write_image(output, draw(image, poses, min_score=min_score), overwrite=overwrite)
    return poses
