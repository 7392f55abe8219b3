"""Reads a variable of a MATLAB file."""

import os
import warnings
from typing import Any

import scipy.io

from simplebase.errors import DataError, first_line
from simplebase.files import require_file


def read_variable(path: str | os.PathLike[str], name: str) -> Any:
    """Reads variable `name`, with structs as dicts, cells as lists, and single elements unwrapped.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not a MATLAB file, or does not have the variable.
    """
    path = require_file(path, "the MATLAB file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = scipy.io.loadmat(str(path), simplify_cells=True)
    except NotImplementedError as error:
        raise DataError(
            f"{path} is in MATLAB's format 7.3, which is not read. Save it with `-v7`."
        ) from error
    except Exception as error:  # scipy's parser raises many types
        raise DataError(
            f"{path} cannot be read as a MATLAB file ({type(error).__name__}: "
            f"{first_line(error)}). Is it complete?"
        ) from error
    if name not in content:
        found = sorted(key for key in content if not key.startswith("__"))
        raise DataError(
            f"{path}: expected a variable {name!r}. It has {', '.join(found) or 'none'}."
        )
    return content[name]
