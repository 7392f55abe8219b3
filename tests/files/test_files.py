"""Outputs appear whole or not at all, and nothing is overwritten unasked."""

import errno
import json
import os
import resource
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase.errors import MissingFileError, OutputExistsError, os_sentence
from simplebase.files import (
    replacing,
    require_file,
    require_output,
    stored_bytes,
    write_json,
    write_text,
)


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_the_block_ends(tmp_path):
    target = tmp_path / "model.keras"
    with replacing(target) as partial:
        partial.write_text("new")
        assert partial.suffix == ".keras"
        assert not target.exists()
    assert target.read_text() == "new"
    assert listing(tmp_path) == ["model.keras"]


def test_a_folder_appears_whole(tmp_path):
    with replacing(tmp_path / "run") as partial:
        partial.mkdir()
        (partial / "a.txt").write_text("a")
    assert (tmp_path / "run" / "a.txt").read_text() == "a"
    assert listing(tmp_path) == ["run"]


def test_missing_parent_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "text")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "text"


def test_a_failed_file_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        raise RuntimeError
    assert listing(tmp_path) == []


def test_a_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "run") as partial:
        partial.mkdir()
        (partial / "half.txt").write_text("half")
        raise KeyboardInterrupt
    assert listing(tmp_path) == []


def test_an_existing_output_is_refused_and_kept(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OutputExistsError, match=r"a\.txt exists.*--overwrite"):
        write_text(target, "new")
    assert target.read_text() == "old" and listing(tmp_path) == ["a.txt"]


def test_the_block_of_a_refused_output_does_not_run(tmp_path):
    ran = []
    with pytest.raises(OutputExistsError), replacing(tmp_path):
        ran.append(True)
    assert not ran


def test_an_existing_file_is_overwritten_on_request(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    write_text(target, "new", overwrite=True)
    assert target.read_text() == "new" and listing(tmp_path) == ["a.txt"]


def test_an_existing_folder_is_replaced_not_merged(tmp_path):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with replacing(target, overwrite=True, folder_markers=["old.txt"]) as partial:
        partial.mkdir()
        (partial / "new.txt").write_text("new")
    assert listing(target) == ["new.txt"] and listing(tmp_path) == ["run"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failed_block_keeps_the_old_file(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), replacing(target, overwrite=True) as partial:
        partial.write_text("half")
        raise error
    assert target.read_text() == "old" and listing(tmp_path) == ["a.txt"]


def test_a_failed_block_keeps_the_old_folder(tmp_path):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with (
        pytest.raises(RuntimeError),
        replacing(target, overwrite=True, folder_markers=["old.txt"]) as partial,
    ):
        partial.mkdir()
        raise RuntimeError
    assert listing(target) == ["old.txt"] and listing(tmp_path) == ["run"]


def test_a_block_that_writes_nothing_keeps_the_old_folder(tmp_path):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old.txt").write_text("old")
    replaced = replacing(target, overwrite=True, folder_markers=["old.txt"])
    with pytest.raises(FileNotFoundError), replaced:
        pass
    assert listing(target) == ["old.txt"] and listing(tmp_path) == ["run"]


def test_require_file_tells_a_folder_from_a_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match="is a folder, but the model is a file"):
        require_file(tmp_path, "the model")
    with pytest.raises(MissingFileError, match=r"none\.keras: the model does not exist"):
        require_file(tmp_path / "none.keras", "the model")


def test_require_output_refuses_only_what_exists(tmp_path):
    assert require_output(tmp_path / "new" / "a.txt", overwrite=False) == tmp_path / "new" / "a.txt"
    there = tmp_path / "there.txt"
    there.write_text("old")
    with pytest.raises(OutputExistsError):
        require_output(there, overwrite=False)
    assert require_output(there, overwrite=True) == there


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_json_is_read_back_as_it_was_written(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("json") / "content.json"
    write_json(path, content)
    assert json.loads(path.read_text(encoding="utf-8")) == content


def test_a_json_list_has_one_line_an_item(tmp_path):
    write_json(tmp_path / "a.json", [{"a": 1}, {"b": [2, 3]}])
    assert (tmp_path / "a.json").read_text() == '[\n{"a": 1},\n{"b": [2, 3]}\n]\n'


@pytest.mark.parametrize("markers", [(), ("mine.txt",), ("old.txt", "mine.txt")])
def test_a_folder_of_another_kind_is_never_replaced(tmp_path, markers):
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "old.txt").write_text("old")
    replaced = replacing(target, overwrite=True, folder_markers=markers)
    with pytest.raises(OutputExistsError, match="not an earlier output"), replaced as partial:
        partial.mkdir()
    assert listing(target) == ["old.txt"]


def test_a_folder_that_cannot_be_put_in_place_is_put_back(tmp_path, monkeypatch):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old.txt").write_text("old")
    replace, calls = os.replace, []

    def fails_second(source, destination):
        calls.append(destination)
        if len(calls) == 2:
            raise OSError("disk")
        replace(source, destination)

    monkeypatch.setattr(os, "replace", fails_second)
    replaced = replacing(target, overwrite=True, folder_markers=["old.txt"])
    with pytest.raises(OSError, match="disk"), replaced as partial:
        partial.mkdir()
    assert listing(target) == ["old.txt"] and listing(tmp_path) == ["run"]


def test_a_refused_block_makes_no_folders(tmp_path):
    with pytest.raises(RuntimeError), replacing(tmp_path / "new" / "a.txt"):
        raise RuntimeError
    require_output(tmp_path / "other" / "a.txt", overwrite=False)
    assert not (tmp_path / "other").exists()


def test_a_folder_is_as_large_as_its_files_together(tmp_path):
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "graph.pb").write_bytes(b"x" * 10)
    (tmp_path / "model" / "variables" / "data").write_bytes(b"x" * 32)
    assert stored_bytes(tmp_path / "model") == 42
    assert stored_bytes(tmp_path / "model" / "graph.pb") == 10


@pytest.fixture
def small_disk():
    """Within it no file can grow beyond 1000 bytes, and the system's error names no file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_is_reported_with_the_file(tmp_path, small_disk):
    with pytest.raises(OSError) as caught:
        write_text(tmp_path / "scores.json", "x" * 10_000)
    assert caught.value.errno == errno.EFBIG
    assert os_sentence(caught.value) == f"{tmp_path}/scores.json: File too large."
    assert listing(tmp_path) == []


def test_a_folder_without_permission_is_reported_with_the_file(tmp_path, monkeypatch):
    def refuse(path, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    target = tmp_path / "a.txt"
    monkeypatch.setattr(Path, "mkdir", lambda *a, **o: None if o.get("parents") else refuse(*a))
    with pytest.raises(PermissionError) as caught:
        write_text(target, "text")
    assert os_sentence(caught.value) == f"{target}: Permission denied."


def test_a_librarys_error_of_writing_is_reported_with_the_file(tmp_path):
    with pytest.raises(OSError, match=r"a\.h5 cannot be written: errno = 28"):
        with replacing(tmp_path / "a.h5"):
            raise OSError("errno = 28")


# === Two writers at once ===


def test_a_file_that_appeared_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "model.tflite"
    with pytest.raises(OutputExistsError, match=r"model\.tflite appeared while"):
        with replacing(target) as partial:
            partial.write_text("mine")
            target.write_text("another process's")
    assert target.read_text() == "another process's" and listing(tmp_path) == ["model.tflite"]


@pytest.mark.parametrize("content", [[], ["a.txt"]])
def test_a_folder_that_appeared_meanwhile_is_not_replaced(tmp_path, content):
    target = tmp_path / "figures"
    with pytest.raises(OutputExistsError, match="figures appeared while"):
        with replacing(target) as partial:
            partial.mkdir()
            (partial / "mine.txt").write_text("mine")
            target.mkdir()
            for name in content:
                (target / name).write_text("another process's")
    assert listing(target) == content and listing(tmp_path) == ["figures"]


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_appeared_may_be_of_another_kind(tmp_path, kind):
    appear = {
        "file": lambda path: path.write_text("theirs"),
        "folder": lambda path: path.mkdir(),
        "link": lambda path: path.symlink_to("nowhere"),
    }[kind]
    for name, write in (("file", lambda path: path.write_text("a")), ("folder", os.mkdir)):
        with pytest.raises(OutputExistsError), replacing(tmp_path / name) as partial:
            write(partial)
            appear(tmp_path / name)
        assert (tmp_path / name).is_symlink() == (kind == "link")


@pytest.mark.parametrize("there", [False, True])
def test_a_file_system_without_hard_links_keeps_the_rule(tmp_path, monkeypatch, there):
    def no_links(*args, **options):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    target = tmp_path / "a.txt"
    expected = pytest.raises(OutputExistsError, match="appeared") if there else nullcontext()
    with expected, replacing(target) as partial:
        partial.write_text("mine")
        if there:
            target.write_text("theirs")
    assert target.read_text() == ("theirs" if there else "mine")
    assert listing(tmp_path) == ["a.txt"]


def test_a_failed_move_leaves_no_claimed_name(tmp_path, monkeypatch):
    def fails(source, destination):
        raise OSError(errno.EIO, "disk")

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(OSError, match="disk"), replacing(tmp_path / "run") as partial:
        partial.mkdir()
    assert listing(tmp_path) == []


def test_with_overwrite_what_appeared_is_replaced_only_if_it_is_of_the_kind(tmp_path):
    target = tmp_path / "a.txt"
    with replacing(target, overwrite=True) as partial:
        partial.write_text("mine")
        target.write_text("theirs")
    assert target.read_text() == "mine"
    folder = tmp_path / "figures"
    with pytest.raises(OutputExistsError, match="not an earlier output"):
        with replacing(folder, overwrite=True, folder_markers=["marker"]) as partial:
            partial.mkdir()
            folder.mkdir()
            (folder / "thesis.tex").write_text("precious")
    assert listing(folder) == ["thesis.tex"]


def test_a_link_that_leads_nowhere_is_an_output_too(tmp_path):
    target = tmp_path / "a.txt"
    target.symlink_to("nowhere")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write_text(target, "new")
    assert target.is_symlink()


def test_of_two_processes_that_write_one_file_at_once_one_is_refused(tmp_path):
    """Both have seen that the file is not there before either of them writes."""
    code = (
        "import sys; from pathlib import Path; from simplebase.files import replacing\n"
        "with replacing('out.txt') as partial:\n"
        "    partial.write_text(sys.argv[1]); print('ready', flush=True); sys.stdin.readline()\n"
    )
    line = [sys.executable, "-W", "ignore", "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [
        subprocess.Popen([*line, name], cwd=tmp_path, text=True, **pipes) for name in ("1", "2")
    ]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    errors = [process.communicate("\n")[1] for process in both]
    assert [process.returncode for process in both] == [0, 1]
    assert "OutputExistsError" in errors[1] and "out.txt appeared" in errors[1]
    assert (tmp_path / "out.txt").read_text() == "1" and listing(tmp_path) == ["out.txt"]
