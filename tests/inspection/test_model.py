"""A model file of any format says what it is; only one of Keras has layers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simplebase import load_model
from simplebase.cost import count_params
from simplebase.errors import ArgumentError
from simplebase.inspection import inspect_model, model
from simplebase.inspection.model import open_network
from simplebase.metadata import Cost


def test_a_keras_file_is_described_whole(small_model_file: Path) -> None:
    description = inspect_model(small_model_file)
    network = load_model(small_model_file)
    assert description.metadata == network.metadata
    assert description.normalisation == network.normalisation == "tf"
    assert description.network is not None and description.network.params == count_params(network)
    config = description.to_config()
    assert config["file_bytes"] == small_model_file.stat().st_size
    assert config["metadata"] == network.metadata.to_config()
    assert config["network"]["params"] == description.network.params == config["cost"]["params"]


def test_another_format_has_metadata_but_no_layers(
    small_model_file: Path, tmp_path: Path, knowing_runtime: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = replace(load_model(small_model_file).metadata, cost=Cost(1000, 0.25))
    runtime = knowing_runtime(metadata, np.zeros(0), np.zeros(0))
    monkeypatch.setattr(model, "load_runtime", lambda path: runtime)
    exported = tmp_path / "model.onnx"
    exported.write_bytes(b"12345")
    description = inspect_model(exported)
    assert (description.file_bytes, description.metadata) == (5, metadata)
    assert description.normalisation is None and description.network is None
    config = description.to_config()
    assert config["network"] is None
    assert config["cost"] == {"params": 1000, "gflops": 0.25}
    with pytest.raises(ArgumentError, match="no layers to draw. Give the .keras file"):
        open_network(exported)
