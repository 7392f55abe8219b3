"""Finding a skeleton by its built-in name."""

from importlib.resources import files

import yaml

from simplebase.errors import ArgumentError
from simplebase.skeletons.skeleton import Skeleton


def skeleton_names() -> list[str]:
    """Names of the built-in skeletons, sorted."""
    folder = files("simplebase.skeletons")
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


def load_skeleton(name: str) -> Skeleton:
    """The built-in skeleton `name`: `animal_pose`, `coco`, `lsp` or `mpii`.

    Raises:
        ArgumentError: there is no such skeleton.
    """
    if name not in skeleton_names():
        raise ArgumentError(
            f"skeleton {name!r} is not built in; there are {', '.join(skeleton_names())}."
        )
    text = files("simplebase.skeletons").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return Skeleton.from_config(yaml.safe_load(text))
