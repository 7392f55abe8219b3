"""Imports modules that need optional packages."""

import importlib
import importlib.util
from types import ModuleType

from simplebase.errors import MissingPackageError

# Maps a package to the extra of pyproject.toml that installs it.
_EXTRAS = {
    "MNN": "mnn",
    "fsspec": "remote",
    "gradio": "web",
    "ai_edge_litert": "litert",
    "ai_edge_quantizer": "litert",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "optuna": "tune",
    "ray": "ray",
    "tf2onnx": "onnx",
}
# Packages that docs/deployment.md leaves out on a board.
_TRAINING = ("h5py", "keras", "keras_cv", "tensorflow")
# The only package left out there that tables need.
_ALONE = ("pyarrow",)


def import_with_extras(module: str) -> ModuleType:
    """Imports a module.

    Raises:
        MissingPackageError: it needs an optional package that is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in _EXTRAS:
            wanted = f'"simplebase[{_EXTRAS[package]}]"'
            if importlib.util.find_spec("tensorflow") is None:
                wanted += ". It brings TensorFlow too; for a board see docs/deployment.md"
        elif package in _ALONE:
            wanted = package
        elif package in _TRAINING:
            wanted = "simplebase"
        else:
            raise
        raise MissingPackageError(
            f"the package {package} is needed for this and is not installed. "
            f"Run: pip install {wanted}"
        ) from error
