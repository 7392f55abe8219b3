"""YAML of strangers: read in bounded time, or refused by its line."""

from pathlib import Path

import pytest

from simplebase import load_preset, load_recipe
from simplebase.errors import ArgumentError, DataError
from simplebase.files.yaml import parse_yaml
from simplebase.training.runs.config import RunConfig


def bomb(opening: str = "[", closing: str = "]", start: str = "[x]", levels: int = 10) -> str:
    """Each level holds the one before ten times."""
    lines = [f"a0: &a0 {start}"]
    for level in range(1, levels):
        inside = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} {opening}{inside}{closing}")
    return "\n".join(lines)


BOMBS = {"lists": bomb(), "merged mappings": bomb("{<<: [", "]}", "{x: 1}")}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_aliases_of_aliases_are_refused_before_they_are_expanded(text: str) -> None:
    with pytest.raises(DataError, match=r"^a\.yaml, line \d+: there are more than 100000 values"):
        parse_yaml(text, "a.yaml")


def test_every_reader_refuses_a_bomb_in_a_short_message(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(bomb())
    for read in (load_preset, load_recipe):
        with pytest.raises(DataError, match=r"config\.yaml, line \d+: there are more than"):
            read(str(path))
    with pytest.raises(DataError, match=r"config\.yaml, line \d+: there are more than"):
        RunConfig.read(tmp_path)


def test_a_value_of_many_items_is_shown_in_part(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(bomb(levels=4) + "\nname: *a3\n")
    with pytest.raises(DataError) as caught:
        load_recipe(path)
    assert len(str(caught.value)) < 400
    with pytest.raises(ArgumentError) as refused:
        load_recipe("quick").updated({"batch_size": ["x" * 1000] * 1000})
    assert len(str(refused.value)) < 400


def test_anchors_and_merge_keys_work_as_usual() -> None:
    text = "base: &base {a: 1, b: 2}\nmine: {<<: *base, b: 3}\nsame: *base\n"
    expected = {"base": {"a": 1, "b": 2}, "mine": {"a": 1, "b": 3}, "same": {"a": 1, "b": 2}}
    assert parse_yaml(text, "a.yaml") == expected


REFUSED = [
    ("&a [*a]", "line 1: the alias \\*a stands inside its own anchor"),
    ("[" * 100_000, "line 1: it is nested deeper than 50 levels"),
    ("a: 1\nb: 2\na: 3\n", r"line 3: the key 'a' is there already \(line 1\)"),
    ("a: {b: 1, b: 2}\n", r"line 1: the key 'b' is there already \(line 1\)"),
    ("a: [1\nb: 2", "is not valid YAML: line 2, "),
    ("a: !!python/object:os.system [x]", "is not valid YAML: line 1, could not determine"),
    ("a: \1", "is not valid YAML: unacceptable character"),
    ("a: " + "9" * 5000, "is not valid YAML: Exceeds the limit"),
    ("a: " + "59:" * 200 + "1.5", "is not valid YAML: int too large"),
    ("a" * (1 << 21), "is longer than 1048576 bytes"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_cannot_be_meant_is_refused_by_its_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"^a\.yaml,? {message}") as caught:
        parse_yaml(text, "a.yaml")
    assert "\n" not in str(caught.value)


def test_a_date_stays_text() -> None:
    assert parse_yaml("name: 2024-05-01", "a.yaml") == {"name": "2024-05-01"}
