"""Poses frame by frame: where the demo looks, and how often."""

from typing import Any

import numpy as np
import pytest
from coloured_dots import SKELETON, TRIANGLE, DotModel, dots, frame

from simplebase.demo.estimation import FrameEstimator
from simplebase.demo.finding.boxes import GivenBoxes, WholeFrame
from simplebase.errors import ArgumentError
from simplebase.metadata import ModelMetadata
from simplebase.pose import Box

OTHER = [(x + 200, y + 60) for x, y in TRIANGLE]
SIZE = (200, 400)
FIRST_BOX, OTHER_BOX = (30.0, 20.0, 70.0, 70.0), (230.0, 80.0, 70.0, 70.0)


class Finder:
    """Finds the boxes that it was given, and counts how often it was asked."""

    def __init__(self, *boxes: Box) -> None:
        self.boxes = list(boxes)
        self.asked: list[int] = []

    def __call__(self, frame: Any) -> list[Box]:
        self.asked.append(frame.index)
        return self.boxes


def scene(n: int = 0, others: bool = True) -> np.ndarray:
    first = [(x + n, y) for x, y in TRIANGLE]
    return dots([first, OTHER] if others else [first], SIZE)


def test_several_objects_are_looked_at_in_one_batch() -> None:
    model = DotModel()
    estimate = FrameEstimator(model, Finder(FIRST_BOX, OTHER_BOX), is_sequence=False)
    found = estimate(frame(scene()))
    assert model.batches[-1:] == [2]
    for pose, expected in zip(found.poses, (TRIANGLE, OTHER), strict=True):
        np.testing.assert_allclose(pose.keypoints[:, :2], expected, atol=0.6)
        assert pose.identity is None


def test_a_frame_without_an_object_has_no_pose_and_runs_no_model() -> None:
    model = DotModel()
    found = FrameEstimator(model, Finder(), is_sequence=True)(frame(scene()))
    assert found.poses == [] and model.batches == []


def test_between_detections_objects_are_followed() -> None:
    model, find = DotModel(), Finder(FIRST_BOX, OTHER_BOX)
    estimate = FrameEstimator(model, find, is_sequence=True, find_every=5, distinct=True)
    for n in range(11):
        found = estimate(frame(scene(n), n))
        assert [pose.identity for pose in found.poses] == [1, 2]
        expected = [(x + n, y) for x, y in TRIANGLE]
        np.testing.assert_allclose(found.poses[0].keypoints[:, :2], expected, atol=0.8)
    assert find.asked == [0, 5, 10]


def test_while_nobody_is_there_the_detector_looks_in_every_frame() -> None:
    find = Finder()
    estimate = FrameEstimator(DotModel(), find, is_sequence=True, find_every=5)
    for n in range(4):
        estimate(frame(scene(), n))
    find.boxes = [FIRST_BOX]
    for n in range(4, 8):
        assert len(estimate(frame(scene(), n)).poses) == 1
    assert find.asked == [0, 1, 2, 3, 4]


def test_who_the_detector_misses_is_still_followed() -> None:
    find = Finder(FIRST_BOX, OTHER_BOX)
    estimate = FrameEstimator(DotModel(), find, is_sequence=True, find_every=2, distinct=True)
    estimate(frame(scene(), 0))
    find.boxes = [FIRST_BOX]
    for n in range(1, 6):
        found = estimate(frame(scene(), n))
        assert sorted(pose.identity or 0 for pose in found.poses) == [1, 2]


def test_who_left_is_not_seen_where_he_was() -> None:
    find = Finder(FIRST_BOX, OTHER_BOX)
    estimate = FrameEstimator(DotModel(), find, is_sequence=True, find_every=5, distinct=True)
    estimate(frame(scene(), 0))
    for n in range(1, 4):
        found = estimate(frame(scene(others=False), n))
        assert [pose.identity for pose in found.poses] == [1]


def test_two_boxes_of_one_object_give_one_pose() -> None:
    x, y, width, height = FIRST_BOX
    boxes = FIRST_BOX, (x - 5, y + 3, width + 8, height), OTHER_BOX
    both = FrameEstimator(DotModel(), Finder(*boxes), is_sequence=False)
    assert len(both(frame(scene())).poses) == 3
    one = FrameEstimator(DotModel(), Finder(*boxes), is_sequence=False, distinct=True)
    found = one(frame(scene())).poses
    assert len(found) == 2
    np.testing.assert_allclose(found[1].keypoints[:, :2], OTHER, atol=0.6)


def test_following_closes_in_on_the_object_in_the_first_frame() -> None:
    estimate = FrameEstimator(DotModel(), WholeFrame(), is_sequence=True, find_every=None)
    boxes = [estimate(frame(scene(n, others=False), n)).poses[0].box for n in range(8)]
    areas = [width * height for *_, width, height in boxes]
    assert max(areas) < 100 * 100


def test_following_looks_twice_at_what_it_finds() -> None:
    """A small object in a large frame, in a still image: found roughly, then exactly."""
    small = [(x / 2 + 150, y / 2 + 50) for x, y in TRIANGLE]
    image = dots([small], SIZE)
    once, twice = (
        FrameEstimator(DotModel(), WholeFrame(), is_sequence=False, find_every=every)(frame(image))
        for every in (1, None)
    )
    errors = [np.abs(found.poses[0].keypoints[:, :2] - small).max() for found in (once, twice)]
    assert once.poses[0].box == (0, 0, 400, 200)
    assert max(twice.poses[0].box[2:]) < 100
    assert errors[1] < errors[0] and errors[1] < 0.6


class ShortSighted(DotModel):
    """Finds nothing in the second crop that it is shown."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        return super().predict(images) * (len(self.batches) < 2)


def test_a_second_look_that_finds_less_is_dropped() -> None:
    estimate = FrameEstimator(ShortSighted(), WholeFrame(), is_sequence=False, find_every=None)
    (pose,) = estimate(frame(scene(others=False))).poses
    assert pose.box == (0, 0, 400, 200)
    assert pose.score > 0.5


def test_following_starts_over_when_the_object_is_lost() -> None:
    estimate = FrameEstimator(DotModel(), WholeFrame(), is_sequence=True, find_every=None)
    estimate(frame(scene(others=False), 0))
    assert estimate(frame(dots([], SIZE), 1)).poses == []
    assert len(estimate(frame(scene(others=False), 2)).poses) == 1


def test_a_box_outside_of_the_frame_is_told() -> None:
    estimate = FrameEstimator(DotModel(), GivenBoxes([(900.0, 0.0, 5.0, 5.0)]), is_sequence=False)
    with pytest.raises(ArgumentError, match="outside the image of 400x200"):
        estimate(frame(scene()))


def test_heat_lies_where_the_keypoints_are() -> None:
    finder = Finder(FIRST_BOX, OTHER_BOX)
    heat = FrameEstimator(DotModel(), finder, is_sequence=False, with_heat=True)(
        frame(scene())
    ).heat
    assert heat is not None and heat.shape == SIZE
    for x, y in (*TRIANGLE, *OTHER):
        assert heat[round(y), round(x)] > 200
    assert heat[:, 130:200].max() == 0


def test_heat_of_a_model_without_heatmaps_is_refused() -> None:
    class Decoding(DotModel):
        def __init__(self) -> None:
            super().__init__()
            known = self.metadata
            self.metadata = ModelMetadata(
                "dots", known.input_size, known.crop, known.codec, SKELETON, outputs=("keypoints",)
            )

    with pytest.raises(ArgumentError, match="there is no heatmap to draw over"):
        FrameEstimator(Decoding(), WholeFrame(), is_sequence=False, with_heat=True)
