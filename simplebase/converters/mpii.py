"""MPII Human Pose (Andriluka et al., CVPR 2014): the `.mat` of release 1.2.

`RELEASE` holds `annolist(i)` (an image and its people), `img_train(i)` and `single_person{i}`
(1-based indices of people who stand apart). A person, `annolist(i).annorect(j)`, has `objpos`,
`scale` (height / 200 px), the head box `x1 y1 x2 y2` and `annopoints.point(k)` with `id`, `x`, `y`,
`is_visible`. Each of these may be missing or empty; MATLAB counts pixels from 1.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.converters.conversion import NO_KEYPOINT, REFUSED_PATH, Conversion, draw_held_out
from simplebase.converters.image_files import find_image, inside
from simplebase.converters.matlab import read_variable
from simplebase.data import expect
from simplebase.data.records import make_record
from simplebase.errors import DataError, MissingFileError, counted
from simplebase.files import read_json, require_file
from simplebase.progress import Progress
from simplebase.skeletons import load_skeleton

_ORIGIN = 1
_SAME_PLACE = 1.0
"""Tolerance in pixels: published split files have the same positions, but some are rounded."""

_Listed = dict[str, list[tuple[float, float] | None]]
"""Positions of the held-out people by file name; `None` holds out all people of an image."""


def read_mpii(
    source: str | os.PathLike[str],
    *,
    image_folder: str | os.PathLike[str] | None = None,
    single_only: bool = False,
    split_file: str | os.PathLike[str] | None = None,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads the labelled people of MPII's training images.

    Args:
        source: the `.mat` file, or a folder that contains it.
        image_folder: by default `images` beside the file, or beside its folder.
        single_only: only people that MPII marks as standing apart.
        split_file: a list of held-out people: records with `img_paths`, `objpos` and
            `isValidation`, or records with `image` and `center`, all of which are held out. Other
            people in these images are left out, because papers do not evaluate them and they must
            not be trained on. A record without a position holds out all people of its image.
        val_split: fraction of the images that are held out, without `split_file`.
        seed: seed of the random split.
        progress: is called with the number of finished images and the total.

    Raises:
        MissingFileError: a file or folder is missing.
        DataError: the content of a file is invalid, or `split_file` holds out nobody.
    """
    path = _find_file(Path(source))
    images = _find_images(path, Path(source), image_folder)
    listed = None if split_file is None else _listed(Path(split_file))
    sources = [path] if split_file is None else [path, Path(split_file)]
    option = "simplebase convert mpii --image-folder"
    conversion = Conversion(load_skeleton("mpii"), images, sources, folder_option=option)
    _add_release(conversion, path, single_only, progress)
    if listed is None:
        conversion.hold_out(draw_held_out(conversion.images, val_split, seed))
    else:
        _hold_out_listed(conversion, listed, sources[-1])
    return conversion


def _add_release(
    conversion: Conversion, path: Path, single_only: bool, progress: Progress | None
) -> None:
    release = read_variable(path, "RELEASE")
    if not isinstance(release, Mapping) or "annolist" not in release:
        raise DataError(f"{path}: RELEASE has no annolist, so it is not MPII's.")
    entries = _as_list(release["annolist"])
    train = _column(release, "img_train", entries, path)
    single = _column(release, "single_person", entries, path) if single_only else None
    for index, entry in enumerate(entries):
        where = f"{path}, annolist({index + 1})"
        if train is not None and _scalar(train[index]) != 1:
            conversion.leave_out("test image: no labels published")
        else:
            chosen = None if single is None else set(map(_scalar, _as_list(single[index])))
            _add_people(conversion, entry, chosen, where)
        if progress:
            progress(index + 1, len(entries))


def _hold_out_listed(conversion: Conversion, listed: _Listed, path: Path) -> None:
    """Holds out the people that the split file lists.

    Raises:
        DataError: none of the people that were found is listed.
    """
    kept = []
    for record in conversion.records:
        places = listed.get(Path(record["img_paths"]).name, [])
        held_out = any(place is None or _near(place, record["objpos"]) for place in places)
        if places and not held_out:
            conversion.leave_out("not in the split file, but in an image with a held-out person")
            continue
        kept.append(record | {"isValidation": float(held_out)})
    people = [record for record in kept if record["isValidation"]]
    images = {record["img_paths"] for record in people}
    if conversion.images and not people:
        raise DataError(
            f"{path} lists {counted(len(listed), 'name')}, but none of them is among the "
            f"{len(conversion.images)} images. Is it the split of another dataset?"
        )
    where = f"in {len(images)} of {len(conversion.images)} images"
    found = counted(len(people), "person", "people")
    conversion.notes.append(f"{path} holds out {found}, {where}")
    if missing := _count_missing(listed, conversion.images, people):
        conversion.notes.append(
            f"{path} lists {counted(missing, 'person', 'people')} in these images without a label "
            "at their position; they are not evaluated"
        )
    conversion.keep(kept)


def _count_missing(listed: _Listed, images: Iterable[str], people: list[dict[str, Any]]) -> int:
    """Counts the people listed in `images` that are not among the held-out `people`."""
    centers: dict[str, list[Any]] = {Path(name).name: [] for name in images}
    for record in people:
        centers[Path(record["img_paths"]).name].append(record["objpos"])
    return sum(
        place is not None and not any(_near(place, center) for center in centers[name])
        for name in centers
        for place in listed.get(name, [])
    )


def _near(place: tuple[float, float], center: Sequence[float]) -> bool:
    return max(abs(place[0] - center[0]), abs(place[1] - center[1])) <= _SAME_PLACE


def _find_file(source: Path) -> Path:
    if not source.is_dir():
        return require_file(source, "MPII's .mat file")
    found = sorted(source.rglob("mpii_human_pose*.mat")) or sorted(source.rglob("*.mat"))
    if len(found) != 1:
        names = ", ".join(str(path) for path in found[:3])
        raise MissingFileError(
            f"{source}: expected one .mat file in it. Found: {names or 'none'}. Name the file."
        )
    return found[0]


def _find_images(path: Path, source: Path, given: str | os.PathLike[str] | None) -> Path:
    if given is not None:
        candidates = [Path(given)]
    else:
        parents = [path.parent, path.parent.parent, source]
        candidates = list(dict.fromkeys(parent / "images" for parent in parents))
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    remedy = "Name it with" if given is None else "Check"
    raise MissingFileError(f"no image folder was found at {looked}. {remedy} --image-folder.")


def _listed(path: Path) -> _Listed:
    """Reads the list of held-out people."""
    listed: _Listed = {}
    records = expect.items(read_json(require_file(path, "the split file")), str(path))
    for index, record in enumerate(records):
        where = f"{path}, record {index}"
        record = expect.mapping(record, where)
        if "image" in record:
            name, place = expect.text(record["image"], f"{where}.image"), record.get("center")
        else:
            name = expect.text(record.get("img_paths"), f"{where}.img_paths")
            place = record.get("objpos")
            if not expect.number(record.get("isValidation"), f"{where}.isValidation"):
                continue
        listed.setdefault(Path(name).name, []).append(
            None if place is None else _place(place, record.get("origin", _ORIGIN), where)
        )
    return listed


def _place(values: Any, origin: Any, where: str) -> tuple[float, float]:
    """Zero-based."""
    x, y = expect.numbers(values, 2, f"{where}, its position")
    first = expect.number(origin, f"{where}.origin")
    return x - first, y - first


def _column(release: Mapping[str, Any], key: str, entries: list[Any], path: Path) -> Any:
    if key not in release:
        return None
    column = _as_list(release[key])
    if len(column) != len(entries):
        raise DataError(
            f"{path}: RELEASE.{key} has {len(column)} entries, but annolist has {len(entries)}."
        )
    return column


def _add_people(
    conversion: Conversion, entry: Any, single: set[float | None] | None, where: str
) -> None:
    entry = entry if isinstance(entry, Mapping) else {}
    image = entry.get("image")
    name = image.get("name") if isinstance(image, Mapping) else None
    for index, person in enumerate(_as_list(entry.get("annorect", ())), start=1):
        person = person if isinstance(person, Mapping) else {}
        keypoints = _keypoints(person, f"{where}.annorect({index})")
        center, scale = _center(person), _scalar(person.get("scale"))
        if single is not None and index not in single:
            conversion.leave_out("not marked as standing apart")
        elif not keypoints[:, 2].any():
            conversion.leave_out(NO_KEYPOINT)
        elif center is None or scale is None or scale <= 0:
            conversion.leave_out("no objpos or scale")
        elif not isinstance(name, str) or (path := inside("", name)) is None:
            conversion.leave_out(REFUSED_PATH)
        elif (file := find_image(conversion.image_folder, path)) is None:
            conversion.leave_out_missing_image(path)
        else:
            record = make_record(
                dataset="MPI",
                validation=False,
                path=path,
                center=center,
                scale=scale,
                keypoints=keypoints,
                headbox=_headbox(person),
            )
            conversion.add(record, file)


def _keypoints(person: Mapping[str, Any], where: str) -> np.ndarray:
    """Returns `(16, 3)` zero-based x, y, visibility."""
    keypoints = np.zeros((16, 3))
    points = person.get("annopoints")
    points = _as_list(points.get("point", ())) if isinstance(points, Mapping) else []
    for index, point in enumerate(points, start=1):
        point = point if isinstance(point, Mapping) else {}
        x, y, joint = (_scalar(point.get(key)) for key in ("x", "y", "id"))
        if x is None or y is None:
            continue
        if joint is None or joint not in range(len(keypoints)):
            raise DataError(
                f"{where}.annopoints.point({index}): id is 0 to 15. Received: {point.get('id')!r}."
            )
        # The two head joints have no is_visible. They come from the head box and are visible.
        hidden = _scalar(point.get("is_visible")) == 0
        keypoints[int(joint)] = (x - _ORIGIN, y - _ORIGIN, 1 if hidden else 2)
    return keypoints


def _center(person: Mapping[str, Any]) -> tuple[float, float] | None:
    position = person.get("objpos")
    if not isinstance(position, Mapping):
        return None
    x, y = _scalar(position.get("x")), _scalar(position.get("y"))
    return None if x is None or y is None else (x - _ORIGIN, y - _ORIGIN)


def _headbox(person: Mapping[str, Any]) -> list[float] | None:
    corners = [_scalar(person.get(key)) for key in ("x1", "y1", "x2", "y2")]
    known = [corner - _ORIGIN for corner in corners if corner is not None]
    return known if len(known) == len(corners) else None


def _as_list(value: Any) -> list[Any]:
    """Returns the elements of an array; the reader returns a single element unwrapped."""
    if isinstance(value, np.ndarray):
        return list(value.ravel())
    return list(value) if isinstance(value, list | tuple) else [value]


def _scalar(value: Any) -> float | None:
    """Returns a number, which may be written as text; `None` if it is missing or invalid."""
    try:
        return expect.number(float(np.asarray(value).item()), "")
    except (TypeError, ValueError, OverflowError):
        return None
