"""Loads presets and recipes by built-in name or from a user's YAML file."""

import difflib
import os
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.files import read_text
from simplebase.files.yaml import MOST_BYTES, parse_yaml
from simplebase.presets.preset import Preset, YamlSettings, first_problem
from simplebase.presets.recipe import Recipe

_Schema = TypeVar("_Schema", bound=YamlSettings)


def preset_names() -> list[str]:
    """Returns the names of the built-in presets, sorted."""
    return _names(_presets())


def recipe_names() -> list[str]:
    """Returns the names of the built-in recipes, sorted."""
    return _names(_recipes())


def load_preset(name: str | os.PathLike[str]) -> Preset:
    """Loads a built-in preset by name, or a user's YAML file by path.

    Raises:
        ArgumentError: no preset has this name. The message suggests similar names.
        MissingFileError: the YAML file does not exist.
        DataError: the file has an unknown key or an invalid value.
    """
    return _load(name, Preset, _presets(), "preset")


def as_preset(preset: str | os.PathLike[str] | Preset) -> Preset:
    """Returns `preset`, loaded if it is a name or a path. Raises the errors of `load_preset`."""
    return preset if isinstance(preset, Preset) else load_preset(preset)


def load_recipe(name: str | os.PathLike[str]) -> Recipe:
    """Loads a built-in recipe by name, or a user's YAML file by path.

    Raises the errors of `load_preset`.
    """
    return _load(name, Recipe, _recipes(), "recipe")


def preset_text(name: str) -> str:
    """Returns the YAML text of a preset, by name or path, to read or to copy and edit."""
    load_preset(name)
    path = Path(name)
    return _text(path if _is_path(name) else _presets() / f"{name}.yaml")


def _presets() -> Traversable:
    return files("simplebase.presets")


def _recipes() -> Traversable:
    return _presets() / "recipes"


def _names(folder: Traversable) -> list[str]:
    names = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def _is_path(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) or "/" in name or os.sep in name


def _load(
    name: str | os.PathLike[str], schema: type[_Schema], folder: Traversable, what: str
) -> _Schema:
    name = os.fspath(name)
    source: Traversable
    if _is_path(name):
        source = Path(name)
        if not source.is_file():
            raise MissingFileError(f"{name}: the {what} file does not exist. Check the path.")
    else:
        names = _names(folder)
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
            hint = f"Nearest: {', '.join(near)}." if near else f"There are: {', '.join(names)}."
            raise ArgumentError(f"{what} {name!r} does not exist. {hint}")
        source = folder / f"{name}.yaml"
    return _parse(source, schema, what)


def _text(source: Traversable) -> str:
    """Returns the text of a built-in file, which may be in an archive, or of a user's file."""
    if isinstance(source, Path):
        return read_text(source, most_bytes=MOST_BYTES)
    return source.read_text(encoding="utf-8")


def _parse(source: Traversable, schema: type[_Schema], what: str) -> _Schema:
    content = parse_yaml(_text(source), str(source))
    if not isinstance(content, dict):
        raise DataError(
            f"{source}: a {what} must be a mapping. Received: {type(content).__name__}."
        )
    try:
        return schema.model_validate({"name": Path(source.name).stem, **content})
    except ValidationError as error:
        key, problem = first_problem(error, schema)
        where = f"{source}, key {key!r}" if key else f"{source}"
        raise DataError(f"{where}: {problem}") from error
