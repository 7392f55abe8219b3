"""Reads JSON and JSON-MIN exports of Label Studio (https://labelstud.io).

```
[{"id": 7, "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"},          JSON
  "annotations": [{"was_cancelled": false, "updated_at": "...", "result": [REGION, ...]}],
  "predictions": [{"result": [...]}]}]
[{"id": 7, "image": "...", "keypoints": [REGION'S VALUE, ...], "bbox": [...]}]      JSON-MIN
{"id": 3, "result": [REGION, ...], "task": {"id": 7, "data": {...}}}      a file of a target storage
```

Coordinates are percentages of `original_width` and `original_height`, see `regions`. If these are
missing, as in predictions, the size of the image is used. Label Studio has no visibility of
keypoints: each is visible, unless a choice of its region is `hidden` or `occluded`. JSON-MIN has
neither parents nor relations, so regions are grouped by position only.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.converters.conversion import Conversion
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.converters.label_sources import files_below
from simplebase.converters.label_studio.regions import Region, find_objects
from simplebase.converters.labelled import LabelledImage, infer_skeleton, to_conversion
from simplebase.data import expect
from simplebase.data.fields import stated_size
from simplebase.errors import DataError
from simplebase.files import read_json, require_file
from simplebase.geometry import Size
from simplebase.images import IMAGE_SUFFIXES, image_size
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

# Size of a missing image, whose labels are only counted.
_ANY_SIZE = (100, 100)
# One of them is in every task that Label Studio exports; the last two in those of JSON-MIN.
_TASK_KEYS = {
    "data",
    "annotations",
    "completions",
    "predictions",
    "annotation_id",
    "annotator",
}
_NOT_LAST = "annotation: not the last of its task"
_ROTATED = "annotation: of an image that was rotated in Label Studio"


@dataclass(frozen=True)
class _Task:
    """An image and its regions.

    Args:
        where: the file and the place in it, for messages.
        image: the stated image.
        regions: the regions in it.
        relations: pairs of linked ids.
        size: the stated size.
    """

    where: str
    image: StatedImage
    regions: list[Region]
    relations: list[tuple[str, str]]
    size: Size | None


def read_label_studio(
    source: str | os.PathLike[str],
    *,
    image_folder: str | os.PathLike[str] | None = None,
    skeleton: Skeleton | None = None,
    predictions: bool = False,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads an export.

    Args:
        source: the JSON file, or the folder of a target storage with a JSON file per annotation.
        image_folder: the images' folder. By default that of the file. Images are searched at the
            stated path and by their names.
        skeleton: the keypoints; by default the labels in order of appearance.
        predictions: use the predictions of tasks without annotations.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.
        progress: is called with the number of finished tasks and the total.

    Raises:
        MissingFileError: the file does not exist.
        DataError: it is not an export of Label Studio, there are no keypoints, or two keypoints of
            an object have the same name.
    """
    path = Path(source)
    sources = files_below(path, (".json",)) if path.is_dir() else []
    sources = sources or [require_file(path, "the JSON file of Label Studio")]
    tasks: dict[str, dict[str, Any]] = {}
    for each in sources:
        _add_tasks(tasks, read_json(each), each)
    left_out: Counter[str] = Counter()
    chosen = list(_tasks(tasks, predictions, left_out))
    root = Path(image_folder or (path if path.is_dir() else path.parent))
    search = ImageSearch(root, [task.image for task in chosen])
    images = []
    for done, task in enumerate(chosen, start=1):
        size = task.size or _size_of(task.image, search)
        objects = find_objects(task.regions, task.relations, size, left_out, task.where)
        if objects:
            images.append(LabelledImage(task.image, task.size, objects, task.where))
        else:
            left_out["image: no labelled keypoint"] += 1
        if progress:
            progress(done, len(chosen))
    if not images:
        if tasks and not any(_TASK_KEYS & task.keys() for task in tasks.values()):
            raise DataError(
                f"{path} is not an export of Label Studio: expected tasks with data and "
                "annotations."
            )
        reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise DataError(f"{path} has no keypoints ({reasons or 'it has no tasks'}).")
    notes: list[str] = []
    if skeleton is None:
        skeleton, notes = infer_skeleton(path.stem, images)
    return to_conversion(
        root,
        sources,
        images,
        skeleton,
        dataset="label-studio",
        folder_option="simplebase convert label-studio --image-folder",
        val_split=val_split,
        seed=seed,
        left_out=left_out,
        notes=notes,
    )


def _add_tasks(tasks: dict[str, dict[str, Any]], content: Any, path: Path) -> None:
    """Adds the tasks of a file by their place in it, for messages.

    A target storage has a file per annotation, with its task inside; they are put together again.

    Raises:
        DataError: it is not a file of Label Studio.
    """
    entries = [content] if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(task, dict) for task in entries):
        raise DataError(f"{path} is not an export of Label Studio: expected a list of tasks.")
    for index, entry in enumerate(entries):
        where = f"{path}, [{index}]"
        task = entry.get("task")
        if "result" not in entry or not isinstance(task, dict) or "data" not in task:
            tasks[where] = entry
            continue
        key = f"task {task['id']}" if "id" in task else where
        known = tasks.setdefault(key, {"data": task["data"], "annotations": []})
        known["annotations"].append(entry)


def _tasks(
    tasks: dict[str, dict[str, Any]], predictions: bool, left_out: Counter[str]
) -> Iterator[_Task]:
    minimal: dict[str, tuple[str, dict[str, Any]]] = {}
    for where, task in tasks.items():
        if "data" in task:
            annotation = _annotation(task, where, predictions, left_out)
            if annotation is not None:
                yield from _full_task(task, annotation, where, left_out)
        elif "result" in task:
            raise DataError(
                f"{where} is a prediction without a task, so it is unknown of which image. Export "
                "the tasks of the project with their predictions, as JSON."
            )
        else:
            # There is an entry for each annotation; the last one of a task counts.
            id = str(task.get("id", where))
            if minimal.pop(id, None):
                left_out[_NOT_LAST] += 1
            minimal[id] = (where, task)
    for where, task in minimal.values():
        yield _minimal_task(task, where)


def _annotation(
    task: dict[str, Any], where: str, predictions: bool, left_out: Counter[str]
) -> dict[str, Any] | None:
    """Returns the last changed annotation that was not cancelled, else a prediction if wanted."""
    found = _mappings(task.get("annotations", task.get("completions")), f"{where}.annotations")
    valid = [each for each in found if not each.get("was_cancelled")]
    if cancelled := len(found) - len(valid):
        left_out["annotation: cancelled"] += cancelled
    if len(valid) > 1:
        left_out[_NOT_LAST] += len(valid) - 1
    if valid:
        times = [str(each.get("updated_at") or each.get("created_at") or "") for each in valid]
        return valid[max(range(len(valid)), key=lambda index: (times[index], index))]
    predicted = _mappings(task.get("predictions"), f"{where}.predictions")
    if predicted and predictions:
        return predicted[-1]
    left_out["task: predicted only (--predictions)" if predicted else "task: not annotated"] += 1
    return None


def _mappings(value: Any, where: str) -> list[dict[str, Any]]:
    """Returns the dictionaries of a list; older exports have ids in some places."""
    return [each for each in expect.items(value or [], where) if isinstance(each, dict)]


def _full_task(
    task: dict[str, Any], annotation: dict[str, Any], where: str, left_out: Counter[str]
) -> Iterator[_Task]:
    regions: dict[str, Region] = {}
    relations, sizes, names = [], [], []
    for index, result in enumerate(expect.items(annotation.get("result"), f"{where}, result")):
        at = f"{where}, result[{index}]"
        result = expect.mapping(result, at)
        if result.get("type") == "relation":
            relations.append((str(result.get("from_id")), str(result.get("to_id"))))
            continue
        if result.get("image_rotation"):
            left_out[_ROTATED] += 1
            return
        value = expect.mapping(result.get("value") or {}, f"{at}.value")
        id = str(result.get("id", at))
        region = regions.setdefault(id, Region(id, at))
        region.value |= value
        region.parent = str(result.get("parentID") or region.parent)
        region.texts |= _texts(result.get("meta"))
        # Choices of the region come later, with its id and the name of their own control.
        region.control = region.control or str(result.get("from_name") or "")
        sizes.append(stated_size(result.get("original_width"), result.get("original_height")))
        names.append(str(result.get("to_name")))
    # Choices for the whole image are not shapes.
    shapes = [region for region in regions.values() if "x" in region.value]
    image = _image(expect.mapping(task["data"], f"{where}.data"), names, where)
    yield _Task(where, image, shapes, relations, next(filter(None, sizes), None))


def _texts(meta: Any) -> set[str]:
    text = meta.get("text") if isinstance(meta, dict) else None
    return {str(each) for each in (text if isinstance(text, list) else [text]) if each}


def _minimal_task(task: dict[str, Any], where: str) -> _Task:
    regions, sizes = [], []
    for key, values in task.items():
        if isinstance(values, list):
            for index, value in enumerate(values):
                if isinstance(value, dict) and "x" in value:
                    at = f"{where}.{key}[{index}]"
                    regions.append(Region(at, at, value))
                    sizes.append(
                        stated_size(value.get("original_width"), value.get("original_height"))
                    )
    return _Task(where, _image(task, [], where), regions, [], next(filter(None, sizes), None))


def _image(data: dict[str, Any], names: list[str], where: str) -> StatedImage:
    """Returns the image of a task: a value that looks like one, preferably under a usual name."""
    found = {
        key: value for key, value in data.items() if isinstance(value, str) and _is_image(value)
    }
    usual = [key for key in (*names, "image", "img", "image_url", "url") if key in found]
    for key in [*usual, *found]:
        return StatedImage(found[key])
    raise DataError(
        f"{where} names no image. Expected an export of Label Studio with the path of an image in "
        f"data. Its fields: {', '.join(map(repr, list(data)[:8]))}."
    )


def _is_image(value: str) -> bool:
    """Returns whether a text ends like an image file, before or within its query."""
    before, _, query = value.partition("?")
    return before.lower().endswith(IMAGE_SUFFIXES) or query.lower().endswith(IMAGE_SUFFIXES)


def _size_of(image: StatedImage, search: ImageSearch) -> Size:
    """Returns the `(height, width)` of the image; an arbitrary size if it is missing."""
    found = search.find(image)
    return image_size(found) if found else _ANY_SIZE
