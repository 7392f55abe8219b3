"""Reads projects of VGG Image Annotator 3 into the form of VIA 2.

```
{"file":      {"1": {"fname": "a.jpg", "type": 2}},
 "view":      {"1": {"fid_list": ["1"]}},
 "attribute": {"1": {"aname": "name", "options": {"0": "nose"}}},
 "metadata":  {"1_x": {"vid": "1", "xy": [1, 10.5, 20.5], "z": [], "av": {"1": "0"}}}}
```

The first number of `xy` is the shape: 1 a point, 2 a rectangle x, y, width, height. Coordinates
have fractions and start at the edge of the first pixel, unlike those of VIA 2, so half a pixel is
subtracted from points.
"""

from pathlib import Path
from typing import Any

from simplebase.data import expect
from simplebase.errors import DataError, shown

_IMAGE = 2
_POINT, _RECT = 1, 2
_PIXEL_CENTRE = 0.5


def is_version_3(content: Any) -> bool:
    """Returns whether a JSON file is a project of VIA 3."""
    return isinstance(content, dict) and {"project", "metadata", "file"} <= content.keys()


def as_version_2(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Returns the images with their regions, as in `_via_img_metadata` of VIA 2.

    Raises:
        DataError: a value is missing or wrong, or a file is no image.
    """
    files = expect.mapping(content["file"], f"{path}, file")
    images: dict[str, dict[str, Any]] = {}
    for number, file in files.items():
        where = f"{path}, file {shown(number)}"
        file = expect.mapping(file, where)
        if file.get("type", _IMAGE) != _IMAGE:
            raise DataError(f"{where} is not an image. Keypoints of videos and sound are not read.")
        name = expect.text(file.get("fname") or file.get("src"), f"{where}.fname")
        images[number] = {"filename": name, "regions": []}
    views = expect.mapping(content.get("view") or {}, f"{path}, view")
    attributes = expect.mapping(content.get("attribute") or {}, f"{path}, attribute")
    for key, entry in expect.mapping(content["metadata"], f"{path}, metadata").items():
        where = f"{path}, metadata {shown(key)}"
        entry = expect.mapping(entry, where)
        shape = _shape(expect.items(entry.get("xy") or [], f"{where}.xy"), where)
        if not shape:
            continue  # a description of the whole image
        view = expect.mapping(views.get(str(entry.get("vid"))), f"{where}, its view")
        number = next(map(str, expect.items(view.get("fid_list"), f"{where}, fid_list")), "")
        if number not in images:
            raise DataError(f"{where} is of the file {shown(number)}, which the project lacks.")
        values = expect.mapping(entry.get("av") or {}, f"{where}.av")
        named = dict(_named(attributes, *each) for each in values.items())
        region = {"shape_attributes": shape, "region_attributes": named}
        images[number]["regions"].append(region)
    return images


def _shape(numbers: list[Any], where: str) -> dict[str, Any]:
    """Returns a shape as VIA 2 describes it; empty if there is none."""
    if not numbers:
        return {}
    if numbers[0] == _POINT:
        _, x, y = expect.numbers(numbers, 3, f"{where}.xy")
        return {"name": "point", "cx": x - _PIXEL_CENTRE, "cy": y - _PIXEL_CENTRE}
    if numbers[0] == _RECT:
        _, *sides = expect.numbers(numbers, 5, f"{where}.xy")
        return {"name": "rect"} | dict(zip(("x", "y", "width", "height"), sides, strict=True))
    return {"name": "other"}


def _named(attributes: dict[str, Any], number: str, value: Any) -> tuple[str, Any]:
    """Returns the name of an attribute and its value, which may be the number of an option."""
    attribute = attributes.get(number)
    if not isinstance(attribute, dict):
        return number, value
    options = attribute.get("options")
    text = options.get(str(value), value) if isinstance(options, dict) else value
    return str(attribute.get("aname") or number), text
