"""`simplebase data frames`: images, table, what is refused."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from coloured_dots import moving, write_video
from variable_rate import write_variable

from simplebase.cli.options import progress_bar
from simplebase.data.frames import extract_frames
from simplebase.errors import ArgumentError, DataError, MissingFileError, OutputExistsError
from simplebase.images import read_image
from simplebase.videos.video_file import VideoFile

Extract = Callable[..., list[dict[str, str]]]
LEVELS = [0, 60, 120, 180, 240]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Five scenes of ten equal frames each, 25 a second."""
    return write_video(tmp_path / "clip.mp4", [_plain(level) for level in np.repeat(LEVELS, 10)])


def _plain(level: int) -> np.ndarray:
    return np.full((48, 64, 3), level, np.uint8)


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    """Extracts frames to OUT; returns the rows of its table."""

    def run(*videos: Path, count: int = 5, **options: object) -> list[dict[str, str]]:
        output = tmp_path / "OUT"
        extract_frames(videos, output, count, progress=progress_bar, **options)  # type: ignore[arg-type]
        with (output / "frames.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    return run


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_each_scene_gives_an_image_that_is_the_frame_of_its_number(
    extract: Extract, clip: Path, tmp_path: Path
) -> None:
    rows = extract(clip)
    numbers = [int(row["frame"]) for row in rows]
    assert [number // 10 for number in numbers] == [0, 1, 2, 3, 4]
    assert _files(tmp_path / "OUT") == {"frames.csv", *(row["file"] for row in rows)}
    video, frames = VideoFile.open(clip), {}
    while (frame := video.read()) is not None:
        frames[frame.index] = frame
    video.close()
    for row, number in zip(rows, numbers, strict=True):
        assert row["file"] == f"clip/frame_{number:06d}.png"
        assert row["video"] == str(clip)
        assert float(row["time"]) == pytest.approx(number / 25)
        image = read_image(tmp_path / "OUT" / row["file"])
        np.testing.assert_array_equal(image, frames[number].image)


def test_times_of_a_variable_rate_are_the_files_own(extract: Extract, tmp_path: Path) -> None:
    durations = [0.04] * 10 + [0.5] * 6
    video = write_variable(tmp_path / "phone.mp4", moving(16, 6.0), durations)
    rows = extract(video, count=4, method="uniform", alike=-1)
    begins = np.concatenate([[0], np.cumsum(durations)])
    for row in rows:
        assert float(row["time"]) == pytest.approx(begins[int(row["frame"])], abs=0.002)
    # The first 10 of 16 frames are an eighth of the time.
    assert [int(row["frame"]) for row in rows] == [9, 11, 13, 14]


def test_only_frames_between_start_and_end_are_chosen(extract: Extract, clip: Path) -> None:
    rows = extract(clip, start=0.8, end=1.6)
    assert [int(row["frame"]) // 10 for row in rows] == [2, 3]


def test_videos_of_one_name_have_folders_of_their_own(
    extract: Extract, clip: Path, tmp_path: Path
) -> None:
    for folder in ("monday", "friday"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "clip.mp4").write_bytes(clip.read_bytes())
    other = write_video(tmp_path / "other.avi", [_plain(30), _plain(30)])
    rows = extract(tmp_path / "monday/clip.mp4", tmp_path / "friday/clip.mp4", other, alike=-1)
    folders = {row["file"].split("/")[0] for row in rows}
    assert folders == {"monday_clip.mp4", "friday_clip.mp4", "other"}


def test_jpeg_files_on_request(extract: Extract, clip: Path, tmp_path: Path) -> None:
    rows = extract(clip, count=1, file_format="jpg")
    assert (tmp_path / "OUT" / rows[0]["file"]).read_bytes().startswith(b"\xff\xd8\xff")


def test_an_existing_output_is_replaced_only_on_request(
    extract: Extract, clip: Path, tmp_path: Path
) -> None:
    extract(clip)
    before = _files(tmp_path / "OUT")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        extract(clip, count=1)
    assert _files(tmp_path / "OUT") == before
    assert len(extract(clip, count=1, overwrite=True)) == 1
    assert len(_files(tmp_path / "OUT")) == 2


def test_labels_beside_the_frames_are_never_overwritten(
    extract: Extract, clip: Path, tmp_path: Path
) -> None:
    rows = extract(clip)
    label = (tmp_path / "OUT" / rows[0]["file"]).with_suffix(".json")
    label.write_text("{}")
    with pytest.raises(OutputExistsError, match=label.name):
        extract(clip, overwrite=True)
    assert label.exists()


def test_a_folder_of_something_else_is_not_replaced(
    extract: Extract, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "OUT").mkdir()
    with pytest.raises(OutputExistsError, match="not an earlier output"):
        extract(clip, overwrite=True)


def test_what_is_no_video_leaves_nothing_behind(
    extract: Extract, clip: Path, tmp_path: Path
) -> None:
    text, image = tmp_path / "notes.mp4", tmp_path / "photo_0001.jpg"
    text.write_text("no video")
    image.write_bytes(b"\xff\xd8\xff")
    for wrong, error in (
        (text, DataError),
        (image, DataError),
        (tmp_path / "no", MissingFileError),
    ):
        with pytest.raises(error, match=wrong.name):
            extract(clip, wrong)
    with pytest.raises(MissingFileError, match="is a folder"):
        extract(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {clip.name, text.name, image.name}


@pytest.mark.parametrize(("start", "end"), [(2.0, 1.0), (0.0, 0.0), (float("nan"), 1.0)])
def test_an_end_before_the_start_is_refused(
    extract: Extract, clip: Path, start: float, end: float
) -> None:
    with pytest.raises(ArgumentError, match="--end must be after --start"):
        extract(clip, start=start, end=end)


def test_a_start_behind_the_end_of_the_video_is_refused(extract: Extract, clip: Path) -> None:
    with pytest.raises(DataError, match=r"no frame from 60 s on.*1\.960 s"):
        extract(clip, start=60.0)


def test_a_video_given_twice_is_refused(extract: Extract, clip: Path) -> None:
    with pytest.raises(ArgumentError, match="given twice"):
        extract(clip, clip)
