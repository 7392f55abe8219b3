"""Numbers single points in CVAT's files that all have one label."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from simplebase.converters.cvat.files import CvatFiles

_FEWEST = 3


def number_points_of_one_label(files: CvatFiles, several: Collection[str]) -> list[str]:
    """Labels single points by their place in their object, and returns notes on it.

    This is only done if all have one label and every object has as many, three or more: two could
    be the same keypoint of two animals. Objects are the points of an image with the same
    `group_id`, or without one.

    Args:
        files: the content of the files, in which labels are replaced.
        several: labels of shapes with several points, which are not changed.
    """
    loose = [
        (number, index, shape)
        for number, image in enumerate(files.images)
        for index, shape in enumerate(image.shapes)
        if shape.kind == "points" and shape.label not in several
    ]
    labels = {shape.label for _, _, shape in loose}
    counts: Counter[tuple[int, str | None]] = Counter()
    places = []
    for number, index, shape in loose:
        counts[number, shape.group] += 1
        places.append((number, index, str(counts[number, shape.group])))
    if len(labels) != 1 or len(set(counts.values())) != 1 or max(counts.values()) < _FEWEST:
        return []
    for number, index, place in places:
        shapes = files.images[number].shapes
        shapes[index] = replace(shapes[index], label=place)
    return [
        f"all single points have the label {labels.pop()!r}, so a keypoint is its place among the "
        "points of an object"
    ]
