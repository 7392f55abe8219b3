"""Clues to the format of a source: its label files and their first bytes."""

import os
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LABEL_SUFFIXES = {".json", ".csv", ".xml", ".yaml", ".yml", ".mat", ".slp", ".pts", ".ljson"}
LABEL_SUFFIXES |= {".pbtxt", ".prototxt"}
_MOST_ENTRIES = 200_000
"""Most files and folders of a source that are examined, so that the user need not wait."""
_MOST_FILES = 20
"""Most label files of each kind that are opened."""
_HEAD = 1 << 16
_DEEPEST = 4
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|[\[\]{}]')


@dataclass(frozen=True)
class JsonKeys:
    """The keys at the start of a JSON text.

    Args:
        is_list: whether the text is a list.
        by_depth: the keys by how many braces and brackets enclose them.
    """

    is_list: bool
    by_depth: dict[int, set[str]]

    def has(self, *keys: str, depth: int = 1) -> bool:
        """Returns whether all of these keys occur at a depth."""
        return set(keys) <= self.by_depth.get(depth, set())


class Clues:
    """The label files of a source, and their first bytes.

    Args:
        source: a file or a folder.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self._files = _label_files(source)
        self.head = cache(_head)
        """Returns the first 64 KiB of a file as text; empty if it cannot be opened."""
        self.keys = cache(lambda path: json_keys(self.head(path)))
        """Returns the keys of a JSON file."""

    def files(self, *suffixes: str) -> list[Path]:
        """Returns the first label files with these suffixes, in the order of their paths."""
        return [path for suffix in suffixes for path in self._files.get(suffix, [])]

    def find_json(self, fits: Callable[[JsonKeys], bool]) -> list[Path]:
        """Returns the JSON files whose keys fit."""
        return [path for path in self.files(".json") if fits(self.keys(path))]

    def short(self, path: Path) -> str:
        """Returns a path relative to the source."""
        return path.name if path == self.source else path.relative_to(self.source).as_posix()

    def summary(self) -> str:
        """Returns how many label files of each kind were found, for messages."""
        counts = [f"{len(paths)} {suffix}" for suffix, paths in sorted(self._files.items())]
        return ", ".join(counts) or "no label files"


def json_keys(text: str) -> JsonKeys:
    """Returns the keys in a JSON text, which may be cut off.

    For `{"a": [{"b": 1}]}` they are `{1: {"a"}, 3: {"b"}}`.
    """
    keys: dict[int, set[str]] = defaultdict(set)
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
        elif token[2] and depth <= _DEEPEST:
            keys[depth].add(token[1])
    return JsonKeys(text.lstrip().startswith("["), dict(keys))


def _label_files(source: Path) -> dict[str, list[Path]]:
    """Returns the first label files of each suffix."""
    files: dict[str, list[Path]] = defaultdict(list)
    if source.is_file():
        return {source.suffix.lower(): [source]}
    entries = 0
    for folder, folders, names in os.walk(source):
        folders.sort()
        entries += len(folders) + len(names)
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in LABEL_SUFFIXES and len(files[suffix]) < _MOST_FILES:
                files[suffix].append(Path(folder, name))
        if entries > _MOST_ENTRIES:
            break
    return dict(files)


def _head(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(_HEAD)
    except OSError:
        return ""
    # The last character may be incomplete. Binary files have a magic word in ASCII.
    return content.decode("utf-8-sig", errors="ignore")
