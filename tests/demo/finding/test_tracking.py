"""Who is who, and where each is looked for next."""

import numpy as np
import pytest

from simplebase import Pose, load_skeleton
from simplebase.demo.finding.tracking import Tracker, box_around
from simplebase.demo.smoothing import OneEuro
from simplebase.pose import extent

SKELETON = load_skeleton("lsp")
RNG = np.random.default_rng(0)
# A body of a hundred pixels or so, around 0.
BODY = RNG.uniform(-40, 40, (14, 2)) * [0.5, 1.3]
IMAGE = np.zeros((400, 600, 3), np.uint8)


def pose(x: float, y: float = 200.0, score: float = 0.8, size: float = 1.0) -> Pose:
    points = BODY * size + [x, y]
    keypoints = np.concatenate([points, np.full((14, 1), score)], axis=1).astype(np.float32)
    return Pose(keypoints, (x - 50 * size, y - 60 * size, 100 * size, 120 * size), SKELETON)


def tracker(smoothing: OneEuro | None = None) -> Tracker:
    return Tracker(SKELETON, smoothing, 0.1)


def identities(tracker: Tracker, *frames: list[Pose]) -> list[list[int | None]]:
    return [
        [found.identity for found in tracker.update(poses, n / 25)]
        for n, poses in enumerate(frames)
    ]


def test_two_people_who_change_places_in_the_list_keep_their_numbers() -> None:
    found = identities(tracker(), [pose(100), pose(300)], [pose(305), pose(103)], [pose(110)])
    assert found == [[1, 2], [2, 1], [1]]


def test_people_who_walk_past_each_other_keep_their_numbers() -> None:
    left = [100 + 12 * n for n in range(20)]
    right = [340 - 12 * n for n in range(20)]
    # The nearer one is larger, and a little lower in the picture.
    frames = [[pose(a, 200), pose(b, 230, size=1.4)] for a, b in zip(left, right, strict=True)]
    assert identities(tracker(), *frames) == [[1, 2]] * 20


def test_who_comes_is_new_and_a_number_is_never_given_twice() -> None:
    far = pose(500)
    gone: list[list[Pose]] = [[]] * 11
    found = identities(tracker(), [pose(100)], [pose(101), far], *gone, [pose(100)])
    assert found[1] == [1, 2] and found[-1] == [3]


def test_who_is_missed_for_a_moment_comes_back_as_the_same() -> None:
    nobody: list[list[Pose]] = [[]] * 10
    assert identities(tracker(), [pose(100)], *nobody, [pose(104)])[-1] == [1]


def test_the_next_box_is_around_the_keypoints() -> None:
    tracks = tracker()
    tracks.update([pose(100)], 0.0)
    (box,) = tracks.boxes(IMAGE)
    points = pose(100).keypoints[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    sides = 1.2 * (high - low)
    np.testing.assert_allclose(box[2:], sides, rtol=1e-5)
    # A box's last pixel is one short of its end.
    np.testing.assert_allclose(np.array(box[:2]) + (sides - 1) / 2, (low + high) / 2, rtol=1e-5)


@pytest.mark.parametrize(("padding", "growth"), [(1.0, 1.25), (1.25, 1.0), (1.5, 1.0)])
def test_a_tight_crop_gets_a_larger_box(padding: float, growth: float) -> None:
    """So that what the model sees is at least as much around the keypoints as with 1.25."""
    tracker = Tracker(SKELETON, None, 0.1, padding)
    tracker.update([pose(100)], 0)
    (box,) = tracker.boxes(IMAGE)
    x, y, width, height = extent(pose(100), 0.1)
    assert box[2:] == pytest.approx((width * growth, height * growth))
    assert box[0] + box[2] / 2 == pytest.approx(x + width / 2)
    assert box[1] + box[3] / 2 == pytest.approx(y + height / 2)


def test_who_is_not_seen_or_hardly_is_not_followed() -> None:
    tracks = tracker()
    tracks.update([pose(100), pose(300, score=0.15)], 0.0)
    assert len(tracks.boxes(IMAGE)) == 1
    tracks.update([], 0.04)
    assert tracks.boxes(IMAGE) == []


def test_who_walks_out_of_the_view_is_not_looked_for_outside() -> None:
    tracks = tracker()
    tracks.update([pose(-200), pose(595)], 0.0)
    ((x, _, width, _),) = tracks.boxes(IMAGE)
    assert x + width == 600


def test_limbs_that_hide_do_not_shut_the_view() -> None:
    hidden = pose(100)
    hidden.keypoints[4:, 2] = 0.0
    hidden.keypoints[:4, :2] = [[100, 190], [110, 190], [110, 210], [100, 215]]
    box = box_around(hidden, 0.1)
    assert max(box[2:]) == pytest.approx(0.6 * 120)
    shown = hidden.keypoints[:4, :2]
    middle = (shown.min(axis=0) + shown.max(axis=0)) / 2
    np.testing.assert_allclose(np.array(box[:2]) + (np.array(box[2:]) - 1) / 2, middle, atol=0.6)


def test_too_few_keypoints_tell_no_box() -> None:
    few = pose(100)
    few.keypoints[2:, 2] = 0.0
    assert box_around(few, 0.1) == few.box == extent(few, 0.1)


def test_a_line_of_keypoints_has_a_box_with_an_area() -> None:
    line = pose(100)
    line.keypoints[:, 0] = 100
    assert min(extent(line, 0.1)[2:]) > 20


def test_smoothing_is_each_objects_own_and_ends_with_it() -> None:
    tracks = tracker(OneEuro(min_cutoff=0.2, beta=0.0))
    tracks.update([pose(100), pose(300)], 0.0)
    first, second = tracks.update([pose(110), pose(300)], 0.04)
    assert 0 < first.keypoints[0, 0] - pose(100).keypoints[0, 0] < 2
    np.testing.assert_allclose(second.keypoints, pose(300).keypoints, rtol=1e-6)
    # Somebody else appears where nobody was: no trace of an earlier one.
    (new,) = tracks.update([pose(500)], 0.08)
    np.testing.assert_array_equal(new.keypoints, pose(500).keypoints)


def test_the_next_box_does_not_lag_behind() -> None:
    tracks, smooth = tracker(), tracker(OneEuro(min_cutoff=0.1, beta=0.0))
    for each in (tracks, smooth):
        each.update([pose(100)], 0.0)
        each.update([pose(120)], 0.04)
    assert tracks.boxes(IMAGE) == smooth.boxes(IMAGE)


def test_without_smoothing_only_the_number_is_added() -> None:
    (found,) = tracker().update([pose(100)], 0.0)
    np.testing.assert_array_equal(found.keypoints, pose(100).keypoints)
    assert found.identity == 1


def test_who_is_not_there_has_no_number() -> None:
    nobody = pose(100, score=0.0)
    assert identities(tracker(), [nobody], [nobody], [pose(100)]) == [[None], [None], [1]]
