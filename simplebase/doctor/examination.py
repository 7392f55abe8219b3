"""The examination of an installation, and the advice that follows from it."""

import platform
import sys
from dataclasses import dataclass
from typing import Any

from simplebase.doctor.devices import Devices, find_devices
from simplebase.doctor.packages import (
    DEVELOPMENT,
    Declared,
    Extra,
    Package,
    declared,
    extras,
    installed_version,
    required_packages,
)
from simplebase.doctor.places import Cache, Place, find_caches, find_places
from simplebase.version import __version__

_LITTLE_SPACE = 2_000_000_000
"""Bytes. A pretrained ResNet, its conversion and a training run take about half of it."""


@dataclass(frozen=True)
class Advice:
    """Something that is missing or wrong.

    Args:
        text: the problem in one sentence.
        line: the command that solves it; empty if there is none.
        is_error: whether simplebase does not work with this problem.
    """

    text: str
    line: str = ""
    is_error: bool = False

    def to_config(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        return {"text": self.text, "run": self.line, "error": self.is_error}


@dataclass(frozen=True)
class Examination:
    """The result of `examine`."""

    system: str
    python: str
    packages: tuple[Package, ...]
    extras: tuple[Extra, ...]
    devices: Devices
    places: tuple[Place, ...]
    caches: tuple[Cache, ...]
    advice: tuple[Advice, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether everything that simplebase needs is installed and works."""
        return not any(each.is_error for each in self.advice)

    def to_config(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        parts = ("packages", "extras", "places", "caches", "advice")
        return {
            "simplebase": __version__,
            "python": self.python,
            "system": self.system,
            "devices": self.devices.to_config(),
        } | {name: [each.to_config() for each in getattr(self, name)] for name in parts}


def examine() -> Examination:
    """Examines this installation. TensorFlow lists its devices in another process."""
    found = declared()
    packages = required_packages(found or Declared((), ()))
    optional = extras(found or Declared((), ()))
    devices = find_devices(ask_tensorflow=installed_version("tensorflow") is not None)
    places, caches = find_places(), find_caches()
    advice: list[Advice] = []
    if found is None:
        advice.append(
            Advice(
                "simplebase runs from its source folder without being installed, so its "
                "requirements are not known.",
                'pip install -e ".[dev]"',
            )
        )
    advice += _about_packages(packages)
    advice += _about_devices(devices)
    advice += _about_places(places)
    advice += _about_extras(optional)
    return Examination(
        f"{platform.system()} {platform.release()}, {platform.machine()}",
        f"{platform.python_version()} ({sys.executable})",
        packages,
        optional,
        devices,
        places,
        caches,
        tuple(advice),
    )


def _about_packages(packages: tuple[Package, ...]) -> list[Advice]:
    wrong = [package for package in packages if not package.fits]
    if not wrong:
        return []
    texts = [
        f"{package.name} is not installed"
        if package.installed is None
        else f"{package.name} is {package.installed}, but {package.needed} is needed"
        for package in wrong
    ]
    line = "pip install " + " ".join(f'"{package.name}{package.needed}"' for package in wrong)
    return [Advice(f"Required packages: {'; '.join(texts)}.", line, is_error=True)]


def _about_extras(optional: tuple[Extra, ...]) -> list[Advice]:
    return [
        Advice(f"To {_goal(extra)}, install the extra {extra.name}.", _install_line(extra))
        for extra in optional
        if not extra.fits and extra.name != DEVELOPMENT
    ]


def _goal(extra: Extra) -> str:
    purpose = extra.purpose or f"use {extra.name}"
    return f"use {purpose}" if purpose.startswith("the ") else purpose


def _install_line(extra: Extra) -> str:
    return f'pip install "simplebase[{extra.name}]"'


def _about_devices(devices: Devices) -> list[Advice]:
    if devices.problem is not None:
        return [Advice(f"{devices.problem}.", "pip install --force-reinstall tensorflow", True)]
    if devices.has_nvidia_driver and devices.gpus == ():
        return [
            Advice(
                "There is an NVIDIA GPU, but TensorFlow does not find it.",
                'pip install "tensorflow[and-cuda]"',
            )
        ]
    return []


def _about_places(places: tuple[Place, ...]) -> list[Advice]:
    advice = []
    for place in places:
        if place.problem is not None:
            line = "export SIMPLEBASE_CACHE=/another/folder" if place.purpose == "cache" else ""
            advice.append(
                Advice(
                    f"Nothing can be written to {place.path} ({place.purpose}): {place.problem}",
                    line,
                )
            )
        elif place.free is not None and place.free < _LITTLE_SPACE:
            advice.append(
                Advice(f"Only {place.free / 1e9:.1f} GB is free in {place.path} ({place.purpose}).")
            )
    return advice
