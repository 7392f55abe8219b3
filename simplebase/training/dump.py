"""Writes the model of a checkpoint for inference."""

import os

from simplebase.dtypes import to_float32
from simplebase.errors import ArgumentError
from simplebase.estimator import SimpleBaseline, load_model
from simplebase.files import replacing


def dump_model(
    checkpoint: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> SimpleBaseline:
    """Writes the model of a checkpoint for inference, in float32 and without training state.

    Args:
        checkpoint: a `.keras` file of a run.
        output: the `.keras` file to write.
        overwrite: replace `output` if it exists.

    Raises:
        MissingFileError, DataError: `checkpoint` is missing or not a checkpoint.
        ArgumentError: `output` does not end in `.keras`.
        OutputExistsError: `output` exists and `overwrite` is off.
    """
    if not os.fspath(output).endswith(".keras"):
        raise ArgumentError(f"{output}: the name of a dumped model must end in .keras.")
    with replacing(output, overwrite=overwrite) as partial:
        model = load_model(checkpoint)
        to_float32(model)
        model.save(partial)
    return model
