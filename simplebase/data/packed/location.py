"""Recognises packed datasets, without importing TensorFlow."""

import os
from pathlib import Path

from simplebase.data.dataset import annotation_file

MANIFEST = "manifest.json"
"""The file of a packed dataset that replaces the annotations."""


def is_packed(location: str | os.PathLike[str]) -> bool:
    """Returns whether `location` is an address, a packed folder, or one that is being packed."""
    if "://" in os.fspath(location):
        return True
    folder = Path(location)
    if not folder.exists():
        return Path(unfinished(folder)).exists()
    return (folder / MANIFEST).is_file() and not annotation_file(folder).exists()


def unfinished(location: str | os.PathLike[str]) -> str:
    """Returns the path of a dataset while it is being packed."""
    parent, slash, name = os.fspath(location).rstrip("/").rpartition("/")
    return f"{parent}{slash}.{name}.packing"


def join(location: str | os.PathLike[str], name: str) -> str:
    """Returns the path of a file in a folder or at an address."""
    return f"{os.fspath(location).rstrip('/')}/{name}"
