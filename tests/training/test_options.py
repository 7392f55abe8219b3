"""The options of a training, and the file in which a run keeps them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from simplebase import KeypointDataset, TrainingOptions, load_preset, load_recipe
from simplebase.errors import ArgumentError
from simplebase.training.runs.config import DatasetSettings, RunConfig
from simplebase.training.runs.folder import Run

# Keys of a `config.yaml` beside preset, recipe and dataset, as version 0.1.0 wrote them.
KEYS_OF_0_1_0: dict[str, Any] = {
    "simplebase": "0.1.0",
    "input_size": [64, 96],
    "backbone_weights": "/w.h5",
    "normalisation": "torch",
    "model_normalisation": "torch",
    "weights": None,
    "mixed_precision": True,
    "policy": "mixed_bfloat16",
    "deterministic": False,
    "cache": "memory",
    "save_every_steps": 5,
    "seed": 7,
}


@pytest.fixture
def facts(figures: KeypointDataset) -> dict[str, Any]:
    return {
        "preset": load_preset("resnet50_deconv"),
        "recipe": load_recipe("quick"),
        "dataset": DatasetSettings.of(figures),
    }


def test_the_config_of_an_earlier_version_is_read(facts: dict[str, Any], tmp_path: Path) -> None:
    parts = {key: value.model_dump(mode="json") for key, value in facts.items()}
    text = yaml.safe_dump(KEYS_OF_0_1_0 | parts, sort_keys=False)
    (tmp_path / "config.yaml").write_text(text)
    config = RunConfig.read(tmp_path)
    assert config.augmentation_layers == ()
    assert (config.policy, config.model_normalisation) == ("mixed_bfloat16", "torch")
    assert config.options() == TrainingOptions(
        recipe=facts["recipe"],
        input_size=(64, 96),
        backbone_weights="/w.h5",
        normalisation="torch",
        mixed_precision=True,
        cache="memory",
        save_every_steps=5,
        seed=7,
    )


def test_what_is_written_is_read_back(facts: dict[str, Any], tmp_path: Path) -> None:
    config = RunConfig(**facts, input_size=(64, 64), weights=Path("model.keras"), seed=3)
    config.write(Run(tmp_path))
    assert RunConfig.read(tmp_path) == config


@pytest.mark.parametrize(
    ("value", "kept"),
    [("auto", "auto"), ("none", "none"), ("w.h5", "/here/w.h5"), (Path("/x/w.h5"), "/x/w.h5")],
)
def test_the_path_of_a_weights_file_is_kept_from_the_root(
    value: Any, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getcwd", lambda: "/here")
    assert TrainingOptions(backbone_weights=value).backbone_weights == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, "^seed: .*Received: -1"),
        ({"sead": 1}, "^sead: unknown key; did you mean 'seed'"),
        ({"input_size": (64,)}, "^input_size"),
    ],
)
def test_a_wrong_option_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        TrainingOptions(**given)
