"""Which modules have which command, so that a command is not kept waiting by the others."""

import importlib
from collections.abc import Sequence

# In the order in which `--help` lists them.
_MODULES = {
    "bench": ("bench",),
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
    "demo": ("demo",),
    "eval": ("evaluate",),
    "export": ("export",),
    "inspect": ("inspect",),
    "models": ("models",),
    "predict": ("predict",),
    "presets": ("presets",),
    "dump": ("presets",),
    "plot": ("plot",),
    "tune": ("tune",),
    "train": ("train",),
}


def add_commands(arguments: Sequence[str]) -> None:
    """Imports the modules that add the command named in `arguments` to the application.

    Where none is named, as by `--help`, or one that does not exist, all are added.
    """
    # No option that stands before the command has a value.
    named = next((argument for argument in arguments if not argument.startswith("-")), "")
    chosen = [_MODULES[named]] if named in _MODULES else _MODULES.values()
    for modules in chosen:
        for module in modules:
            importlib.import_module(f"simplebase.cli.{module}")
