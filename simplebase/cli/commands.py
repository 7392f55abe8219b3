"""The modules of each command, so that a command imports only its own."""

import importlib
from collections.abc import Sequence

# `--help` lists the commands in this order.
_MODULES = {
    "demo": ("demo",),
    "models": ("models",),
    "predict": ("predict",),
    "train": ("train",),
    "tune": ("tune",),
    "eval": ("evaluate",),
    "plot": ("plot",),
    "report": ("report",),
    "presets": ("presets",),
    "convert": (
        "convert_auto",
        "convert",
        "convert_yolo",
        "convert_cvat",
        "convert_deeplabcut",
        "convert_lightning_pose",
        "convert_sleap",
        "convert_label_studio",
        "convert_via",
        "convert_datumaro",
        "convert_pts",
        "convert_pose_outputs",
        "convert_to",
        "convert_weights",
    ),
    "data": ("data", "data_combine", "data_frames", "data_suggest", "pack"),
    "export": ("export",),
    "dump": ("presets",),
    "inspect": ("inspect",),
    "bench": ("bench",),
    "doctor": ("doctor",),
}

USE, TRAIN, DATA, DEPLOY, HELP = "Use a model", "Train", "Data", "Deploy", "Help"
"""The groups of commands in `--help`. Each command names its group."""


def position(name: str) -> int:
    """Returns the position of a command in `--help`. Commands without an entry come last."""
    return list(_MODULES).index(name) if name in _MODULES else len(_MODULES)


def add_commands(arguments: Sequence[str]) -> None:
    """Adds the command that `arguments` name to the application by importing its modules.

    If they name no command, as with `--help`, or one that does not exist, all commands are added.
    """
    # No option before the command takes a value.
    named = next((argument for argument in arguments if not argument.startswith("-")), "")
    chosen = [_MODULES[named]] if named in _MODULES else _MODULES.values()
    for modules in chosen:
        for module in modules:
            importlib.import_module(f"simplebase.cli.{module}")
