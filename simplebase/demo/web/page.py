"""The page: three tabs, a model picker, two sliders, the keypoint table and its JSON."""

import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

# Set before the import, because Gradio reads it then.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import numpy as np
from gradio.utils import get_upload_folder

from simplebase.demo.own_host import ADDRESS
from simplebase.demo.run import DemoProgress
from simplebase.demo.settings import DemoSettings
from simplebase.demo.web.guard import Guard
from simplebase.demo.web.session import COLUMNS, STILL_STRENGTH, Choice, PageSession, Webcam
from simplebase.errors import ArgumentError, SimplebaseError, one_line
from simplebase.skeletons import Skeleton

_WEBCAM_INTERVAL = 0.1
_WEBCAMS = 8
# Without the button that shares a picture with a site.
_BUTTONS: list[Any] = ["download", "fullscreen"]
_UPLOAD_LIMIT = 500_000_000
"""Most bytes of a video: four minutes of a phone's 1080p as H.264. Uploads are stored in the folder
for temporary files, which may be in memory. Use the command line for longer videos. For images see
`session.IMAGE_LIMIT`."""
# The folder in which Gradio stores uploads and copies of results.
_FOLDER_VARIABLE = "GRADIO_TEMP_DIR"
_REMOVALS = 30
# Fonts of the visitor's own machine, because the theme's fonts would be fetched from other sites.
_FONT, _MONO = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]


def open_page(
    models: Sequence[Path],
    settings: DemoSettings,
    *,
    port: int,
    announce: Callable[[str], None],
    skeleton: Skeleton | None = None,
    prepare: Callable[[Path], None] | None = None,
) -> None:
    """Serves the page on 127.0.0.1 until Ctrl-C, or until something else ends the main thread.

    At the end, uploads and results are always deleted.

    Args:
        models: paths of model files. The first is selected at the start.
        settings: how objects are found and drawn.
        port: port of 127.0.0.1.
        announce: is called with the address when the page can be opened.
        skeleton: names, links and colours instead of the models'.
        prepare: is called with the path of a model before it is opened.

    Raises:
        ArgumentError: the port cannot be used.
        MissingFileError, DataError: a model or another file is missing or invalid.
    """
    session = PageSession(models, settings, skeleton, prepare)
    with _page_folder() as folder:
        with launched(build_page(session, settings, folder), port) as url, session.working():
            announce(f"open {url} (Ctrl-C ends it)")
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                announce("closed")


@contextmanager
def _page_folder() -> Iterator[Path]:
    """Yields a folder for uploads and results, which is deleted afterwards."""
    before = os.environ.get(_FOLDER_VARIABLE)
    folder = Path(tempfile.mkdtemp(prefix="simplebase_web_"))
    os.environ[_FOLDER_VARIABLE] = str(folder)
    try:
        yield folder
    finally:
        if before is None:
            del os.environ[_FOLDER_VARIABLE]
        else:
            os.environ[_FOLDER_VARIABLE] = before
        _remove(folder)


def _remove(folder: Path) -> None:
    """Deletes the folder, even if a request is still writing into it."""
    for _ in range(_REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


@contextmanager
def launched(page: gr.Blocks, port: int) -> Iterator[str]:
    """Serves a page while the block runs, and yields its address.

    Raises:
        ArgumentError: the port cannot be used, or Gradio cannot serve the page.
    """
    _require_port(port)
    try:
        _, url, _ = page.launch(
            server_name=ADDRESS,
            server_port=port,
            share=False,
            inbrowser=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            mcp_server=False,
            footer_links=[],
            # Otherwise it would keep uploads in the browser.
            run_history=False,
            app_kwargs={"lifespan": _guarded},
            max_file_size=_UPLOAD_LIMIT,
            theme=gr.themes.Default(font=_FONT, font_mono=_MONO),
        )
    except (OSError, ValueError) as error:
        raise ArgumentError(f"the page cannot be served: {one_line(error)}") from error
    try:
        yield url
    finally:
        page.close(verbose=False)


@asynccontextmanager
async def _guarded(app: Any) -> AsyncIterator[None]:
    """Puts the guard around the whole app, before its own middleware can handle requests."""
    app.middleware_stack = Guard(app.middleware_stack, Path(get_upload_folder()), _UPLOAD_LIMIT)
    yield


def _require_port(port: int) -> None:
    """Raises ArgumentError if the port cannot be used; Gradio's own message is ambiguous."""
    try:
        socket.create_server((ADDRESS, port)).close()
    except (OSError, OverflowError) as error:
        raise ArgumentError(
            f"port {port} cannot be used ({getattr(error, 'strerror', None) or error}). Choose "
            "another with --port."
        ) from error


def build_page(session: PageSession, settings: DemoSettings, folder: Path) -> gr.Blocks:
    """Builds the page, whose files are written to `folder`."""
    with gr.Blocks(title="simplebase demo", analytics_enabled=False) as page:
        gr.Markdown("## simplebase demo")
        with gr.Row():
            model = gr.Dropdown(session.names, value=session.names[0], label="Model")
            min_score = gr.Slider(
                0, 1, value=session.least_score(), step=0.01, label="Leave out keypoints below"
            )
            strength = STILL_STRENGTH if settings.smoothing else 0.0
            smoothing = gr.Slider(
                0, 1, value=strength, step=0.05, label="Smoothing of video and webcam"
            )
        choice = [model, min_score, smoothing]
        with gr.Tab("Image"):
            _image_tab(session, choice, folder)
        with gr.Tab("Video"):
            _video_tab(session, choice, folder)
        with gr.Tab("Webcam"):
            _webcam_tab(session, choice)
    return page


def _image_tab(session: PageSession, choice: list[Any], folder: Path) -> None:
    with gr.Row():
        # As a file, so that it is read as everywhere else, with Exif data and 16 bits.
        image = gr.Image(
            label="Image",
            type="filepath",
            image_mode=None,
            sources=["upload", "clipboard"],
            elem_id="image-input",
        )
        picture = _picture("png", "image-output")
    table, download = _table("image-table"), _download("image-json")

    def look(path: str | None, *chosen: Any) -> tuple[Any, Any, Any]:
        if path is None:
            return None, [], gr.DownloadButton(interactive=False)
        with _errors_on_page():
            drawn, rows, file = session.image(path, Choice(*chosen), _new_folder(folder))
        return drawn, rows, gr.DownloadButton(value=str(file), interactive=True)

    gr.on(
        [image.change, *(each.change for each in choice[:2])],
        look,
        [image, *choice],
        [picture, table, download],
    )


def _video_tab(session: PageSession, choice: list[Any], folder: Path) -> None:
    with gr.Row():
        video = gr.Video(label="Video", sources=["upload"], elem_id="video-input")
        picture = gr.Video(
            label="Poses",
            interactive=False,
            autoplay=True,
            buttons=["download"],
            elem_id="video-output",
        )
    button = gr.Button("Find poses", variant="primary", elem_id="video-run")
    table, download = _table("video-table"), _download("video-json")

    bar = gr.Progress()

    def look(path: str | None, *chosen: Any, progress: Any = bar) -> tuple[Any, Any, Any]:
        if path is None:
            raise gr.Error("Choose a video first.")

        def observe(done: DemoProgress) -> None:
            progress((done.frames, done.count), unit="frames")

        with _errors_on_page():
            drawn, rows, file = session.video(path, Choice(*chosen), _new_folder(folder), observe)
        return str(drawn), rows, gr.DownloadButton(value=str(file), interactive=True)

    button.click(look, [video, *choice], [picture, table, download])


def _webcam_tab(session: PageSession, choice: list[Any]) -> None:
    with gr.Row():
        camera = gr.Image(
            label="Webcam",
            sources=["webcam"],
            streaming=True,
            # Not mirrored, because the names of left and right keypoints would be wrong.
            webcam_options=gr.WebcamOptions(mirror=False),
            elem_id="webcam-input",
        )
        picture = _picture("jpeg", "webcam-output")
    table = _table("webcam-table")
    state = gr.State(None)

    def look(image: np.ndarray | None, webcam: Webcam | None, *chosen: Any) -> tuple[Any, Any, Any]:
        if image is None:
            return None, [], webcam
        webcam = webcam or session.webcam()
        with _errors_on_page():
            drawn, rows = webcam(image, Choice(*chosen))
        return drawn, rows, webcam

    camera.stream(
        look,
        [camera, state, *choice],
        [picture, table, state],
        stream_every=_WEBCAM_INTERVAL,
        show_progress="hidden",
        # A tab that streams occupies its slot for as long as it streams.
        concurrency_limit=_WEBCAMS,
    )


def _picture(format: str, name: str) -> gr.Image:
    return gr.Image(label="Pose", format=format, interactive=False, buttons=_BUTTONS, elem_id=name)


def _table(name: str) -> gr.Dataframe:
    return gr.Dataframe(
        headers=list(COLUMNS),
        datatype=["number", "str", "number", "number", "number"],
        label="Keypoints, in pixels",
        interactive=False,
        elem_id=name,
    )


def _download(name: str) -> gr.DownloadButton:
    return gr.DownloadButton("Download JSON", interactive=False, elem_id=name)


def _new_folder(folder: Path) -> Path:
    """Creates a separate folder for each result, because two visitors may use the same name."""
    return Path(tempfile.mkdtemp(dir=folder))


@contextmanager
def _errors_on_page() -> Iterator[None]:
    """Shows our errors on the page instead of a traceback in the terminal."""
    try:
        yield
    except SimplebaseError as error:
        raise gr.Error(str(error), print_exception=False) from error
