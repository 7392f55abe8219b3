"""Files that say which values of a recipe are tried."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_runs import tiny_recipe

from simplebase.errors import ArgumentError, DataError
from simplebase.tuning import Space, read_space


def space(tmp_path: Path, text: str) -> Space:
    (tmp_path / "space.yaml").write_text(text)
    return read_space(tmp_path / "space.yaml")


def test_values_are_drawn_within_their_bounds_and_of_their_kind(tmp_path: Path) -> None:
    found = space(
        tmp_path,
        "learning_rate: {low: 0.001, high: 0.1, log: true}\n"
        "batch_size: {low: 4, high: 16, step: 4}\n"
        "ema: [null, 0.9]\n"
        "augmentation: [[], [{name: rotation, degrees: 30}]]\n",
    )
    asked: dict[str, Any] = {}

    def suggest_float(name: str, low: float, high: float, **how: Any) -> float:
        asked[name] = (low, high, how)
        return high

    def suggest_int(name: str, low: int, high: int, **how: Any) -> int:
        asked[name] = (low, high, how)
        return low

    def suggest_categorical(name: str, choices: list[Any]) -> Any:
        # All that Optuna can write into its journal.
        assert all(isinstance(each, str | float | None) for each in choices)
        return choices[-1]

    trial = SimpleNamespace(
        suggest_float=suggest_float,
        suggest_int=suggest_int,
        suggest_categorical=suggest_categorical,
    )
    values = found.draw(trial)
    assert asked["learning_rate"] == (0.001, 0.1, {"log": True, "step": None})
    assert asked["batch_size"] == (4, 16, {"log": False, "step": 4})
    recipe = tiny_recipe().updated(values)
    assert (recipe.learning_rate, recipe.batch_size, recipe.ema) == (0.1, 4, 0.9)
    assert [item.name for item in recipe.augmentation] == ["rotation"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[learning_rate]", "expected names"),
        ("speed: [1, 2]", "'speed' is not a value of a recipe"),
        ("name: [a, b]", "'name' is not a value"),
        ("sigma: 2", "sigma: expected a list of choices, or a range"),
        ("sigma: []", "sigma: expected"),
        ("sigma: {low: 2, high: 1}", "low below high"),
        ("sigma: {low: 0, high: 1, log: true}", "low above 0"),
        ("sigma: {low: 1, high: 2, steps: 3}", "sigma: expected"),
        ("sigma: {low: 1, step: 1}", "sigma: expected"),
        ("sigma: {low: true, high: 2}", "sigma: expected"),
    ],
)
def test_a_wrong_file_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        space(tmp_path, text)


def test_values_that_a_recipe_does_not_take_are_found_before_the_first_trial(
    tmp_path: Path,
) -> None:
    with pytest.raises(ArgumentError, match="the space's ema: "):
        space(tmp_path, "ema: [0.9, 1.5]").require_valid(tiny_recipe())
    both = "weight_decay: {low: 0.001, high: 0.1}\noptimizer: [adamw]"
    space(tmp_path, both).require_valid(tiny_recipe())
