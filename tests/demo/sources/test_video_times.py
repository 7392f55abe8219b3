"""Times of frames of videos whose rate varies, and of those that carry no times."""

import csv
import json
import math
import warnings
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coloured_dots import DotModel, moving, write_video
from variable_rate import write_variable

from simplebase.demo.run import run_demo
from simplebase.demo.settings import DemoSettings
from simplebase.demo.smoothing import KeypointSmoother
from simplebase.demo.sources import open_source
from simplebase.errors import SimplebaseWarning
from simplebase.videos.frame import Frame
from simplebase.videos.times import Clock

# A phone in the light, then in the dark: 0.6 s in all, 0.7 if counted at 20 frames per second.
DURATIONS = [1 / 30] * 6 + [0.1] * 4
TIMES = [0.0, *accumulate(DURATIONS)][:-1]
MILLISECOND = 1e-3


def levels(count: int) -> list[np.ndarray]:
    """Grey frames, each 20 levels lighter than the one before."""
    return [np.full((64, 96, 3), 20 * n, np.uint8) for n in range(count)]


@pytest.fixture
def variable(tmp_path: Path) -> Path:
    """Ten frames: six at 30 per second, four at 10."""
    return write_variable(tmp_path / "phone.mp4", levels(10), DURATIONS)


def frames_of(path: Path) -> list[Frame]:
    source = open_source(path)
    found = []
    while (each := source.read()) is not None:
        found.append(each)
    source.close()
    return found


def test_frames_have_the_times_of_the_container(variable: Path) -> None:
    found = frames_of(variable)
    np.testing.assert_allclose([each.time for each in found], TIMES, atol=MILLISECOND)
    np.testing.assert_allclose([each.duration for each in found], DURATIONS, atol=MILLISECOND)


def test_the_rate_is_that_of_the_fastest_part_and_the_count_is_exact(variable: Path) -> None:
    source = open_source(variable)
    assert source.fps == pytest.approx(30, rel=0.01) and source.count == 10
    source.close()


def test_figures_carry_the_times_of_the_container(
    model: DotModel, variable: Path, tmp_path: Path
) -> None:
    outputs = [tmp_path / "a.csv", tmp_path / "a.json"]
    run_demo("m.keras", variable, outputs)
    rows = csv.DictReader(outputs[0].read_text().splitlines())
    frames = json.loads(outputs[1].read_text())["frames"]
    for times in ([float(row["time"]) for row in rows], [each["time"] for each in frames]):
        np.testing.assert_allclose(times, TIMES, atol=MILLISECOND)


def test_smoothing_counts_by_the_times_of_the_container(
    model: DotModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_variable(tmp_path / "phone.mp4", moving(10), DURATIONS)
    seen: list[float] = []

    class Spy(KeypointSmoother):
        def __call__(self, points: Any, found: Any, time: float, side: float) -> Any:
            seen.append(time)
            return super().__call__(points, found, time, side)

    monkeypatch.setattr("simplebase.demo.finding.tracking.KeypointSmoother", Spy)
    run_demo("m.keras", path, [tmp_path / "a.json"], settings=DemoSettings())
    np.testing.assert_allclose(seen, TIMES, atol=MILLISECOND)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".webm"])
def test_a_written_video_shows_each_frame_when_the_source_does(
    model: DotModel, variable: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"out{suffix}"
    settings = DemoSettings(min_score=1.0)
    run_demo("m.keras", variable, [path], settings=settings)
    written = frames_of(path)
    # 6 x 1/30 s and 4 x 3/30 s.
    assert len(written) == 6 + 12
    assert sum(each.duration or 0.0 for each in written) == pytest.approx(sum(DURATIONS), abs=1e-3)
    for each in written:
        (shown,) = [n for n, t in enumerate(TIMES) if t <= each.time + 5e-3][-1:]
        assert round(each.image.mean() / 20) == shown


def test_a_video_of_constant_rate_keeps_each_frame_once(model: DotModel, tmp_path: Path) -> None:
    rate = 30000 / 1001
    video = write_video(tmp_path / "clip.mkv", levels(10), rate)
    run_demo("m.keras", video, [tmp_path / "out.mkv"], settings=DemoSettings(min_score=1.0))
    written = frames_of(tmp_path / "out.mkv")
    assert [round(each.image.mean() / 20) for each in written] == list(range(10))
    assert open_source(tmp_path / "out.mkv").fps == pytest.approx(rate, rel=1e-3)


def test_a_rotated_phone_video_stays_upright_and_keeps_its_times(tmp_path: Path) -> None:
    path = write_variable(tmp_path / "phone.mp4", levels(10), DURATIONS)
    data = bytearray(path.read_bytes())
    # The display matrix: 40 bytes into a version 0 `tkhd`; a quarter turn.
    turned = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    start = data.index(b"tkhd") + 4 + 40
    data[start : start + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in turned)
    path.write_bytes(data)
    found = frames_of(path)
    assert found[0].image.shape == (96, 64, 3)
    np.testing.assert_allclose([each.time for each in found], TIMES, atol=MILLISECOND)


def test_a_video_without_times_is_counted_and_says_so(tmp_path: Path) -> None:
    # All frames but the last last no time at all: 10 in 1 s by the header.
    path = write_variable(tmp_path / "none.mp4", levels(10), [0.0] * 9 + [1.0])
    with pytest.warns(SimplebaseWarning, match=r"none.mp4, frame 1: .* to last 1/10 s") as seen:
        found = frames_of(path)
    assert len(seen) == 1
    np.testing.assert_allclose([each.time for each in found], np.arange(10) / 10, atol=MILLISECOND)


def test_a_video_of_variable_rate_is_not_called_cut_off(variable: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(frames_of(variable)) == 10


def test_times_begin_at_zero_whatever_the_first_stamp() -> None:
    clock = Clock("x.mkv", 30.0)
    assert [clock(stamp) for stamp in (2.0, 2.04, 2.5)] == pytest.approx([0.0, 0.04, 0.5])


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        # One that is repeated, or a little early: those after it stay right.
        ((0.0, 0.1, 0.1, 0.3), (0.0, 0.1, 0.15, 0.3)),
        ((0.0, 0.1, 0.06, 0.3), (0.0, 0.1, 0.15, 0.3)),
        # Two recordings joined: the second one's own intervals are kept.
        ((0.0, 1.0, 2.0, 0.0, 0.7, 0.9), (0.0, 1.0, 2.0, 2.05, 2.75, 2.95)),
        # Two in the middle have no stamp, which OpenCV gives as 0.
        ((0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0), (0.0, 1.0, 2.0, 2.05, 2.1, 3.0, 4.0)),
        ((0.0, math.nan, 0.2), (0.0, 0.05, 0.2)),
    ],
)
def test_stamps_that_do_not_increase_are_replaced(
    stamps: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    clock = Clock("x.ts", 20.0)
    with pytest.warns(SimplebaseWarning, match="x.ts, frame ") as seen:
        assert [clock(stamp) for stamp in stamps] == pytest.approx(expected)
    assert len(seen) == 1


def test_the_last_frames_of_a_reordering_decoder_have_no_stamps_and_no_warning() -> None:
    """An AVI of 6 frames at 20 per second with B-frames, as OpenCV reads it."""
    clock = Clock("x.avi", 20.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        times = [clock(stamp) for stamp in (0.05, 0.1, 0.15, 0.2, 0.0, 0.0)]
    assert times == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2, 0.25])


def test_more_frames_without_stamps_than_a_decoder_holds_back_are_warned_of() -> None:
    clock = Clock("x.avi", 20.0)
    with pytest.warns(SimplebaseWarning, match="x.avi, frame 30: "):
        times = [clock(stamp) for stamp in [n / 20 for n in range(30)] + [0.0] * 20]
    assert times == pytest.approx([n / 20 for n in range(50)])


def test_the_shared_case_has_its_true_times(shared: Path) -> None:
    case = shared / "cases" / "12_video"
    if not case.is_dir():
        pytest.skip("../shared/cases/12_video is not there")
    true = [float(each) for each in (case / "times.txt").read_text().split()]
    np.testing.assert_allclose(
        [each.time for each in frames_of(case / "vfr.mp4")], true, atol=MILLISECOND
    )
