"""Writes SavedModel folders and frozen graphs."""

import shutil
from pathlib import Path

import numpy as np
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from simplebase.export.export_settings import ExportSettings
from simplebase.export.graph import ExportGraph


def write(graph: ExportGraph, path: Path, settings: ExportSettings, crops: np.ndarray) -> None:
    """Writes a folder for TensorFlow Serving, or a `.pb` file whose variables are constants."""
    if settings.format == "saved-model":
        shutil.copytree(graph.saved_model(settings.batch), path, dirs_exist_ok=True)
        return
    concrete = graph.function(settings.batch).get_concrete_function()
    frozen = convert_variables_to_constants_v2(concrete)
    definition = frozen.graph.as_graph_def()
    # TensorFlow returns a dict's values in the order of their names, and names each "Identity".
    results = [tensor.op.name for tensor in frozen.outputs]
    names = dict(zip(results, sorted(graph.outputs), strict=True))
    for node in definition.node:
        node.name = names.get(node.name, node.name)
    path.write_bytes(definition.SerializeToString(deterministic=True))
