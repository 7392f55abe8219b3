"""With which numbers a model computes is in its file, and in no checkpoint of a run."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from model_checks import OneLayerBackbone, Parts

from simplebase import SimpleBaseline, load_model
from simplebase.backbones import load_backbone
from simplebase.dtypes import dtype_policy, in_float32
from simplebase.errors import DataError
from simplebase.training.dump import dump_model
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import EpochMetrics

PARTS = Parts(head="upsample_lite")


def built_under(policy: str) -> SimpleBaseline:
    with dtype_policy(policy):
        return PARTS.build()


def policies(model: keras.Model) -> list[str]:
    """Of each layer in the model, and in the models within."""
    return [layer.dtype_policy.name for layer in model._flatten_layers()]


def weight_dtypes(model: keras.Model) -> list[str]:
    return [weight.dtype for weight in model.weights]


@pytest.fixture(params=["float32", "mixed_bfloat16"])
def global_policy(request: pytest.FixtureRequest) -> Iterator[str]:
    with dtype_policy(request.param):
        yield request.param


def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


@pytest.mark.usefixtures("global_policy")
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_a_file_keeps_the_policy_that_its_model_was_built_under(
    tmp_path: Path, policy: str
) -> None:
    model = built_under(policy)
    assert policies(model).count(policy) > 10
    # A file of float32 is as earlier versions wrote it.
    assert ("dtypes" in model.get_config()) == (policy != "float32")
    path = tmp_path / "model.keras"
    for _ in range(2):  # and from file to file
        model.save(path)
        loaded = load_model(path)
        assert policies(loaded) == policies(model)
        assert weight_dtypes(loaded) == weight_dtypes(model)
        answers = [each(images(), training=False).numpy() for each in (loaded, model)]
        np.testing.assert_array_equal(*answers)
        model = loaded


def test_a_file_keeps_the_policy_of_a_single_layer(tmp_path: Path) -> None:
    model = built_under("float32")
    model.head.get_layer("block2_bn").dtype_policy = "mixed_bfloat16"
    assert model.get_config()["head"]["config"]["dtypes"] == {"mixed_bfloat16": ["7"]}
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert policies(loaded) == policies(model)
    assert policies(loaded).count("mixed_bfloat16") == 1


def test_parts_of_different_policies_keep_theirs(tmp_path: Path) -> None:
    with dtype_policy("bfloat16"):
        backbone = OneLayerBackbone((64, 64))
    whole = built_under("float32")
    model = SimpleBaseline(backbone, whole.head, whole.metadata)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert {weight.dtype for weight in loaded.backbone.weights} == {"bfloat16"}
    assert {weight.dtype for weight in loaded.head.weights} == {"float32"}
    assert policies(loaded) == policies(model)


def test_a_backbone_alone_keeps_it_and_what_is_frozen(tmp_path: Path) -> None:
    backbone = built_under("mixed_bfloat16").backbone
    backbone.trainable = False
    backbone.save(tmp_path / "backbone.keras")
    loaded = load_backbone(tmp_path / "backbone.keras")
    assert loaded is not None and not loaded.trainable
    assert policies(loaded) == policies(backbone)


def test_weights_of_a_mixed_model_start_one_of_float32() -> None:
    mixed, exact = built_under("mixed_bfloat16"), built_under("float32")
    exact.copy_weights(mixed)
    assert set(policies(exact)) == {"float32"}
    for mine, theirs in zip(exact.get_weights(), mixed.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_checkpoint_of_a_mixed_run_is_float32_and_the_run_stays_mixed(tmp_path: Path) -> None:
    model = built_under("mixed_float16")
    before = policies(model)
    run = Run(tmp_path)
    run.checkpoints.mkdir()
    run.save_models(model, EpochMetrics(1, 0.5, 0.5, 1e-3, 9.0), {}, best=True)
    assert policies(model) == before
    for path in (run.last, run.best):
        assert set(policies(load_model(path))) == {"float32"}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16"])
def test_a_dumped_model_is_float32(tmp_path: Path, policy: str) -> None:
    built_under(policy).save(tmp_path / "model.keras")
    dumped = dump_model(tmp_path / "model.keras", tmp_path / "dumped.keras")
    loaded = load_model(tmp_path / "dumped.keras")
    assert set(policies(dumped)) == set(policies(loaded)) == {"float32"}
    assert set(weight_dtypes(loaded)) == {"float32"}
    for mine, theirs in zip(loaded.get_weights(), dumped.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs.astype(np.float32))


def test_a_model_is_as_it_was_after_it_was_float32_for_a_while() -> None:
    model = built_under("mixed_bfloat16")
    before = policies(model)
    with pytest.raises(RuntimeError), in_float32(model):
        assert set(policies(model)) == {"float32"}
        raise RuntimeError
    assert policies(model) == before


def test_a_policy_of_a_layer_that_is_not_there_is_refused() -> None:
    config = OneLayerBackbone((64, 64)).get_config() | {"dtypes": {"bfloat16": ["9"]}}
    with pytest.raises(DataError, match="dtype policy for layer '9', which the model does not"):
        OneLayerBackbone.from_config(config)
