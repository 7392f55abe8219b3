"""Reading `.keras` files."""

import zipfile
from pathlib import Path

import keras

from simplebase.errors import DataError, first_line


def read_keras_file(path: Path) -> keras.Model:
    """What a `.keras` file holds, without running any code in it.

    Raises:
        DataError: it is damaged, or no such file.
    """
    # Keras says of a file that is no archive that it is not there.
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} cannot be loaded: it is damaged, or no .keras file.")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds on a damaged archive.
        raise DataError(f"{path} cannot be loaded: {first_line(error)}") from error
