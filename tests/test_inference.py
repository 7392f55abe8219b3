"""Inference: the crop of a box and its exact way back."""

import sys
import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from coloured_dots import TRIANGLE, DotModel, dots

from simplebase import Crop, HeatmapCodec, ModelMetadata, Pose, PoseEstimator, Skeleton
from simplebase.errors import ArgumentError, MissingPackageError
from simplebase.geometry import Size
from simplebase.images import warp_image

SKELETON = Skeleton("triangle", ("a", "b", "c"))
IMAGE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
# Of the object's box, from its top left corner.
WITHIN = np.array([[0.2, 0.1], [0.5, 0.5], [0.83, 0.91]])


def metadata(size: Size = (64, 64), crop: Crop | None = None) -> ModelMetadata:
    return ModelMetadata("fake", size, crop or Crop(), HeatmapCodec(size), SKELETON)


def by_hand(box: Any, size: Size, padding: float, center_shift: float = 0.0) -> np.ndarray:
    """Image to crop for a box at least as upright as the input, from section 3 of the design."""
    x, y, width, height = box
    scale = height / 200
    magnification = size[0] / (200 * scale * padding)
    center_x, center_y = x + (width - 1) / 2, y + (height - 1) / 2
    return np.array(
        [
            [magnification, 0, (size[1] - 1) / 2 - center_x * magnification],
            [0, magnification, (size[0] - 1) / 2 - center_y * magnification],
        ]
    )


@pytest.mark.parametrize("decode", ["dark", "argmax"])
@pytest.mark.parametrize("size", [(64, 64), (96, 64)], ids=["square", "upright"])
def test_poses_come_back_at_their_image_coordinates(
    knowing_runtime: Any, size: Size, decode: Any
) -> None:
    boxes = [(30.0, 20.0, 60.0, 90.0), (150.5, 40.25, 100.0, 160.0), (-10.0, 100.0, 50.0, 120.0)]
    points = np.array([[box[0], box[1]] + WITHIN * [box[2], box[3]] for box in boxes])
    matrices = np.stack([by_hand(box, size, 1.25) for box in boxes])
    runtime = knowing_runtime(metadata(size), points, matrices)
    poses = PoseEstimator(runtime, decode)(IMAGE, boxes)
    assert [pose.box for pose in poses] == boxes
    for pose, expected, matrix in zip(poses, points, matrices, strict=True):
        # Half a cell for argmax; otherwise what the sampled Gaussian leaves.
        tolerance = 2.01 / matrix[0, 0] if decode == "argmax" else 0.05
        np.testing.assert_allclose(pose.keypoints[:, :2], expected, atol=tolerance)
        assert pose.skeleton is SKELETON
        assert 0.9 < pose.keypoints[:, 2].min() <= pose.score <= 1


def test_what_the_model_sees_is_the_box_with_its_padding(knowing_runtime: Any) -> None:
    box = (100.0, 50.0, 64.0, 64.0)
    crop = Crop(padding=1.0)
    matrix = by_hand(box, (64, 64), 1.0)
    runtime = knowing_runtime(metadata(crop=crop), np.zeros((1, 3, 2)), matrix[None])
    PoseEstimator(runtime)(IMAGE, [box])
    # With padding 1 and as many pixels as the input has, it is a plain slice.
    np.testing.assert_array_equal(runtime.crops[0], IMAGE[50:114, 100:164])


def test_the_center_shift_of_imported_models_leaves_the_box_in_the_middle(
    knowing_runtime: Any,
) -> None:
    """It belongs to how datasets label centres; a box is where the object is."""
    box = (100.0, 50.0, 60.0, 80.0)
    plain = by_hand(box, (64, 64), 1.25)
    points = np.array([[box[0], box[1]] + WITHIN * [box[2], box[3]]])
    runtime = knowing_runtime(metadata(crop=Crop(center_shift=15.0)), points, plain[None])
    (pose,) = PoseEstimator(runtime)(IMAGE, [box])
    np.testing.assert_allclose(pose.keypoints[:, :2], points[0], atol=0.05)
    np.testing.assert_array_equal(runtime.crops[0], warp_image(IMAGE, plain, (64, 64)))


def test_a_wide_box_is_seen_whole(knowing_runtime: Any) -> None:
    box = (20.0, 100.0, 200.0, 50.0)
    # The width decides: 200 pixels and the padding fill the input's width.
    magnification = 64 / (200 * 1.25)
    matrix = np.array(
        [
            [magnification, 0, 31.5 - (20 + 99.5) * magnification],
            [0, magnification, 31.5 - (100 + 24.5) * magnification],
        ]
    )
    points = np.array([[box[0], box[1]] + WITHIN * [box[2], box[3]]])
    runtime = knowing_runtime(metadata(), points, matrix[None])
    (pose,) = PoseEstimator(runtime)(IMAGE, [box])
    np.testing.assert_allclose(pose.keypoints[:, :2], points[0], atol=0.05)


def test_without_boxes_the_whole_image_is_one(knowing_runtime: Any) -> None:
    runtime = knowing_runtime(metadata(), np.zeros((1, 3, 2)), np.zeros((1, 2, 3)))
    (pose,) = PoseEstimator(runtime)(IMAGE)
    assert pose.box == (0, 0, 320, 240)


def test_no_boxes_give_no_poses_and_run_nothing(knowing_runtime: Any) -> None:
    runtime = knowing_runtime(metadata(), np.zeros((0, 3, 2)), np.zeros((0, 2, 3)))
    assert PoseEstimator(runtime)(IMAGE, []) == []
    assert runtime.crops == []


def test_boxes_may_be_an_array(knowing_runtime: Any) -> None:
    runtime = knowing_runtime(metadata(), np.zeros((2, 3, 2)), np.zeros((2, 2, 3)))
    boxes = np.array([[0, 0, 10, 20], [5, 5, 10, 10]], float)
    assert len(PoseEstimator(runtime)(IMAGE, boxes)) == 2


@pytest.mark.parametrize(
    "image",
    [IMAGE[..., 0], IMAGE[..., :1], np.zeros((4, 4, 4), np.uint8), IMAGE / 255],
    ids=["grey", "one channel", "alpha", "float"],
)
def test_an_image_of_another_kind_is_refused(knowing_runtime: Any, image: np.ndarray) -> None:
    estimator = PoseEstimator(knowing_runtime(metadata(), np.zeros((1, 3, 2)), np.eye(2, 3)[None]))
    with pytest.raises(ArgumentError, match="uint8 RGB. Received: "):
        estimator(image)


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 0, 10),
        (0, 0, 10, -1),
        (0, 0, 10),
        (0, 0, 10, 10, 10),
        (0, 0, float("nan"), 10),
        (float("nan"), 0, 10, 10),
        (0, 0, float("inf"), 10),
    ],
    ids=str,
)
def test_a_box_without_an_area_is_refused(knowing_runtime: Any, box: Any) -> None:
    estimator = PoseEstimator(knowing_runtime(metadata(), np.zeros((1, 3, 2)), np.eye(2, 3)[None]))
    with pytest.raises(ArgumentError, match="a box is x, y, width, height"):
        estimator(IMAGE, [box])


def test_an_empty_image_is_refused(knowing_runtime: Any) -> None:
    estimator = PoseEstimator(knowing_runtime(metadata(), np.zeros((1, 3, 2)), np.eye(2, 3)[None]))
    with pytest.raises(ArgumentError):
        estimator(np.zeros((0, 10, 3), np.uint8))


def test_a_poses_score_is_the_mean_of_its_keypoints() -> None:
    keypoints = np.array([[0, 0, 0.2], [0, 0, 0.4], [0, 0, 0.9]], np.float32)
    assert Pose(keypoints, (0, 0, 1, 1), SKELETON).score == pytest.approx(0.5)


@pytest.mark.parametrize(
    "box", [(300, 0, 10, 10), (0, 200, 10, 10), (-20, 5, 20, 10), (5, -30, 10, 30)]
)
def test_a_box_outside_of_the_image_is_refused(knowing_runtime: Any, box: Any) -> None:
    estimator = PoseEstimator(knowing_runtime(metadata(), np.zeros((1, 3, 2)), np.eye(2, 3)[None]))
    with pytest.raises(ArgumentError, match="outside the image of 300x200"):
        estimator(np.zeros((200, 300, 3), np.uint8), [box])


class OneSided:
    """Answers with the brightest column of an image, as keypoint `left`, whatever it is."""

    metadata = ModelMetadata(
        "fake",
        (64, 64),
        Crop(padding=1.0),
        HeatmapCodec((64, 64)),
        Skeleton("pair", ("left", "right"), horizontal_pairs=(("left", "right"),)),
    )

    def predict(self, images: np.ndarray) -> np.ndarray:
        columns = images.sum(axis=(1, 3)).argmax(axis=1)
        points = np.full((len(images), 2, 3), 32.0, np.float32)
        points[:, 0, 0] = columns
        points[:, 1, 2] = 0
        return self.metadata.codec.encode(points)[0]


def test_a_flip_test_averages_with_the_mirrored_image_and_swaps_its_pairs() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 20] = 255
    plain = PoseEstimator(OneSided())(image)[0].keypoints
    both = PoseEstimator(OneSided(), flip_test=True)(image)[0].keypoints
    assert plain[0, 0] == pytest.approx(20, abs=0.1) and plain[1, 2] == 0
    # The mirrored image has the column at 43, which is 20 again as keypoint `right`.
    np.testing.assert_allclose(both[:, 0], [20, 20], atol=0.1)
    np.testing.assert_allclose(both[:, 2], plain[0, 2] / 2, rtol=1e-3)


class Decoded:
    """A model that decodes itself."""

    def __init__(self, answer: np.ndarray) -> None:
        self.metadata = replace(metadata(), outputs=("keypoints",))
        self.answer = answer

    def predict(self, images: np.ndarray) -> np.ndarray:
        return self.answer


def test_keypoints_that_the_model_decoded_are_led_back_to_the_image() -> None:
    box = (40.0, 30.0, 64.0, 64.0)
    answer = np.array([[[31.5, 31.5, 0.9], [0, 0, 0.5], [63, 31.5, 0.1]]], np.float32)
    [pose] = PoseEstimator(Decoded(answer))(IMAGE, [box])
    # The box is 64 pixels, so the crop 80 of them, about the box's middle.
    middle, step = np.array([71.5, 61.5]), 80 / 64
    expected = middle + (answer[0, :, :2] - 31.5) * step
    np.testing.assert_allclose(pose.keypoints[:, :2], expected, atol=1e-4)
    assert pose.keypoints[:, 2].tolist() == answer[0, :, 2].tolist()


@pytest.mark.parametrize("settings", [{"decode": "argmax"}, {"flip_test": True}], ids=str)
def test_what_needs_heatmaps_is_refused_of_a_model_without(settings: Any) -> None:
    with pytest.raises(ArgumentError, match="need a model that returns heatmaps"):
        PoseEstimator(Decoded(np.zeros((1, 3, 3))), **settings)


def test_a_pose_knows_the_names_of_its_keypoints() -> None:
    assert Pose(np.zeros((3, 3), np.float32), (0, 0, 1, 1), SKELETON).names == ("a", "b", "c")


@pytest.mark.parametrize("fit", ["stretch", "crop"])
def test_every_fit_leads_back_to_the_image(knowing_runtime: Any, fit: Any) -> None:
    boxes = [(30.0, 20.0, 60.0, 90.0), (150.5, 40.25, 100.0, 60.0)]
    points = np.array([[box[0], box[1]] + WITHIN * [box[2], box[3]] for box in boxes])
    # What `crop` cuts off cannot be found.
    points = points if fit == "stretch" else points[:, 1:2].repeat(3, axis=1)
    known = metadata((64, 96))
    matrices = known.crop.box_matrix(np.array(boxes), (64, 96), fit)
    poses = PoseEstimator(knowing_runtime(known, points, matrices), fit=fit)(IMAGE, boxes)
    for pose, expected in zip(poses, points, strict=True):
        np.testing.assert_allclose(pose.keypoints[:, :2], expected, atol=0.06)


def test_a_pose_becomes_keypoints_of_supervision() -> None:
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    keypoints = np.array([[1, 2, 0.5], [3, 4, 0.9], [5, 6, 0.1]], np.float32)
    found = Pose(keypoints, (0, 0, 9, 9), SKELETON).to_supervision()
    assert isinstance(found, supervision.KeyPoints) and len(found) == 1
    np.testing.assert_array_equal(found.xy, keypoints[None, :, :2])
    np.testing.assert_array_equal(found.keypoint_confidence, keypoints[None, :, 2])


def test_without_supervision_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingPackageError, match="pip install 'supervision>=0.29'"):
        Pose(np.zeros((3, 3), np.float32), (0, 0, 1, 1), SKELETON).to_supervision()


def test_an_old_supervision_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class KeyPoints:
        """As it was until 0.28."""

        def __init__(self, xy: Any, class_id: Any = None, confidence: Any = None) -> None:
            pass

    old = types.SimpleNamespace(KeyPoints=KeyPoints, __version__="0.28.0")
    monkeypatch.setitem(sys.modules, "supervision", old)
    with pytest.raises(MissingPackageError, match="needs supervision 0.29 .* Installed: 0.28.0"):
        Pose(np.zeros((3, 3), np.float32), (0, 0, 1, 1), SKELETON).to_supervision()


def test_a_second_look_is_at_the_box_around_the_keypoints() -> None:
    """Dots that are small in the image are found to a fraction of a pixel only from nearby."""
    places = [(150 + x / 4, 60 + y / 4) for x, y in TRIANGLE]
    image = dots([places], (300, 400))
    estimator = PoseEstimator(DotModel())
    (once,), (twice,) = estimator(image), estimator(image, look_twice=True)
    errors = [np.abs(pose.keypoints[:, :2] - places).max() for pose in (once, twice)]
    assert once.box == (0, 0, 400, 300) and max(twice.box[2:]) < 60
    assert errors[1] < 0.7 and errors[1] < errors[0]
    # The box around what was found lies inside the image.
    x, y, width, height = twice.box
    assert 0 <= x < x + width <= 400 and 0 <= y < y + height <= 300


def test_a_second_look_at_nothing_stays_with_the_first() -> None:
    (pose,) = PoseEstimator(DotModel())(dots([], (300, 400)), look_twice=True)
    assert pose.box == (0, 0, 400, 300)
