"""Where the objects are in images that nobody labelled."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from coloured_dots import moving, write_video

from simplebase import KeypointDataset
from simplebase.data.image_store import FolderImages
from simplebase.errors import ArgumentError, DataError, MissingFileError, SimplebaseWarning
from simplebase.progress import no_progress_bar
from simplebase.training import TrainingOptions
from simplebase.training.unlabelled.finding import find_objects, restore_frames
from simplebase.training.unlabelled.images import UnlabelledImages
from simplebase.training.unlabelled.pool import UnlabelledPool


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images of 120 x 160 pixels, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, image in enumerate(moving(3)):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


def found(labelled: KeypointDataset, *sources: Path | str, **values: object) -> UnlabelledPool:
    images = UnlabelledImages(sources=sources, **values)  # type: ignore[arg-type]
    return find_objects(images, labelled, no_progress_bar)


def names(pool: UnlabelledPool) -> list[str]:
    return [Path(path).name for path in pool.paths]


def test_whole_images_are_the_objects_and_one_that_cannot_be_read_is_left_out(
    photos: Path, figures: KeypointDataset
) -> None:
    (photos / "bad.png").write_bytes((photos / "1.png").read_bytes()[:100])
    with pytest.warns(SimplebaseWarning, match=r"left out: .*bad\.png"):
        pool = found(figures, photos)
    assert names(pool) == ["0.png", "1.png", "2.png"]
    np.testing.assert_array_equal(pool.boxes, [[0, 0, 160, 120]] * 3)
    assert names(found(figures, f"{photos}/[01].png")) == ["0.png", "1.png"]


def test_boxes_are_those_of_a_file_as_the_demo_takes_it(
    photos: Path, figures: KeypointDataset, tmp_path: Path
) -> None:
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"0.png": [[1, 2, 30, 40], [5, 6, 7, 8]], "2.png": []}))
    pool = found(figures, photos, boxes=boxes)
    assert names(pool) == ["0.png", "0.png"]
    np.testing.assert_array_equal(pool.boxes, [[1, 2, 30, 40], [5, 6, 7, 8]])
    boxes.write_text(json.dumps({"0.png": []}))
    with pytest.raises(DataError, match=r"boxes\.json has no object in any of the 3 unlabelled"):
        found(figures, photos, boxes=boxes)


def test_frames_of_a_video_are_kept_apart_in_time_and_written_once(
    figures: KeypointDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path / "cache"))
    clip = write_video(tmp_path / "clip.mp4", moving(12), fps=25)
    pool = found(figures, clip)
    assert names(pool) == ["clip_000000.jpg", "clip_000005.jpg", "clip_000010.jpg"]
    first = Path(pool.paths[0])
    written = first.stat().st_mtime_ns
    assert found(figures, clip) == pool and first.stat().st_mtime_ns == written
    first.unlink()
    for path in first.parent.iterdir():
        path.unlink()
    first.parent.rmdir()
    restore_frames(UnlabelledImages(sources=(clip,)), no_progress_bar)
    assert all(Path(path).is_file() for path in pool.paths)


def test_records_of_a_dataset_folder_say_where_its_objects_are(
    figures: KeypointDataset, copied: KeypointDataset
) -> None:
    pool = found(figures, copied.name)
    assert len(pool) == 40 and np.isnan(pool.boxes).all()
    np.testing.assert_array_equal(pool.centers, copied.records.centers)


def test_images_of_the_labelled_dataset_are_left_out(
    figures: KeypointDataset, photos: Path
) -> None:
    with pytest.raises(DataError, match="all 40 unlabelled images are images of the labelled"):
        found(figures, figures.name)
    assert isinstance(figures.images, FolderImages)
    (photos / "copy.png").symlink_to(figures.images.path(35))
    assert names(found(figures, photos)) == ["0.png", "1.png", "2.png"]


def test_images_without_one_that_can_be_read_are_refused(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    with pytest.raises(MissingFileError, match="nowhere"):
        found(figures, tmp_path / "nowhere")
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"no image")
    with (
        pytest.warns(SimplebaseWarning, match="left out"),
        pytest.raises(DataError, match="none of the unlabelled images can be read"),
    ):
        found(figures, tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sources": []}, "unlabelled_images.sources"),
        ({"sources": ["rtsp://camera"]}, "give files"),
        ({"sources": ["a"], "boxes": "b.json", "detector": "c.onnx"}, "boxes or a detector"),
    ],
)
def test_what_cannot_be_unlabelled_images_is_refused(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        TrainingOptions(unlabelled_images=values)
