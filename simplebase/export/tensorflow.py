"""Models as SavedModel folders and frozen graphs."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from simplebase.export.graph import ExportGraph
from simplebase.export.settings import ExportSettings


def write(graph: ExportGraph, path: Path, settings: ExportSettings, crops: np.ndarray) -> None:
    """Writes a folder that TensorFlow Serving takes, or one `.pb` whose variables are constants."""
    if settings.format == "saved-model":
        graph.write_saved_model(path, settings.batch)
        return
    concrete = graph.function(settings.batch).get_concrete_function()
    frozen = convert_variables_to_constants_v2(concrete)
    tf.io.write_graph(frozen.graph, str(path.parent), path.name, as_text=False)
