"""SavedModel folders.

A graph may contain any TensorFlow operation, including those that read and write files. Open only
files that you trust.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from simplebase.errors import DataError
from simplebase.metadata import read_metadata
from simplebase.runtimes.artifact import ArtifactRuntime, single
from simplebase.runtimes.graph import port, set_threads
from simplebase.runtimes.opening import opening

_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def load(path: Path, threads: int | None) -> ArtifactRuntime:
    """Opens a folder with a signature on images; see `load_runtime`."""
    metadata = read_metadata(path)
    set_threads(threads)
    with opening(path):
        model = tf.saved_model.load(path)
    if _SIGNATURE not in model.signatures:
        raise DataError(
            f"{path} has no signature {_SIGNATURE!r}. Received: "
            f"{', '.join(model.signatures) or 'none'}."
        )
    function = model.signatures[_SIGNATURE]
    name, images = single(list(function.structured_input_signature[1].items()), "inputs", path)
    outputs = function.structured_outputs

    def run(stored: np.ndarray) -> list[np.ndarray]:
        # `model` must be kept, because the function alone does not keep the variables alive.
        answers = model.signatures[_SIGNATURE](**{name: tf.constant(stored)})
        return [answers[output].numpy() for output in outputs]

    return ArtifactRuntime(path, metadata, port(images), [*map(port, outputs.values())], run)
