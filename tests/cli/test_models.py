"""`simplebase models`: the table, and a card."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from simplebase.cli import app
from simplebase.zoo.programs import PROGRAMS
from simplebase.zoo.remote import RemoteFile

Command = Callable[..., tuple[int, str, str]]


def test_the_list_and_the_cards_fit_80_columns(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.console, "width", 80)
    for line in (
        ["models"],
        ["models", "--for", "hand"],
        ["models", "person-mini"],
        ["models", "person"],
    ):
        code, said, error = command(*line)
        assert code == 0, error
        printed = [text for text in said.splitlines() if not text.startswith(("next:", "77 more"))]
        assert max(map(len, printed)) <= 80
    for text in ("c129dcb6", "AP 0.724", "flip test", "Apache-2.0", "CC BY 4.0", "https://"):
        assert text in said


def test_the_model_in_the_package_is_listed_first_with_its_hashes(command: Command) -> None:
    code, said, error = command("models", "--json", "all.json")
    assert code == 0, error
    first = json.loads(Path("all.json").read_text())[0]
    assert first["name"] == "person-mini" and "urls" not in first
    files = first["embedded"]
    code, said, error = command("models", "person-mini")
    assert code == 0, error
    for what in ("runnable", "weights"):
        assert files[what]["name"] in said and files[what]["sha256"] in said
    assert (
        "for research" in said
        and "next: simplebase demo --model person-mini --input IMAGE --follow" in said
    )


@pytest.mark.parametrize("words", [("show", "person-mini"), ("person", "hand")])
def test_two_names_are_refused_with_a_hint(command: Command, words: tuple[str, ...]) -> None:
    code, _, error = command("models", *words)
    assert code == 2 and f"'{words[0]}' is not a command" in error
    assert "`simplebase models NAME` shows one" in error


def test_a_narrow_terminal_shows_all_figures_of_all_models(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.console, "width", 80)
    code, said, error = command("models", "--all")
    assert code == 0, error
    assert "…" not in said


def test_the_list_is_a_json_file_too(command: Command) -> None:
    code, _, error = command("models", "--for", "face", "--json", "faces.json")
    assert code == 0, error
    rows = json.loads(Path("faces.json").read_text())
    assert {row["skeleton"] for row in rows} >= {"face68"}
    assert all(row["urls"] and row["sha256"] for row in rows)
    code, _, error = command("models", "--for", "cars")
    assert code != 0 and "--for must be one of person, " in error


def test_programs_that_exports_need_are_fetched_ahead_too(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"a package"
    file = RemoteFile(
        "core.tgz", ("http://127.0.0.1:9/",), sha256(content).hexdigest(), "litert-js", "Apache-2.0"
    )
    monkeypatch.setitem(PROGRAMS, "litert-js", (file,))
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIMPLEBASE_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "core.tgz").write_bytes(content)
    code, said, error = command("models", "get", "litert-js")
    assert code == 0, error
    assert f"litert-js: {tmp_path / 'cache' / 'models' / 'core.tgz'}" in said
    assert "Licence: Apache-2.0" in said
