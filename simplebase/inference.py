"""Estimates poses in images, in pixels of the image."""

import os
from collections.abc import Sequence

import numpy as np

from simplebase.codec import DecodeMethod
from simplebase.errors import ArgumentError
from simplebase.geometry import Fit, invert, transform_points
from simplebase.images import warp_image
from simplebase.metadata import ModelMetadata
from simplebase.pose import Box, Pose, better_look, closer_boxes
from simplebase.runtimes import Runtime, load_runtime
from simplebase.skeletons import Skeleton

MIN_SCORE = 0.1
"""Default score below which a keypoint counts as not found."""


class PoseEstimator:
    """Finds the keypoints of the object in each box of an image.

    Args:
        runtime: an open model.
        decode: how heatmaps are converted to points, see `HeatmapCodec.decode`. A model that
            returns keypoints only has decoded them itself, with `dark`.
        flip_test: average the heatmaps with those of the mirrored image, which takes twice the
            time. With `decode="published"` they are moved by whole cells, see
            `HeatmapCodec.unflip`.
        fit: how a box is fitted into the model's input, see `Crop.box_matrix`.

    Raises:
        ArgumentError: the model does not return heatmaps, and a `decode` other than `dark` or a
            flip test was requested.
    """

    def __init__(
        self,
        runtime: Runtime,
        decode: DecodeMethod = "dark",
        flip_test: bool = False,
        fit: Fit = "letterbox",
    ) -> None:
        if "heatmaps" not in runtime.metadata.outputs and (decode != "dark" or flip_test):
            raise ArgumentError(
                "the model returns keypoints that it decodes with dark. Other ways to decode, and "
                "the flip test, need a model that returns heatmaps."
            )
        self.runtime = runtime
        self.decode = decode
        self.flip_test = flip_test
        self.fit = fit

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of the model's keypoints."""
        return self.runtime.metadata.skeleton

    def __call__(
        self,
        image: np.ndarray,
        boxes: Sequence[Box] | None = None,
        *,
        look_twice: bool = False,
    ) -> list[Pose]:
        """Estimates one pose per box.

        Args:
            image: `(height, width, 3)` uint8 RGB.
            boxes: x, y, width, height of each object in pixels. The default is the whole image.
            look_twice: estimate again within boxes around the keypoints, which takes twice the
                time. It helps where objects do not fill their boxes, as in a whole photograph.

        Raises:
            ArgumentError: `image` has another shape or type, or a box is empty or outside it.
        """
        boxes = checked_boxes(image, boxes)
        if len(boxes) == 0:
            return []
        poses = self._poses(image, boxes)
        if look_twice:
            closer = closer_boxes(poses, image, self._least_score)
            second = self._poses(image, closer) if closer else []
            if second and better_look(poses, second):
                return second
        return poses

    @property
    def _least_score(self) -> float:
        """Score below which a keypoint counts as not found: the metadata's, or the default."""
        recommended = self.runtime.metadata.min_score
        return MIN_SCORE if recommended is None else recommended

    def _poses(self, image: np.ndarray, boxes: Sequence[Box]) -> list[Pose]:
        crops, matrices = cut_out(image, boxes, self.runtime.metadata, self.fit)
        return [
            Pose(keypoints, box, self.skeleton)
            for keypoints, box in zip(self.keypoints(crops, matrices), boxes, strict=True)
        ]

    def keypoints(self, crops: np.ndarray, matrices: np.ndarray) -> np.ndarray:
        """Returns `(B, K, 3)` float32: x, y in image pixels, and score.

        Args:
            crops: `(B, H, W, 3)` uint8.
            matrices: `(B, 2, 3)` from image to crop.
        """
        return to_image(self._in_crops(crops), matrices).astype(np.float32)

    def _in_crops(self, crops: np.ndarray) -> np.ndarray:
        """Returns `(B, K, 3)`: x, y in pixels of the crops `(B, H, W, 3)`, and score."""
        metadata = self.runtime.metadata
        answer = self.runtime.predict(crops)
        if metadata.outputs[0] == "keypoints":
            return answer
        if self.flip_test:
            mirrored = self.runtime.predict(np.ascontiguousarray(crops[:, :, ::-1]))
            permutation = self.skeleton.horizontal_permutation
            whole_cells = self.decode == "published"
            back = metadata.codec.unflip(mirrored, permutation, whole_cells=whole_cells)
            answer = (answer + back) / 2
        return decoded(answer, metadata, self.decode)


def decoded(
    heatmaps: np.ndarray, metadata: ModelMetadata, method: DecodeMethod = "dark"
) -> np.ndarray:
    """Decodes heatmaps `(B, h, w, K)` to `(B, K, 3)`: x, y in input pixels, and score."""
    points, scores = metadata.codec.decode(heatmaps, method)
    return np.concatenate([points, scores[..., None]], axis=-1)


def to_image(keypoints: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Maps keypoints from crops to the image; returns `(B, K, 3)`: x, y, and score.

    Args:
        keypoints: `(B, K, 3)` x, y in pixels of the crops, and score.
        matrices: `(B, 2, 3)`, map image pixels to crop pixels.
    """
    points = transform_points(invert(matrices), keypoints[..., :2])
    return np.concatenate([points, keypoints[..., 2:]], axis=-1)


def whole_image(image: np.ndarray) -> Box:
    """Returns the box that covers the whole image."""
    height, width = image.shape[:2]
    return 0.0, 0.0, float(width), float(height)


def checked_boxes(image: np.ndarray, boxes: Sequence[Box] | None) -> Sequence[Box]:
    """Returns `boxes`, or one box of the whole image if `boxes` is None.

    Raises:
        ArgumentError: `image` is not `(height, width, 3)` uint8, or a box is empty or outside it.
    """
    if not isinstance(image, np.ndarray):
        raise ArgumentError(
            "an image is a NumPy array; simplebase.read_image(path) reads a file. "
            f"Received: {type(image).__name__}."
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ArgumentError(
            f"an image is (height, width, 3) uint8 RGB. Received: {image.shape} {image.dtype}."
        )
    if boxes is None:
        boxes = [whole_image(image)]
    for box in boxes:
        _check_box(box, image)
    return boxes


def cut_out(
    image: np.ndarray,
    boxes: Sequence[Box],
    metadata: ModelMetadata,
    fit: Fit = "letterbox",
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts the model's inputs out of an image.

    Args:
        image: `(height, width, 3)` uint8 RGB.
        boxes: x, y, width, height of each of `B` objects in pixels, at least one.
        metadata: the model's metadata.
        fit: how a box is fitted into the model's input, see `Crop.box_matrix`.

    Returns:
        Crops `(B, H, W, 3)` uint8, and matrices `(B, 2, 3)` that map image to crop pixels.
    """
    matrices = metadata.crop.box_matrix(np.array(boxes), metadata.input_size, fit)
    crops = np.empty((len(matrices), *metadata.input_size, 3), np.uint8)
    for matrix, crop in zip(matrices, crops, strict=True):
        warp_image(image, matrix, metadata.input_size, out=crop)
    return crops, matrices


def _check_box(box: Box, image: np.ndarray) -> None:
    if np.shape(box) != (4,) or not np.isfinite(box).all() or min(box[2:]) <= 0:
        raise ArgumentError(
            "a box is x, y, width, height in pixels, the latter two above 0; boxes is a list of "
            "such. "
            f"Received: {box}."
        )
    height, width = image.shape[:2]
    if box[0] >= width or box[1] >= height or box[0] + box[2] <= 0 or box[1] + box[3] <= 0:
        raise ArgumentError(f"the box {box} lies outside the image of {width}x{height} pixels.")


def load(
    path: str | os.PathLike[str] | None = None, decode: DecodeMethod = "dark"
) -> PoseEstimator:
    """Opens a model for use on images.

    Args:
        path: a model file, or the name of a pretrained model, which is downloaded at its first use.
            The default, `person-mini`, is part of the package and finds the joints of one person,
            see docs/person_model.md.
        decode: how heatmaps are converted to points, see `HeatmapCodec.decode`.

    Raises:
        MissingFileError, DownloadError: as `simplebase.zoo.model_file`.
        SimplebaseError: as `load_runtime`.
    """
    from simplebase.zoo import PERSON, model_file

    if path is None:
        file = model_file(PERSON, runnable=True, local=False)
    else:
        file = model_file(path, runnable=True)
    return PoseEstimator(load_runtime(file), decode)
