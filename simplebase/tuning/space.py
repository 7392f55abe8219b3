"""The search space: a YAML file that gives names of a recipe's values choices or ranges.

```yaml
learning_rate: {low: 0.0003, high: 0.01, log: true}
batch_size: {low: 8, high: 32, step: 8}
optimizer: [adam, adamw]
ema: [null, 0.99]
```
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.errors import ArgumentError, DataError, listed, shown
from simplebase.files import read_text, require_file
from simplebase.files.yaml import MOST_BYTES, parse_yaml
from simplebase.presets import Recipe

_NOT_TUNED = ("name", "description", "init_epoch", "input_size")
_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included. If both are integers, only integers.

    Args:
        low: the lowest number.
        high: the highest number, above `low`.
        log: draw uniformly on a logarithmic scale.
        step: distance between two numbers; None allows all numbers.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the numbers are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def draw(self, trial: Any, name: str) -> Any:
        """Draws a value for a trial of Optuna."""
        if self.is_whole:
            return trial.suggest_int(name, self.low, self.high, log=self.log, step=self.step or 1)
        return trial.suggest_float(name, self.low, self.high, log=self.log, step=self.step)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that are checked before the first trial."""
        return self.low, self.high


@dataclass(frozen=True)
class Choice:
    """One of some values of any kind."""

    values: tuple[Any, ...]

    def draw(self, trial: Any, name: str) -> Any:
        """Draws a value for a trial of Optuna, which stores lists and mappings as JSON text."""
        labels = {_label(value): value for value in self.values}
        return labels[trial.suggest_categorical(name, list(labels))]

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that are checked before the first trial."""
        return self.values


@dataclass(frozen=True)
class Space:
    """The search space.

    Args:
        dimensions: a range or choice for each name of a recipe's value.
    """

    dimensions: Mapping[str, Range | Choice]

    def draw(self, trial: Any) -> dict[str, Any]:
        """Draws the values of a recipe for a trial of Optuna; a trial always has the same."""
        return {name: each.draw(trial, name) for name, each in self.dimensions.items()}

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            name: list(each.values) if isinstance(each, Choice) else each.__dict__
            for name, each in self.dimensions.items()
        }

    def require_valid(self, recipe: Recipe) -> None:
        """Checks each value separately in the recipe.

        Raises:
            ArgumentError: the recipe does not accept a value.
        """
        for name, each in self.dimensions.items():
            for value in each.ends:
                try:
                    recipe.updated({name: value})
                except ArgumentError as error:
                    if (
                        name != "weight_decay"
                    ):  # which needs an optimizer that may be part of the space
                        raise ArgumentError(f"the space's {name}: {error}") from error


def read_space(path: str | os.PathLike[str]) -> Space:
    """Reads a YAML file of the form above.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: the file has another form; the message names the entry.
    """
    path = require_file(path, "the file of the space")
    content = parse_yaml(read_text(path, most_bytes=MOST_BYTES), str(path))
    if not isinstance(content, dict) or not content:
        raise DataError(
            f"{path}: expected names of a recipe's values, each with a list of choices or a range "
            f"such as {{low: 0.0003, high: 0.01, log: true}}. Received: {shown(content)}."
        )
    known = [name for name in Recipe.model_fields if name not in _NOT_TUNED]
    for name in content:
        if name not in known:
            raise DataError(
                f"{path}: {shown(name)} is not a value of a recipe that can be tuned. Known: "
                f"{listed(known, most=30)}."
            )
    return Space({name: _dimension(path, name, given) for name, given in content.items()})


def _dimension(path: Path, name: str, given: Any) -> Range | Choice:
    if isinstance(given, list) and given:
        return Choice(tuple(given))
    if isinstance(given, dict) and given.keys() <= {"low", "high", "log", "step"}:
        low, high = given.get("low"), given.get("high")
        log, step = given.get("log", False), given.get("step")
        numbers = [value for value in (low, high, step) if value is not None]
        if (
            _are_numbers(numbers)
            and len(numbers) >= 2
            and low is not None
            and high is not None
            and low < high
            and isinstance(log, bool)
            and not (log and (low <= 0 or step is not None))
            and (step is None or step > 0)
        ):
            return Range(low, high, log, step)
    raise DataError(
        f"{path}, {name}: expected a list of choices, or a range {{low, high}} with low below "
        "high, and either `log: true` (low above 0) or `step`. "
        f"Received: {shown(given)}."
    )


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)


def _label(value: Any) -> Any:
    return value if isinstance(value, _PLAIN) else json.dumps(value)
