"""An export where TensorFlow would compute on another device than the processor.

    python second_device.py FOLDER

The processor counts as two devices, of which the second stands for a GPU. The last line printed is
JSON: the devices on which the model and each exported file answered, the number types in which the
model computed, and on which devices the nodes of the exported SavedModel are bound to run.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tiny_runs import one_layer_network

from simplebase import SimpleBaseline, load_skeleton
from simplebase.dtypes import dtype_policy
from simplebase.export.export import Exporter
from simplebase.export.export_settings import ExportSettings
from simplebase.runtimes.artifact import ArtifactRuntime
from simplebase.runtimes.keras import KerasRuntime

FORMATS = {"saved-model": "model_saved_model", "frozen-graph": "model.pb"}


def export_all(folder: Path) -> dict[str, Any]:
    devices: dict[str, list[str]] = {"model": [], "file": []}
    dtypes: set[str] = set()
    predict, answers = KerasRuntime.predict, ArtifactRuntime._answers

    def model_predict(self: KerasRuntime, images: np.ndarray) -> np.ndarray:
        devices["model"].append(self._heatmaps(tf.convert_to_tensor(images)).device)
        devices["model"].extend(weight.value.device for weight in self.model.weights)
        dtypes.update(layer.compute_dtype for layer in self.model._flatten_layers())
        return predict(self, images)

    def file_answers(self: ArtifactRuntime, images: np.ndarray) -> Any:
        devices["file"].append(tf.zeros(1).device)
        return answers(self, images)

    KerasRuntime.predict = model_predict  # type: ignore[method-assign]
    ArtifactRuntime._answers = file_answers  # type: ignore[method-assign]
    with one_layer_network() as preset:
        with dtype_policy("mixed_bfloat16"):
            model = SimpleBaseline.from_preset(
                preset, skeleton=load_skeleton("mpii"), input_size=(64, 64), backbone_weights="none"
            )
        model.save(folder / "model.keras")
        exporter = Exporter(folder / "model.keras", images=4)
    for form, name in FORMATS.items():
        exporter.export(folder / name, ExportSettings(format=form))  # type: ignore[arg-type]
    saved = tf.saved_model.load(folder / FORMATS["saved-model"])
    graph = tf.compat.v1.GraphDef.FromString((folder / FORMATS["frozen-graph"]).read_bytes())
    operations = saved.signatures["serving_default"].graph.get_operations()
    bound = {each.device for each in operations} | {node.device for node in graph.node}
    return {name: sorted(set(found)) for name, found in devices.items()} | {
        "dtypes": sorted(dtypes),
        "bound": sorted(bound),
    }


if __name__ == "__main__":
    processor = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, halves)
    with tf.device("CPU:1"):
        assert tf.zeros(1).device.endswith("CPU:1")
        print(json.dumps(export_all(Path(sys.argv[1]))))
