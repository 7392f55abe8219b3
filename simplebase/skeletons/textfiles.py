"""Reads and writes upstream's three text files of a skeleton.

`classes.txt` has one keypoint name per line. `match_point.txt` has one pair per line, `name,name,h`
or `name,name,v`, which swaps under a horizontal or vertical flip. `skeleton.txt` has one link per
line, `start,end,colour`. The colour is `r`, `g`, `b` or, only in simplebase, `#rrggbb`. Empty lines
and spaces around names are ignored.
"""

import os
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

from simplebase.errors import DataError, listed, shown
from simplebase.files import read_text, require_file, write_text
from simplebase.skeletons.loader import with_built_in_facts
from simplebase.skeletons.skeleton import MOST_KEYPOINTS, Link, Pair, Skeleton

CLASSES, MATCH_POINT, SKELETON = "classes.txt", "match_point.txt", "skeleton.txt"
"""Names of the three files in a dataset folder."""

# This spelling is used in upstream's MPII files and in its users' files.
_SPELLINGS = {"plevis": "pelvis"}


# Upper bound of a file with one line per keypoint.
_MOST_BYTES = 1 << 20


def read_text_files(
    classes: str | os.PathLike[str],
    match_point: str | os.PathLike[str] | None = None,
    skeleton: str | os.PathLike[str] | None = None,
) -> Skeleton:
    """Reads a skeleton from upstream's text files.

    Without the last two files, the skeleton has no pairs or links. The files cannot contain
    `sigmas` and `upper_body`, see `with_built_in_facts`.

    Raises:
        MissingFileError: a path is not a file.
        DataError: a line has the wrong form, or names a keypoint that is not in `classes`.
    """
    classes = require_file(classes, "the classes file")
    # A dictionary keeps the order, and is quicker to search than a list.
    keypoints: dict[str, None] = {}
    for where, line in _lines(classes):
        _require_new(where, keypoints, _spelling(line))
        keypoints[_spelling(line)] = None
        if len(keypoints) > MOST_KEYPOINTS:
            raise DataError(
                f"{classes} has more than {MOST_KEYPOINTS} names. Is it a classes file?"
            )
    if not keypoints:
        raise DataError(f"{classes} has no keypoint names. Write one per line.")
    pairs: dict[str, list[Pair]] = {"h": [], "v": []}
    for where, (first, second, direction) in _triples(match_point, "the match point file"):
        if direction not in pairs:
            raise DataError(f"{where}: the flip type must be h or v. Received: {shown(direction)}.")
        paired = [name for pair in pairs[direction] for name in pair]
        _require_new(where, paired, first)
        _require_new(where, [*paired, first], second)
        pairs[direction].append(_known(where, keypoints, first, second))
    links = []
    for where, (start, end, colour) in _triples(skeleton, "the skeleton file"):
        _known(where, keypoints, start, end)
        try:
            links.append(Link(start, end, colour))
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
    # The folder's name is a better name than "classes"; upstream's file is mpii_classes.txt.
    folder = classes.resolve().parent.name
    name = folder if classes.name == CLASSES else classes.stem.replace("_classes", "")
    return with_built_in_facts(
        Skeleton(name, tuple(keypoints), tuple(pairs["h"]), tuple(pairs["v"]), tuple(links))
    )


def write_text_files(skeleton: Skeleton, folder: str | os.PathLike[str]) -> None:
    """Writes `classes.txt`, `match_point.txt` and `skeleton.txt` into `folder`.

    Raises:
        DataError: a keypoint's name could not be read back.
    """
    for keypoint in skeleton.keypoints:
        if "," in keypoint or keypoint != keypoint.strip() or not _is_one_line(keypoint):
            raise DataError(
                f"the keypoint name {keypoint!r} has a comma, a control character or spaces at its "
                "ends, which the text files cannot hold. Rename it."
            )
    matches = [f"{a},{b},h" for a, b in skeleton.horizontal_pairs]
    matches += [f"{a},{b},v" for a, b in skeleton.vertical_pairs]
    links = [f"{link.start},{link.end},{link.colour}" for link in skeleton.links]
    for name, lines in (
        (CLASSES, skeleton.keypoints),
        (MATCH_POINT, matches),
        (SKELETON, links),
    ):
        write_text(Path(folder) / name, "".join(f"{line}\n" for line in lines))


def _is_one_line(name: str) -> bool:
    """Returns whether a name consists of printable characters and spaces of any width."""
    return all(each.isprintable() or unicodedata.category(each) == "Zs" for each in name)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    text = read_text(path, most_bytes=_MOST_BYTES)
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{path}, line {number}", line.strip()


def _triples(
    path: str | os.PathLike[str] | None, what: str
) -> Iterator[tuple[str, tuple[str, str, str]]]:
    if path is None:
        return
    for where, line in _lines(require_file(path, what)):
        parts = [part.strip() for part in line.split(",")]
        if len(parts) != 3:
            raise DataError(f"{where}: expected name,name,letter. Received: {shown(line)}.")
        yield where, (_spelling(parts[0]), _spelling(parts[1]), parts[2])


def _require_new(where: str, earlier: Collection[str], name: str) -> None:
    if name in earlier:
        raise DataError(f"{where}: {shown(name)} occurs twice.")


def _known(where: str, keypoints: Collection[str], *names: str) -> Pair:
    for name in names:
        if name not in keypoints:
            raise DataError(
                f"{where}: {shown(name)} is not in the classes file, which has {listed(keypoints)}."
            )
    return names[0], names[1]


def _spelling(name: str) -> str:
    return _SPELLINGS.get(name, name)
