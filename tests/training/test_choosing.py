from pathlib import Path
from typing import Any

import pytest

from simplebase import (
    KeypointDataset,
    SimpleBaseline,
    TrainingOptions,
    load_preset,
    load_recipe,
)
from simplebase.errors import ArgumentError, DataError
from simplebase.training.choosing import choose_training
from simplebase.training.runs.config import DatasetSettings, RunConfig


@pytest.fixture(scope="module")
def earlier(figures: KeypointDataset) -> RunConfig:
    return RunConfig(
        preset=load_preset("resnet50_deconv"),
        recipe=load_recipe("default").updated({"clip_norm": 1.0, "ema": 0.99}),
        dataset=DatasetSettings.of(figures),
        input_size=(128, 96),
        backbone_weights="/weights.h5",
        normalisation="torch",
        seed=7,
    )


def test_nothing_given_trains_the_default_preset_on_the_embedded_figures() -> None:
    choice = choose_training({})
    assert choice.dataset is None and choice.skeleton is None
    assert choice.preset == load_preset("mobilenetv2_upsample_lite")
    assert choice.recipe == load_recipe("quick")
    assert choice.options == TrainingOptions(recipe=load_recipe("quick"), backbone_weights="none")


def test_a_dataset_is_trained_by_the_recipe_of_the_preset_from_its_usual_weights() -> None:
    choice = choose_training({"dataset": "cows"})
    assert choice.dataset == "cows"
    assert choice.options.recipe == load_recipe(choice.preset.recipe)
    assert choice.options.backbone_weights == "auto"


def test_a_model_to_start_from_rules_out_backbone_weights() -> None:
    assert choose_training({"weights": "model.keras"}).options.backbone_weights == "auto"


def test_a_pretrained_model_to_start_from_brings_its_preset_and_size() -> None:
    choice = choose_training({"weights": "person-large", "dataset": "cows"})
    assert choice.preset == load_preset("resnet152_deconv")
    assert choice.options.input_size == (384, 288)
    assert choice.options.weights == "person-large"


def test_a_file_to_start_from_brings_its_preset_and_size(tmp_path: Path) -> None:
    file = tmp_path / "mine.keras"
    SimpleBaseline.from_preset(
        "ghostnet_upsample_lite", 3, input_size=(96, 64), backbone_weights="none"
    ).save(file)
    choice = choose_training({"weights": file, "dataset": "cows"})
    assert choice.preset == load_preset("ghostnet_upsample_lite")
    assert choice.options.input_size == (96, 64)
    choice = choose_training({"weights": file, "preset": "resnet50_deconv", "dataset": "cows"})
    assert choice.preset == load_preset("resnet50_deconv") and choice.options.input_size is None


def test_a_file_of_a_preset_that_is_not_built_in_needs_that_preset(tmp_path: Path) -> None:
    own = load_preset("mobilenetv2_upsample_lite").model_copy(update={"name": "mine"})
    SimpleBaseline.from_preset(own, 3, input_size=(64, 64), backbone_weights="none").save(
        tmp_path / "mine.keras"
    )
    with pytest.raises(ArgumentError, match="'mine', which is not a built-in preset"):
        choose_training({"weights": tmp_path / "mine.keras"})


def test_a_damaged_file_to_start_from_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.keras").write_bytes(b"PK")
    with pytest.raises(DataError, match="damaged, or not a .keras file"):
        choose_training({"weights": tmp_path / "broken.keras"})


def test_a_file_of_another_format_changes_no_default(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"")
    choice = choose_training({"weights": tmp_path / "model.tflite"})
    assert choice.options.input_size is None
    assert choice.preset == load_preset("mobilenetv2_upsample_lite")


def test_what_is_given_goes_before_the_preset_and_size_of_a_pretrained_model() -> None:
    given = {"weights": "person-small", "dataset": "cows"}
    choice = choose_training({**given, "preset": "ghostnet_deconv"})
    assert choice.preset == load_preset("ghostnet_deconv") and choice.options.input_size is None
    assert choose_training({**given, "input_size": (96, 64)}).options.input_size == (96, 64)
    assert choose_training({**given, "recipe": "quick"}).options.input_size is None, "its own size"


def test_a_detector_is_nothing_to_start_from() -> None:
    with pytest.raises(ArgumentError, match="of the kind detector, but keypoints is needed"):
        choose_training({"weights": "yolox-nano"})


def test_values_of_the_recipe_replace_those_of_the_recipe() -> None:
    recipe = choose_training({"recipe": "paper", "sigma": 1.5, "total_epoch": 3}).options.recipe
    assert recipe == load_recipe("paper").updated({"sigma": 1.5, "total_epoch": 3})


def test_an_earlier_run_holds_where_nothing_is_given(earlier: RunConfig) -> None:
    choice = choose_training({}, earlier)
    assert choice.dataset == earlier.dataset.folder
    assert choice.skeleton == earlier.dataset.own_skeleton()
    assert choice.options.recipe == earlier.recipe
    assert choice.preset == earlier.preset
    assert choice.options == TrainingOptions(
        recipe=earlier.recipe,
        input_size=(128, 96),
        backbone_weights="/weights.h5",
        normalisation="torch",
        seed=7,
    )


@pytest.mark.parametrize("given", [{"weights": "m.keras"}, {"backbone_weights": "imagenet"}])
def test_given_weights_replace_all_that_the_earlier_run_began_with(
    earlier: RunConfig, given: dict[str, Any]
) -> None:
    options = choose_training(given, earlier).options
    expected = TrainingOptions(**given)
    for name in ("weights", "backbone_weights", "normalisation"):
        assert getattr(options, name) == getattr(expected, name)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"preset": "resnet50_upsample"}, None),
        ({"recipe": "paper"}, None),
        ({"seed": 1}, (128, 96)),
        ({"preset": "resnet50_upsample", "input_size": (64, 64)}, (64, 64)),
    ],
)
def test_another_preset_or_recipe_brings_its_own_size(
    earlier: RunConfig, given: dict[str, Any], expected: tuple[int, int] | None
) -> None:
    assert choose_training(given, earlier).options.input_size == expected


def test_another_dataset_brings_its_own_skeleton(earlier: RunConfig) -> None:
    choice = choose_training({"dataset": "cows"}, earlier)
    assert (choice.dataset, choice.skeleton) == ("cows", None)


def test_a_dataset_without_names_keeps_the_earlier_skeleton(
    earlier: RunConfig, tmp_path: Path
) -> None:
    (tmp_path / "annotations.json").touch()
    given = {"dataset": str(tmp_path)}
    assert choose_training(given, earlier).skeleton == earlier.dataset.own_skeleton()
    (tmp_path / "classes.txt").touch()
    assert choose_training(given, earlier).skeleton is None


def test_zero_turns_off_what_a_recipe_turns_on(earlier: RunConfig) -> None:
    recipe = choose_training({"clip_norm": 0.0, "ema": 0.0}, earlier).recipe
    assert recipe.clip_norm is None and recipe.ema is None


def test_a_value_that_does_not_fit_is_an_error_that_names_it() -> None:
    with pytest.raises(ArgumentError, match="learning_rate"):
        choose_training({"learning_rate": -1.0})
