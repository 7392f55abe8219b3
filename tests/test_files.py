"""Outputs appear whole or not at all, and nothing is overwritten unasked."""

import errno
import json
import os
import resource

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
    with pytest.raises(OutputExistsError, match="something else"), replaced as partial:
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


def test_a_librarys_error_of_writing_is_reported_with_the_file(tmp_path):
    with pytest.raises(OSError, match=r"a\.h5 cannot be written: errno = 28"):
        with replacing(tmp_path / "a.h5"):
            raise OSError("errno = 28")
