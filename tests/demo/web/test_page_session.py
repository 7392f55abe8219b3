"""What stands behind the page, without a browser."""

import socket
import threading
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coloured_dots import DotModel, moving

from simplebase import DepthRange, Skeleton
from simplebase.demo.settings import DemoSettings
from simplebase.errors import ArgumentError, DataError

if find_spec("gradio") is None:
    pytest.skip("gradio is not installed: pip install 'simplebase[web]'", allow_module_level=True)

pytestmark = [
    # Of Gradio's own dependencies.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # With the other tests of the page: only one worker imports Gradio.
    pytest.mark.xdist_group("page"),
]

SECONDS = 30.0


@pytest.fixture
def session(model: DotModel, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Offers one model, its keypoints renamed."""
    from simplebase.demo.web.session import PageSession

    monkeypatch.setattr("simplebase.demo.web.session.load_runtime", lambda path: DotModel())
    return PageSession([Path("dots.keras")], DemoSettings(), Skeleton("x", ("a", "b", "c")))


@pytest.fixture
def choice() -> Any:
    from simplebase.demo.web.session import Choice

    return Choice("dots.keras", 0.1, 0.5)


def test_a_deep_image_is_read_as_the_model_was_trained(
    session: Any, choice: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = DotModel()
    trained.metadata = replace(trained.metadata, depth_range=DepthRange((0, 4080)))
    monkeypatch.setattr("simplebase.demo.web.session.load_runtime", lambda path: trained)
    plain = moving(1)[0][..., ::-1]
    found = []
    for number, image in enumerate((plain, plain.astype(np.uint16) * 16)):
        cv2.imwrite(str(tmp_path / f"{number}.tif"), image)
        found.append(session.image(str(tmp_path / f"{number}.tif"), choice, tmp_path)[1])
    assert found[0] == found[1]
    assert min(row[-1] for row in found[0]) > 0.1


def test_the_slider_begins_where_the_first_model_recommends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from simplebase.demo.web.session import PageSession

    model = DotModel()
    model.metadata = replace(model.metadata, min_score=0.25)
    opened: list[Path] = []
    monkeypatch.setattr("simplebase.demo.web.session.load_runtime", lambda path: model)
    models = [Path("dots.tflite"), Path("others.tflite")]
    assert PageSession(models, DemoSettings(), prepare=opened.append).least_score() == 0.25
    assert opened == models[:1]
    assert (
        PageSession(models, DemoSettings(min_score=0.5), prepare=opened.append).least_score() == 0.5
    )
    assert opened == models[:1], "a choice of the user's needs no model"


def test_a_model_is_prepared_when_it_is_first_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simplebase.demo.web.session import Choice, PageSession

    opened: list[Path] = []
    monkeypatch.setattr("simplebase.demo.web.session.load_runtime", lambda path: DotModel())
    models = [tmp_path / "dots.tflite", tmp_path / "dots.keras"]
    session = PageSession(models, DemoSettings(), prepare=opened.append)
    cv2.imwrite(str(tmp_path / "dots.png"), moving(1)[0])
    for name, expected in (("dots.tflite", models[:1]), ("dots.keras", models)):
        for _ in range(2):
            session.image(str(tmp_path / "dots.png"), Choice(name, 0.1, 0.5), tmp_path)
        assert opened == expected


def test_another_skeleton_holds_on_every_tab(
    session: Any, choice: Any, video: Path, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), moving(1)[0])
    _, of_image, _ = session.image(str(tmp_path / "a.png"), choice, tmp_path)
    _, of_video, _ = session.video(str(video), choice, tmp_path, lambda progress: None)
    _, of_webcam = session.webcam()(moving(1)[0], choice)
    for rows in (of_image, of_video, of_webcam):
        assert [row[1] for row in rows] == ["a", "b", "c"]


def test_a_webcam_goes_on_while_a_video_is_looked_at(
    session: Any, choice: Any, video: Path, tmp_path: Path
) -> None:
    at_work, seen = threading.Event(), threading.Event()
    waited: list[bool] = []

    def observe(progress: Any) -> None:
        if not at_work.is_set():
            at_work.set()
            waited.append(seen.wait(SECONDS))

    of_video = threading.Thread(target=session.video, args=(str(video), choice, tmp_path, observe))
    of_video.start()
    assert at_work.wait(SECONDS)
    webcam = threading.Thread(
        target=lambda: (session.webcam()(moving(1)[0], choice), seen.set()), daemon=True
    )
    webcam.start()
    of_video.join(2 * SECONDS)
    assert waited == [True]


def test_a_picture_that_is_too_large_is_told(
    session: Any, choice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: DotModel, images: np.ndarray) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(DotModel, "predict", fail)
    with pytest.raises(DataError, match="of 160x120 pixels cannot be processed"):
        session.webcam()(moving(1)[0], choice)


def test_only_a_port_that_is_taken_is_called_so() -> None:
    from simplebase.demo.web.page import launched

    class Page:
        """One that Gradio cannot serve, whatever the port."""

        def launch(self, **options: Any) -> None:
            raise ValueError("localhost is not accessible")

    page: Any = Page()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"port {port} cannot be used .*Choose another"):
            with launched(page, port):
                pass
    with pytest.raises(ArgumentError, match="the page cannot be served: localhost is not access"):
        with launched(page, port):
            pass
