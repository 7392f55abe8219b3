"""Modules of ours that need a package which only an extra brings."""

import importlib
from types import ModuleType

from simplebase.errors import MissingPackageError

# Package to the extra of pyproject.toml that installs it.
_EXTRAS = {
    "MNN": "mnn",
    "gradio": "web",
    "ai_edge_litert": "litert",
    "ai_edge_quantizer": "litert",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "tf2onnx": "onnx",
}


def import_with_extras(module: str) -> ModuleType:
    """Imports a module of ours.

    Raises:
        MissingPackageError: it imports a package of an extra that is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        raise MissingPackageError(
            f"the package {package} is needed for this and is not installed. "
            f'Run: pip install "simplebase[{_EXTRAS[package]}]"'
        ) from error
