"""Where a packed dataset is, and how it is told from a plain folder. Needs no TensorFlow."""

import os
from pathlib import Path

from simplebase.data.dataset import annotation_file

MANIFEST = "manifest.json"
"""What a packed dataset has in place of annotations."""


def is_packed(location: str | os.PathLike[str]) -> bool:
    """Whether `location` is an address, a packed folder, or one whose packing has begun."""
    if "://" in os.fspath(location):
        return True
    folder = Path(location)
    if not folder.exists():
        return Path(unfinished(folder)).exists()
    return (folder / MANIFEST).is_file() and not annotation_file(folder).exists()


def unfinished(location: str | os.PathLike[str]) -> str:
    """Where a dataset is while it is packed."""
    parent, slash, name = os.fspath(location).rstrip("/").rpartition("/")
    return f"{parent}{slash}.{name}.packing"


def join(location: str | os.PathLike[str], name: str) -> str:
    """The path of a file in a folder that may be an address."""
    return f"{os.fspath(location).rstrip('/')}/{name}"
