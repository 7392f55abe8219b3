"""The packages that simplebase requires, and which versions are installed."""

import importlib.metadata
from dataclasses import asdict, dataclass
from typing import Any

from packaging.requirements import Requirement

_DISTRIBUTION = "simplebase"
DEVELOPMENT = "dev"

PURPOSES = {
    "docs": "build the documentation site",
    "litert": "export and run .tflite files",
    "mnn": "export and run .mnn files (exporting needs onnx too)",
    "onnx": "export and run .onnx files, and detectors",
    "ray": "predict on several machines with Ray",
    "remote": "predict on images at addresses such as s3://",
    "tune": "search for values of a recipe (tune)",
    "web": "the page in the browser (demo --web)",
    DEVELOPMENT: "run the tests and work on simplebase",
}
"""What each extra of pyproject.toml is for. Extras that are not listed here are shown by name."""


@dataclass(frozen=True)
class Package:
    """One required package.

    Args:
        name: name of the distribution.
        needed: accepted versions, such as `>=3.10,<4`; empty if all are.
        installed: the installed version; None if it is not installed.
        fits: whether an accepted version is installed.
    """

    name: str
    needed: str
    installed: str | None
    fits: bool

    def to_config(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Extra:
    """An extra of simplebase, such as `onnx`, and its packages."""

    name: str
    purpose: str
    packages: tuple[Package, ...]

    @property
    def fits(self) -> bool:
        """Whether all of its packages are installed in accepted versions."""
        return all(package.fits for package in self.packages)

    def to_config(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        packages = [package.to_config() for package in self.packages]
        return {
            "name": self.name,
            "purpose": self.purpose,
            "installed": self.fits,
            "packages": packages,
        }


def installed_version(distribution: str) -> str | None:
    """Returns the installed version of a distribution; None if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True)
class Declared:
    """What a distribution declares: its requirements, and the names of its extras."""

    requirements: tuple[Requirement, ...]
    extras: tuple[str, ...]


def declared() -> Declared | None:
    """Returns what the installed simplebase declares; None if it is not installed."""
    try:
        metadata = importlib.metadata.metadata(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return None
    requirements = metadata.get_all("Requires-Dist") or []
    return Declared(
        tuple(Requirement(text) for text in requirements),
        tuple(metadata.get_all("Provides-Extra") or ()),
    )


def required_packages(declared: Declared) -> tuple[Package, ...]:
    """Returns the packages that simplebase needs without any extra."""
    return tuple(_package(each) for each in declared.requirements if _applies(each, ""))


def extras(declared: Declared) -> tuple[Extra, ...]:
    """Returns the extras alphabetically, `dev` last, each with the packages that it adds."""
    always = {each.name for each in declared.requirements if _applies(each, "")}
    return tuple(
        Extra(
            name,
            PURPOSES.get(name, ""),
            tuple(
                _package(each)
                for each in declared.requirements
                if each.name not in always | {_DISTRIBUTION} and _applies(each, name)
            ),
        )
        for name in sorted(declared.extras, key=lambda name: (name == DEVELOPMENT, name))
    )


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _package(requirement: Requirement) -> Package:
    version = installed_version(requirement.name)
    fits = version is not None and requirement.specifier.contains(version, prereleases=True)
    return Package(requirement.name, str(requirement.specifier), version, fits)
