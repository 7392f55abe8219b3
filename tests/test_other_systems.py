"""What Windows and macOS do otherwise, simulated: their calls are replaced by ones that refuse."""

import errno
import fcntl
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coloured_dots import dots, frame, moving

import simplebase
from simplebase import read_image
from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks import SourceInfo, open_sink
from simplebase.demo.sources import open_source
from simplebase.errors import DataError, OutputExistsError
from simplebase.files import native, replacing, write_text
from simplebase.images import encode_image, write_image
from simplebase.shell import command_line
from simplebase.videos.frame import Frame

NAME = "Kühe 馬"
"""No code page has both."""
INFO = SourceInfo("clip", "model", simplebase.load_skeleton("lsp"), 25.0, True, 0.1)
FOLDER = Path(simplebase.__file__).parent


class WindowsOS:
    """The module `os` as Windows has it, where it matters here."""

    name = "nt"

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @staticmethod
    def rename(source: Path, target: Path) -> None:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "Cannot create a file when it already exists")
        os.rename(source, target)

    @staticmethod
    def link(*args: object, **options: object) -> None:
        raise NotImplementedError("link: follow_symlinks unavailable on this platform")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "fsync", fsync)
    for module in ("files.moving", "files.writing", "shell"):
        monkeypatch.setattr(f"simplebase.{module}.os", WindowsOS())


def in_use(number: int) -> PermissionError:
    error = PermissionError(errno.EACCES, "The file is being used by another process")
    error.winerror = number  # type: ignore[attr-defined]
    return error


# === Files ===


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_written_where_only_writable_files_are_synced(
    tmp_path: Path, overwrite: bool
) -> None:
    write_text(tmp_path / "a.txt", "one\ntwo\n", overwrite=overwrite)
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "folder"])
def test_what_appeared_meanwhile_stays(tmp_path: Path, make: Callable[[Path], None]) -> None:
    for there in (False, True):
        target = tmp_path / f"new{there}"
        try:
            with replacing(target) as partial:
                make(partial)
                if there:
                    target.write_text("theirs")
        except OutputExistsError as error:
            assert there and "appeared while" in str(error)
    assert (tmp_path / "newTrue").read_text() == "theirs"
    assert sorted(os.listdir(tmp_path)) == ["newFalse", "newTrue"]


def test_a_system_that_cannot_link_without_following_still_claims_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", WindowsOS.link)
    write_text(tmp_path / "a.txt", "a")
    assert (tmp_path / "a.txt").read_text() == "a"


@pytest.mark.parametrize(
    ("number", "failures", "calls"), [(32, 2, 3), (5, 2, 3), (32, 99, 10), (19, 99, 1)]
)
def test_a_file_that_another_program_has_open_is_replaced_when_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, failures: int, calls: int
) -> None:
    replace, seen, pauses = os.replace, [], []

    def scanned(source: Path, target: Path) -> None:
        seen.append(target)
        if len(seen) <= failures:
            raise in_use(number)
        replace(source, target)

    monkeypatch.setattr(os, "replace", scanned)
    monkeypatch.setattr(time, "sleep", pauses.append)
    (tmp_path / "a.txt").write_text("old")
    try:
        write_text(tmp_path / "a.txt", "new", overwrite=True)
    except PermissionError:
        assert failures == 99
    assert (tmp_path / "a.txt").read_text() == ("old" if failures == 99 else "new")
    assert len(seen) == calls and pauses == [0.1] * (calls - 1)
    assert os.listdir(tmp_path) == ["a.txt"]


# === Names that are not ASCII ===


@pytest.fixture
def ascii_opencv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """OpenCV that opens ASCII names only, and a disk with short names; the names it was given."""
    given: list[str] = []
    shorts: dict[str, str] = {}

    def short_name(path: str) -> str:
        # As Windows: of what exists, with a suffix of at most three letters.
        assert os.path.exists(path)
        name = f"KHE~{len(shorts) + 1}{Path(path).suffix[:4].upper()}"
        if path not in shorts:
            shorts[path] = str(tmp_path / name)
            os.symlink(path, shorts[path])
        return shorts[path]

    def refusing(opened: Any) -> Callable[..., Any]:
        def create(*args: Any) -> Any:
            given.append(args[0])
            return opened(*args) if args[0].isascii() else opened()

        return create

    monkeypatch.setattr(native, "short_name", short_name)
    writer = refusing(cv2.VideoWriter)
    writer.fourcc = cv2.VideoWriter.fourcc  # type: ignore[attr-defined]
    monkeypatch.setattr(cv2, "VideoWriter", writer)
    monkeypatch.setattr(cv2, "VideoCapture", refusing(cv2.VideoCapture))
    for name in ("imread", "imwrite"):
        monkeypatch.setattr(cv2, name, lambda *args: pytest.fail("OpenCV opens the file itself"))
    return given


@pytest.mark.usefixtures("ascii_opencv")
@pytest.mark.parametrize("suffix", [".png", ".JPG", ".bmp", ".tiff", ".webp"])
def test_an_image_of_any_name_is_written_and_read(tmp_path: Path, suffix: str) -> None:
    image = dots([((60, 30), (40, 70), (90, 80))])
    path = tmp_path / NAME / f"{NAME}{suffix}"
    write_image(path, image)
    assert np.abs(read_image(path).astype(int) - image).mean() < 3


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm"])
def test_a_video_of_any_name_is_written_and_read(
    tmp_path: Path, ascii_opencv: list[str], suffix: str
) -> None:
    path = tmp_path / NAME / f"{NAME}{suffix}"
    with open_sink(path, "video", INFO, overwrite=False) as write:
        for index, picture in enumerate(moving(3)):
            write(FramePoses(frame(picture, index), [], picture=picture))
    source = open_source(path)
    count = sum(1 for _ in iter(source.read, None))
    source.close()
    assert count == 3
    assert os.listdir(path.parent) == [path.name]
    assert len(ascii_opencv) >= 3 and all(name.isascii() for name in ascii_opencv)


def test_a_frame_that_becomes_a_label_is_written_under_any_name(
    tmp_path: Path, ascii_opencv: list[str]
) -> None:
    picture = moving(1)[0]
    with open_sink(tmp_path / NAME, "labelme", INFO, overwrite=False) as write:
        write(FramePoses(Frame(picture, 0, 0.0, f"{NAME}_000000.jpg"), [], picture=picture))
    assert read_image(tmp_path / NAME / f"{NAME}_000000.jpg").shape == picture.shape


def test_on_a_disk_without_short_names_a_path_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.mp4"
    assert native.short_name(str(tmp_path)) is None
    assert native.native_name(path) == str(path)
    with native.natively_written(path) as name:
        assert name == str(path)


def test_no_module_lets_opencv_open_a_file_by_any_name() -> None:
    by_name = re.compile(r"cv2\.(imread|imwrite|imreadmulti|FileStorage)|cv2\.VideoCapture\(str\(")
    users = [path.name for path in FOLDER.rglob("*.py") if by_name.search(path.read_text("utf-8"))]
    # Its docstring says why it does not.
    assert users == ["writing.py"]


def test_pixels_that_a_format_cannot_hold_are_refused() -> None:
    with pytest.raises(DataError, match=r"cannot write 20000x1 pixels as \.webp"):
        encode_image(np.zeros((1, 20000, 3), np.uint8), ".webp")


# === Command lines ===


def test_a_command_line_is_quoted_for_the_systems_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["simplebase", "eval", r"C:\runs\my cows", "--dataset", "it's"]
    assert command_line(words) == r"""simplebase eval 'C:\runs\my cows' --dataset 'it'"'"'s'"""
    monkeypatch.setattr("simplebase.shell.os", WindowsOS())
    assert command_line(words) == r"""simplebase eval "C:\runs\my cows" --dataset it's"""
    assert command_line([r"C:\runs"]) == r"C:\runs"
