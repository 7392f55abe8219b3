"""Objects that hold arrays can be compared, as other dataclasses can."""

import ast
import importlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simplebase
from simplebase import load_skeleton
from simplebase.converters.weights.checkpoint import Checkpoint
from simplebase.data.dataset import KeypointDataset
from simplebase.pose import Pose

PACKAGE = Path(simplebase.__file__).parent


def classes_with_arrays() -> list[tuple[str, str]]:
    """Module and name of every dataclass of ours with a field that is an array."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                "dataclass" in ast.unparse(decorator) for decorator in node.decorator_list
            ):
                kinds = [
                    ast.unparse(n.annotation) for n in node.body if isinstance(n, ast.AnnAssign)
                ]
                if any("ndarray" in kind or kind == "Tensors" for kind in kinds):
                    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
                    found.append((".".join(parts), node.name))
    return found


def test_there_are_such_classes() -> None:
    names = {name for _, name in classes_with_arrays()}
    assert {"Pose", "Records", "Detections", "Frame", "FramePoses", "Evaluation"} <= names
    assert Checkpoint.__name__ in names


@pytest.mark.parametrize(("module", "name"), classes_with_arrays())
def test_no_class_with_arrays_raises_when_it_is_compared(module: str, name: str) -> None:
    kind: Any = getattr(importlib.import_module(module), name)

    def made(value: float) -> Any:
        it = object.__new__(kind)
        for field in fields(kind):
            array = "ndarray" in str(field.type) or "Tensors" in str(field.type)
            content = np.array([1.0, np.nan, value]) if array else value
            object.__setattr__(it, field.name, content)
        return it

    one, twin, other = made(2.0), made(2.0), made(3.0)
    assert one == one and one in [other, one] and [other, one].index(one) == 1
    assert one != other and one != "another thing"
    # Some large ones are equal to themselves only.
    assert (one == twin) in (True, kind.__eq__ is not object.__eq__)


POSE = Pose(np.float32([[1, 2, 0.5], [3, 4, np.nan]]), (0, 0, 9, 9), load_skeleton("mpii"))


def test_equal_content_is_equal_and_no_other() -> None:
    assert POSE == replace(POSE, keypoints=POSE.keypoints.copy())
    assert POSE == replace(POSE, keypoints=POSE.keypoints.astype(np.float64))
    moved = POSE.keypoints.copy()
    moved[0, 0] += 1
    for change in (
        {"keypoints": moved},
        {"keypoints": POSE.keypoints[:1]},
        {"keypoints": None},
        {"identity": 1},
        {"box": (0, 0, 9, 8)},
    ):
        assert POSE != replace(POSE, **change)  # type: ignore[arg-type]


def test_arrays_within_other_fields_are_compared_too() -> None:
    one = Checkpoint(**arguments({"a": np.ones(3)}))
    assert one == Checkpoint(**arguments({"a": np.ones(3)}))
    assert one != Checkpoint(**arguments({"a": np.zeros(3)}))
    assert one != Checkpoint(**arguments({"b": np.ones(3)}))


def arguments(tensors: dict[str, Any]) -> dict[str, Any]:
    values = {field.name: None for field in fields(Checkpoint) if field.init}
    return values | {"tensors": tensors}


def test_datasets_are_equal_by_their_records(figures: KeypointDataset) -> None:
    same = replace(figures, records=replace(figures.records, scales=figures.records.scales.copy()))
    assert figures == same
    assert figures != replace(figures, records=figures.records.select(np.arange(3)))


def test_what_can_change_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(POSE)
