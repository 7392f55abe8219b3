"""Images, folders, patterns and videos as frames."""

import io
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coloured_dots import moving, write_video
from PIL import Image

from simplebase.demo.frames import Source
from simplebase.demo.sources import open_source
from simplebase.errors import DataError, MissingFileError, SimplebaseWarning
from simplebase.videos.frame import Frame


def all_of(source: Source) -> list[Frame]:
    found = []
    while (each := source.read()) is not None:
        found.append(each)
    source.close()
    return found


def test_an_image_is_one_frame_of_no_sequence(tmp_path: Path) -> None:
    image = moving(1)[0]
    cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    source = open_source(tmp_path / "a.png")
    assert (source.count, source.is_sequence, source.is_live) == (1, False, False)
    (found,) = all_of(source)
    np.testing.assert_array_equal(found.image, image)
    assert (found.index, found.name, found.path) == (0, "a.png", tmp_path / "a.png")


def test_a_folder_gives_its_images_by_name_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "c.WEBP"):
        cv2.imwrite(str(tmp_path / name), moving(1)[0])
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub").mkdir()
    source = open_source(tmp_path)
    assert source.count == 3
    assert [found.name for found in all_of(source)] == ["a.jpg", "b.png", "c.WEBP"]


def test_a_pattern_keeps_folders_apart(tmp_path: Path) -> None:
    for name in ("x/1.png", "y/1.png", "y/2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), moving(1)[0])
    found = all_of(open_source(f"{tmp_path}/*/1.*"))
    assert [each.name for each in found] == ["x/1.png", "y/1.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a[1].png"
    cv2.imwrite(str(path), moving(1)[0])
    assert open_source(path).count == 1


def test_a_video_gives_its_frames_and_their_times(video: Path) -> None:
    source = open_source(video)
    assert source.is_sequence and source.count == 12 and source.fps == pytest.approx(25)
    found = all_of(source)
    assert [each.index for each in found] == list(range(12))
    assert found[5].time == pytest.approx(0.2)
    assert found[5].name == "clip_000005.jpg" and found[5].image.shape == (120, 160, 3)
    # RGB: the first dot is red. What the encoder loses of it is little.
    assert found[0].image[30, 60, 0] > 150 > 100 > found[0].image[30, 60, 2]


def test_a_video_that_ends_early_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), dtype=np.uint8)
    whole = write_video(tmp_path / "whole.avi", list(noise)).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    source = open_source(tmp_path / "cut.avi")
    if source.count is None:
        pytest.skip("this build of OpenCV does not tell how many frames a file should have")
    with pytest.warns(SimplebaseWarning, match=r"cut.avi ends after \d+ of 40 frames"):
        found = all_of(source)
    assert 0 < len(found) < 40


def test_a_whole_video_gives_no_warning(tmp_path: Path) -> None:
    assert len(all_of(open_source(write_video(tmp_path / "whole.avi", moving(40))))) == 40


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_video_without_its_index_is_told(tmp_path: Path, video: Path, share: float) -> None:
    data = video.read_bytes()
    (tmp_path / "bad.mp4").write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataError, match="bad.mp4 cannot be opened as a video"):
        open_source(tmp_path / "bad.mp4")


def test_a_video_file_on_a_server_is_seen_whole(tmp_path: Path) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def copyfile(self, source: Any, outputfile: Any) -> None:
            # FFmpeg leaves when it has seen enough.
            with suppress(OSError):
                super().copyfile(source, outputfile)

    write_video(tmp_path / "clip.avi", moving(40))
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}/clip.avi"
        source = open_source(f"http://user:secret@{address}")
        assert (source.is_live, source.count, source.name) == (False, 40, f"http://{address}")
        assert [found.name for found in all_of(source)] == [f"clip_{n:06d}.jpg" for n in range(40)]
        server.shutdown()


def test_a_video_without_frames_is_told(tmp_path: Path) -> None:
    write_video(tmp_path / "none.avi", moving(1))
    writer = cv2.VideoWriter(
        str(tmp_path / "none.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120)
    )
    writer.release()
    with pytest.raises(DataError, match="none.avi (has no frame|cannot be opened)"):
        open_source(tmp_path / "none.avi")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("absent.jpg", MissingFileError, "absent.jpg: the image does not exist"),
        ("absent.mp4", MissingFileError, "absent.mp4: the video does not exist"),
        ("*.jpg", MissingFileError, r"\*.jpg: no image file matches"),
        ("empty", DataError, "empty: there is no image"),
        ("notes.txt", DataError, "notes.txt is neither an image"),
    ],
)
def test_what_is_no_source_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, error: Any, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(error, match=message):
        open_source(given)


def test_a_damaged_image_in_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match="bad.png cannot be read as an image"):
        all_of(open_source(tmp_path))


def test_images_of_every_kind_become_upright_rgb(tmp_path: Path) -> None:
    grey = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "deep.png"), grey.astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([grey] * 3 + [np.full_like(grey, 9)]))
    turned = Image.fromarray(grey)
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned clockwise
    data = io.BytesIO()
    turned.save(data, "JPEG", exif=exif, quality=100)
    (tmp_path / "turned.jpg").write_bytes(data.getvalue())
    found = {each.name: each.image for each in all_of(open_source(tmp_path))}
    for name in ("grey.png", "deep.png", "alpha.png"):
        np.testing.assert_array_equal(found[name], np.dstack([grey] * 3), err_msg=name)
    assert found["turned.jpg"].shape == (64, 48, 3)
    difference = found["turned.jpg"][..., 0].astype(int) - np.rot90(grey, -1)
    assert abs(difference).max() <= 4


def test_a_very_large_image_is_read(tmp_path: Path) -> None:
    """20,000 x 20,000 needs 1.2 GB; 12,000 x 12,000 is beyond Pillow's limit as well."""
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((12_000, 12_000), np.uint8))
    (found,) = all_of(open_source(tmp_path / "large.png"))
    assert found.image.shape == (12_000, 12_000, 3)
