"""The demo from a source to its outputs."""

import json
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coloured_dots import SKELETON, TRIANGLE, DotModel, dots, moving, write_video

from simplebase import DepthRange, Skeleton, read_image
from simplebase.demo.run import DemoProgress, run_demo
from simplebase.demo.serve import PictureServer
from simplebase.demo.settings import DemoSettings
from simplebase.demo.sources import ImageFiles, open_source
from simplebase.demo.sources.camera import LiveSource
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingFileError,
    OutputExistsError,
    SimplebaseWarning,
)

NO_FILTER = DemoSettings(smooth="none")


def poses(path: Path) -> list[Any]:
    return [each["poses"] for each in json.loads(path.read_text())["frames"]]


def test_a_video_becomes_a_video_and_figures(model: DotModel, video: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in ("out.mp4", "out.json", "out.csv")]
    progress = run_demo("any.keras", video, outputs, settings=NO_FILTER)
    assert (progress.frames, progress.without, progress.stopped) == (12, 0, False)
    for n, (pose,) in enumerate(poses(outputs[1])):
        expected = [(x + 2 * n, y) for x, y in TRIANGLE]
        np.testing.assert_allclose(np.array(pose["keypoints"])[:, :2], expected, atol=1.5)
        assert pose["id"] == 1
    drawn, plain = open_source(outputs[0]), open_source(video)
    assert drawn.count == 12 and drawn.fps == plain.fps == pytest.approx(25)
    first, before = drawn.read(), plain.read()
    assert first is not None and before is not None
    # Half way from red to green there is a link now.
    assert abs(first.image[50, 50].astype(int) - before.image[50, 50]).max() > 60
    drawn.close()
    plain.close()


@pytest.mark.parametrize("chosen_by", ["model", "option"])
def test_a_deep_image_is_read_as_the_model_was_trained_or_as_the_option_says(
    chosen_by: str, model: DotModel, tmp_path: Path
) -> None:
    deep = moving(1)[0][..., ::-1].astype(np.uint16) * 16
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    right, wrong = DepthRange((0, 4080)), DepthRange((0, 10))
    trained = right if chosen_by == "model" else wrong
    model.metadata = replace(model.metadata, depth_range=trained)
    settings = DemoSettings(depth_range=right if chosen_by == "option" else None)
    run_demo("m.keras", tmp_path / "deep.png", [tmp_path / "out.json"], settings=settings)
    ((pose,),) = poses(tmp_path / "out.json")
    np.testing.assert_allclose(np.array(pose["keypoints"])[:, :2], TRIANGLE, atol=1.5)


def test_smoothing_changes_a_video_and_not_single_images(
    model: DotModel, video: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for n, image in enumerate(moving(6, step=6.0)):
        cv2.imwrite(str(images / f"{n}.png"), image[..., ::-1])
    for source, differs in ((video, True), (images, False)):
        found = []
        for smooth in ("one-euro", "none"):
            path = tmp_path / f"{source.name}_{smooth}.json"
            run_demo("m.keras", source, [path], settings=DemoSettings(smooth=smooth))
            found.append(poses(path))
        assert (found[0] != found[1]) == differs
    # Images have no identities either.
    assert found[0][0][0]["id"] is None


def test_an_image_becomes_an_image(model: DotModel, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), moving(1)[0][..., ::-1])
    progress = run_demo("m.keras", tmp_path / "a.png", [tmp_path / "b.png"])
    assert progress.frames == 1 and len(progress.poses) == 1
    assert (read_image(tmp_path / "b.png") != moving(1)[0]).any()


def test_no_picture_is_drawn_for_figures_alone(
    model: DotModel, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simplebase.demo.settings.draw", None)
    run_demo("m.keras", video, [tmp_path / "a.json"])


def test_side_by_side_is_twice_as_wide(model: DotModel, video: Path, tmp_path: Path) -> None:
    settings = DemoSettings(side_by_side=True, heatmap=True, labels=True)
    run_demo("m.keras", video, [tmp_path / "a.mp4"], settings=settings)
    shown = open_source(tmp_path / "a.mp4").read()
    assert shown is not None and shown.image.shape == (120, 320, 3)


def test_another_skeleton_names_the_keypoints(model: DotModel, video: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 3 keypoints .dots., but the skeleton y has 2"):
        run_demo("m.keras", video, [tmp_path / "b.json"], skeleton=Skeleton("y", ("a", "b")))
    run_demo("m.keras", video, [tmp_path / "a.json"], skeleton=Skeleton("x", ("a", "b", "c")))
    assert json.loads((tmp_path / "a.json").read_text())["keypoints"] == ["a", "b", "c"]


def test_boxes_of_a_file_are_looked_at(model: DotModel, video: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"2": [[30, 20, 80, 80], [30, 20, 90, 90]]}))
    settings = DemoSettings(boxes=boxes)
    progress = run_demo("m.keras", video, [tmp_path / "a.json"], settings=settings)
    assert [len(each) for each in poses(tmp_path / "a.json")] == [0, 0, 2, *[0] * 9]
    assert progress.without == 11


def test_frames_in_which_no_keypoint_is_found_count_as_without_an_object(
    model: DotModel, tmp_path: Path
) -> None:
    empty = np.zeros((120, 160, 3), np.uint8)
    video = write_video(tmp_path / "v.avi", [empty, empty, *moving(4), empty])
    assert run_demo("m.keras", video, [tmp_path / "a.json"]).without == 3


def test_the_model_is_prepared_only_when_the_arguments_are_right(
    model: DotModel, video: Path, tmp_path: Path
) -> None:
    prepared: list[Any] = []
    (tmp_path / "b.json").touch()
    (tmp_path / "folder").mkdir()
    for name, error in (
        ("a.txt", ArgumentError),
        ("b.json", OutputExistsError),
        ("folder", OutputExistsError),
    ):
        with pytest.raises(error):
            run_demo("m.keras", video, [tmp_path / name], prepare=prepared.append)
    assert prepared == []
    run_demo("m.keras", video, [tmp_path / "a.json"], prepare=prepared.append)
    assert prepared == ["m.keras"]


def test_ctrl_c_leaves_complete_files_of_what_was_done(
    model: DotModel, video: Path, tmp_path: Path
) -> None:
    def interrupt(progress: DemoProgress) -> None:
        if progress.frames == 4:
            raise KeyboardInterrupt

    outputs = [tmp_path / "a.mp4", tmp_path / "a.json", tmp_path / "out"]
    progress = run_demo("m.keras", video, outputs, observe=interrupt)
    assert progress.stopped and progress.frames == 4
    assert open_source(outputs[0]).count == 4 and len(poses(outputs[1])) == 4
    assert len(list(outputs[2].glob("*.jpg"))) == 4


def test_a_signal_leaves_nothing_and_frees_the_port(
    model: DotModel, video: Path, tmp_path: Path
) -> None:
    urls: list[str] = []

    def end(progress: DemoProgress) -> None:
        # As the command line's handler of SIGTERM and SIGHUP does in the main thread.
        if progress.frames == 4:
            raise SystemExit(143)

    outputs = [tmp_path / "results" / name for name in ("a.mp4", "a.json", "a.csv", "out")]
    outputs[0].parent.mkdir()
    with pytest.raises(SystemExit, match="143"):
        run_demo("m.keras", video, outputs, serve=0, observe=end, announce=urls.append)
    assert list(outputs[0].parent.iterdir()) == []
    PictureServer(int(urls[0].rpartition(":")[2])).server_close()


class Feed:
    """A virtual camera: a list of frames that come when they are asked for."""

    def __init__(self, images: list[np.ndarray]) -> None:
        self.images = list(images)
        self.released = threading.Event()

    def read(self) -> tuple[bool, Any]:
        if not self.images:
            return False, None
        return True, self.images.pop(0)[..., ::-1].copy()

    def release(self) -> None:
        self.released.set()


def test_a_camera_is_seen_until_it_ends(model: DotModel, tmp_path: Path) -> None:
    feed = Feed(moving(30))
    source = LiveSource(feed, "virtual camera", 30.0)
    progress = run_demo("m.keras", source, [tmp_path / "a.json"])
    assert progress.frames >= 1 and progress.count is None
    assert progress.frames + progress.dropped <= 30
    numbers = [each["frame"] for each in json.loads((tmp_path / "a.json").read_text())["frames"]]
    # The last one is never lost, and none comes twice.
    assert numbers[-1] == 29 and numbers == sorted(set(numbers))
    assert feed.released.wait(10)


def test_a_camera_that_gives_nothing_is_told(model: DotModel, tmp_path: Path) -> None:
    source = LiveSource(Feed([]), "camera 0")
    with pytest.raises(DataError, match="camera 0 returned no frame"):
        run_demo("m.keras", source, [tmp_path / "a.json"])
    assert not (tmp_path / "a.json").exists()


def test_a_served_demo_is_seen_in_a_browser(model: DotModel, video: Path) -> None:
    seen = []

    def look(progress: DemoProgress) -> None:
        if progress.frames == 3:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/picture.jpg", timeout=10) as jpeg:
                seen.append(cv2.imdecode(np.frombuffer(jpeg.read(), np.uint8), cv2.IMREAD_COLOR))

    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run_demo("m.keras", video, serve=port, observe=look)
    assert seen[0].shape == (120, 160, 3)


@pytest.mark.parametrize(("live", "hint"), [(False, "--output FILE"), (True, "--serve 8000")])
def test_a_window_without_a_display_is_told(
    model: DotModel, video: Path, monkeypatch: pytest.MonkeyPatch, live: bool, hint: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    source: Any = LiveSource(Feed(moving(3)), "camera") if live else video
    with pytest.raises(ArgumentError, match=f"no display for a window. Use {hint}"):
        run_demo("m.keras", source, show=True)


def test_a_window_that_cannot_be_opened_is_told(
    model: DotModel, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise cv2.error("The function is not implemented")

    monkeypatch.setattr(cv2, "namedWindow", fail)
    monkeypatch.setenv("DISPLAY", ":99")
    with pytest.raises(ArgumentError, match="no window can be opened: .* Use --output FILE"):
        run_demo("m.keras", video, show=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"box": (1, 1, 5, 5), "detector": "d.onnx"}, "give only one of --box and --detector"),
        ({"detect_every": 0}, "--detect-every must be a number of frames above 0"),
        ({"detector": "d.onnx", "follow": True}, "--follow cannot be combined with --detector"),
    ],
)
def test_settings_that_do_not_go_together_are_told(options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        DemoSettings(**options)


def test_mistakes_are_told_before_the_model_is_read(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(path: Any) -> None:
        raise AssertionError("the model was read")

    monkeypatch.setattr("simplebase.demo.run.load_runtime", load)
    (tmp_path / "there.mp4").write_text("x")
    with pytest.raises(OutputExistsError):
        run_demo("m.keras", video, [tmp_path / "there.mp4"])
    with pytest.raises(ArgumentError, match="an image ends in"):
        run_demo("m.keras", video, [tmp_path / "a.txt"])
    with pytest.raises(MissingFileError, match="the detector does not exist"):
        settings = DemoSettings(detector=tmp_path / "d.onnx")
        run_demo("m.keras", video, [tmp_path / "a.mp4"], settings=settings)


def test_a_frame_that_is_too_large_for_the_machine_is_named(
    model: DotModel, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(images: np.ndarray) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(model, "predict", fail)
    with pytest.raises(DataError, match="clip_000000.jpg of 160x120 pixels cannot be processed"):
        run_demo("m.keras", video, [tmp_path / "a.mp4"])
    assert not (tmp_path / "a.mp4").exists()


def test_a_damaged_image_among_others_is_left_out(model: DotModel, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "c"):
        cv2.imwrite(str(tmp_path / "in" / f"{name}.png"), moving(1)[0])
    (tmp_path / "in" / "b.png").write_bytes(b"damaged")
    with pytest.warns(SimplebaseWarning, match="left out: .*b.png cannot be read as an image"):
        run_demo("m.keras", tmp_path / "in", [tmp_path / "a.json"])
    frames = json.loads((tmp_path / "a.json").read_text())["frames"]
    assert [each["file"] for each in frames] == ["a.png", "c.png"]


def test_an_image_that_the_box_lies_outside_of_is_left_empty(
    model: DotModel, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "a.png"), moving(1)[0])
    cv2.imwrite(str(tmp_path / "in" / "b.png"), moving(1)[0][:50, :50])
    settings = DemoSettings(box=(60, 10, 90, 90))
    with pytest.warns(SimplebaseWarning, match="b.png has no poses: the box .* lies outside"):
        run_demo("m.keras", tmp_path / "in", [tmp_path / "a.json"], settings=settings)
    assert [len(found) for found in poses(tmp_path / "a.json")] == [1, 0]
    with pytest.raises(ArgumentError, match="lies outside"):
        run_demo("m.keras", tmp_path / "in" / "b.png", [tmp_path / "b.json"], settings=settings)


def test_entries_of_boxes_that_match_no_frame_are_told(
    model: DotModel, video: Path, tmp_path: Path
) -> None:
    (tmp_path / "boxes.json").write_text(json.dumps({"2": [[30, 20, 80, 80]], "x.jpg": [[1] * 4]}))
    settings = DemoSettings(boxes=tmp_path / "boxes.json")
    with pytest.warns(SimplebaseWarning, match="1 of 2 entries match no frame, such as 'x.jpg'"):
        run_demo("m.keras", video, [tmp_path / "a.json"], settings=settings)


def test_ctrl_c_before_the_first_frame_is_told_and_leaves_nothing(
    model: DotModel, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(images: np.ndarray) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "predict", interrupt)
    outputs = [tmp_path / "out" / name for name in ("a.mp4", "a.json")]
    with pytest.raises(DataError, match="stopped before the first frame, so nothing is written"):
        run_demo("m.keras", video, outputs)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_source_is_closed_when_no_thread_reads_it_any_more(
    model: DotModel, tmp_path: Path
) -> None:
    class Slow(ImageFiles):
        reading = False

        def read(self) -> Any:
            self.reading = True
            time.sleep(0.05)
            found = super().read()
            self.reading = False
            return found

        def close(self) -> None:
            assert not self.reading
            super().close()

    def interrupt(progress: DemoProgress) -> None:
        raise KeyboardInterrupt

    paths = [tmp_path / f"{n}.png" for n in range(20)]
    for path in paths:
        cv2.imwrite(str(path), moving(1)[0])
    run_demo("m.keras", Slow(paths, "slow"), [tmp_path / "a.json"], observe=interrupt)


@pytest.mark.parametrize("name", ["a.json", "sub/../a.json"])
def test_an_output_is_given_once(video: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match="a.json is given twice"):
        run_demo("m.keras", video, [tmp_path / "a.json", tmp_path / name])


def test_what_is_read_is_never_replaced(model: DotModel, video: Path, tmp_path: Path) -> None:
    before = video.read_bytes()
    with pytest.raises(ArgumentError, match="clip.mp4 would replace the input"):
        run_demo("m.keras", video, [video], overwrite=True)
    assert video.read_bytes() == before
    cv2.imwrite(str(tmp_path / "a.png"), moving(1)[0])
    run_demo("m.keras", tmp_path / "a.png", [tmp_path / "out"])
    with pytest.raises(ArgumentError, match="out would replace the input"):
        run_demo("m.keras", tmp_path / "out", [tmp_path / "out"], overwrite=True)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [("clip", "video", "the name of a video ends in .mp4"), ("x", "image", "ends in .jpg")],
)
def test_a_format_that_the_name_does_not_fit_is_told(
    video: Path, tmp_path: Path, name: str, kind: Any, message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        run_demo("m.keras", video, [tmp_path / name], formats=[kind])


def test_a_port_is_free_again_after_a_model_that_cannot_be_read(video: Path) -> None:
    ports: list[int] = []

    def announce(url: str) -> None:
        ports.append(int(url.rpartition(":")[2]))

    with pytest.raises(MissingFileError):
        run_demo("absent.keras", video, serve=0, announce=announce)
    assert ports[0] > 0
    PictureServer(ports[0]).server_close()


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "crop"])
def test_every_fit_finds_the_keypoints_of_a_wide_image(
    model: DotModel, tmp_path: Path, fit: Any
) -> None:
    image = dots([TRIANGLE], size=(120, 130))
    cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    progress = run_demo(
        "m.keras", tmp_path / "a.png", [tmp_path / "a.json"], settings=DemoSettings(fit=fit)
    )
    np.testing.assert_allclose(progress.poses[0].keypoints[:, :2], TRIANGLE, atol=0.6)


def test_a_long_video_is_read_to_its_end(model: DotModel, tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.avi", moving(150, step=0.2))
    progress = run_demo("m.keras", path, [tmp_path / "a.csv"])
    assert progress.frames == 150 == progress.count
    assert set(progress.stopwatch.totals()) == {
        *("read", "boxes", "crop", "model", "decode", "smooth", "write")
    }
    assert progress.poses[0].skeleton is SKELETON
