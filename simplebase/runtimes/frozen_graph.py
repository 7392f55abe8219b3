"""Frozen graphs: one `.pb` file whose variables are constants.

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


def load(path: Path, threads: int | None) -> ArtifactRuntime:
    """Opens a graph with one placeholder; all its results are outputs. See `load_runtime`."""
    if path.name == "saved_model.pb":
        raise DataError(f"{path} is a part of a SavedModel, not a frozen graph. Open its folder.")
    metadata = read_metadata(path)
    set_threads(threads)
    definition = tf.compat.v1.GraphDef()
    with opening(path):
        definition.ParseFromString(path.read_bytes())
        wrapped = tf.compat.v1.wrap_function(
            lambda: tf.import_graph_def(definition, name=""), signature=[]
        )
        operations = wrapped.graph.get_operations()
        placeholders = [operation for operation in operations if operation.type == "Placeholder"]
        images = single(placeholders, "placeholders", path).outputs[0]
        results = [
            tensor
            for operation in operations
            for tensor in operation.outputs
            if operation.type != "Placeholder" and not tensor.consumers()
        ]
        function = wrapped.prune(images, results)

    def run(stored: np.ndarray) -> list[np.ndarray]:
        return [answer.numpy() for answer in function(tf.constant(stored))]

    return ArtifactRuntime(path, metadata, port(images), [*map(port, results)], run)
