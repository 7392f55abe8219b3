"""Presets and recipes: the built-in ones load, and a broken one is named with file and key."""

import pytest

from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.presets import (
    INPUT_MULTIPLE,
    load_preset,
    load_recipe,
    preset_names,
    preset_text,
    recipe_names,
)

PRESET = """\
description: mine
backbone: {name: mobilenetv2, alpha: 0.5}
head: {name: upsample_lite}
input_size: [128, 96]
"""
RECIPE = "description: mine\n"


def write(folder, text, name="mine.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", preset_names())
def test_a_built_in_preset_loads_and_names_what_it_is_made_of(name):
    preset = load_preset(name)
    assert preset.name == name == f"{preset.backbone.name}_{preset.head.name}"
    assert preset.description
    assert all(side % INPUT_MULTIPLE == 0 for side in preset.input_size)
    assert preset.recipe in recipe_names()


@pytest.mark.parametrize("name", recipe_names())
def test_a_built_in_recipe_loads_and_warms_up_for_less_than_it_lasts(name):
    recipe = load_recipe(name)
    assert recipe.name == name and recipe.description
    assert recipe.warmup_epochs < recipe.total_epoch


def test_the_recipes_of_the_design_are_there():
    own = {"default", "distil", "few", "finetune", "quick", "small"}
    assert set(recipe_names()) == own | {"paper", "upstream"}


def test_a_users_preset_is_read_by_its_path(tmp_path):
    preset = load_preset(write(tmp_path, PRESET))
    assert preset.name == "mine"
    assert preset.backbone.alpha == 0.5
    assert preset.input_size == (128, 96)
    assert (preset.crop.padding, preset.codec.sigma, preset.recipe) == (1.25, 2.0, "default")


def test_a_users_recipe_is_read_by_its_path(tmp_path):
    text = RECIPE + "total_epoch: 3\naugmentation:\n  - {name: rotation, degrees: 10}\n"
    recipe = load_recipe(str(write(tmp_path, text, "cows.yml")))
    assert (recipe.name, recipe.total_epoch) == ("cows", 3)
    assert recipe.augmentation[0].degrees == 10


@pytest.mark.parametrize("name", preset_names())
def test_the_text_of_a_preset_is_a_start_of_ones_own(tmp_path, name):
    own = load_preset(write(tmp_path, preset_text(name)))
    assert own.model_copy(update={"name": name}) == load_preset(name)


@pytest.mark.parametrize(
    "load, name, message",
    [
        (load_preset, "mobilnetv2_upsample_lite", "preset '.*' does not exist. Nearest: mobilenet"),
        (load_recipe, "quik", "recipe 'quik' does not exist. Nearest: quick"),
        (load_recipe, "zzzzzzzz", "There are: default, "),
        (load_preset, "", "does not exist"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(load, name, message):
    with pytest.raises(ArgumentError, match=message):
        load(name)


@pytest.mark.parametrize("load", [load_preset, load_recipe])
def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(MissingFileError, match=r"none\.yaml: the (preset|recipe) file does"):
        load(tmp_path / "none.yaml")
    with pytest.raises(MissingFileError):
        load(tmp_path)


PRESET_FAULTS = [
    (PRESET + "colour: red\n", "'colour'", "Received: 'red'"),
    (PRESET.replace("alpha", "width"), "'backbone.width'", "Received: 0.5"),
    (PRESET.replace("mobilenetv2", "resnet9000"), "'backbone.name'", "Received: 'resnet9000'"),
    (PRESET.replace("0.5", "half"), "'backbone.alpha'", "Received: 'half'"),
    (PRESET.replace("0.5", "-1"), "'backbone.alpha'", "Received: -1"),
    (PRESET.replace("128", "100"), "'input_size'", "multiple of 32. Received: [100, 96]"),
    (PRESET.replace("128", "0"), "'input_size'", "Received: [0, 96]"),
    (PRESET.replace("[128, 96]", "128"), "'input_size'", "Received: 128"),
    (PRESET.replace("description: mine\n", ""), "'description'", "Field required"),
    (PRESET + "crop: {center_shift: .nan}\n", "'crop.center_shift'", "Received: nan"),
    (PRESET + "codec: {alignment: left}\n", "'codec.alignment'", "Received: 'left'"),
    (PRESET + "1: 2\n", "'1'", "Received: 1"),
]


@pytest.mark.parametrize("text, key, message", PRESET_FAULTS)
def test_a_fault_of_a_preset_is_named_with_file_key_and_value(tmp_path, text, key, message):
    path = write(tmp_path, text)
    with pytest.raises(DataError) as caught:
        load_preset(path)
    assert str(caught.value).startswith(f"{path}, key {key}: ")
    assert message in str(caught.value)


RECIPE_FAULTS = [
    ("learning_rte: 0.1\n", "'learning_rte'", "Received: 0.1"),
    ("learning_rate: fast\n", "'learning_rate'", "Received: 'fast'"),
    ("learning_rate: 0\n", "'learning_rate'", "Received: 0"),
    ("learning_rate: .inf\n", "'learning_rate'", "Received: inf"),
    ("batch_size: 2.5\n", "'batch_size'", "Received: 2.5"),
    ("total_epoch: [3]\n", "'total_epoch'", "Received: [3]"),
    ("optimizer: lion\n", "'optimizer'", "Received: 'lion'"),
    ("optimizer: lion\nweight_decay: 0.1\n", "'optimizer'", "Received: 'lion'"),
    ("weight_decay: 0.1\n", "'weight_decay'", "only optimizer adamw decays weights"),
    ("weight_decay: 0.1\n", "'weight_decay'", "optimizer is adam. Received: 0.1"),
    ("optimizer: adamw\nweight_decay: -1\n", "'weight_decay'", "Received: -1"),
    ("decay_type: piecewise_constant\n", "'decay_type'", "'piecewise-constant'"),
    ("clip_norm: 0\n", "'clip_norm'", "greater than 0. Received: 0"),
    ("ema: 1\n", "'ema'", "less than 1. Received: 1"),
    ("ema: 0\n", "'ema'", "greater than 0. Received: 0"),
    ("transfer_epoch: -1\n", "'transfer_epoch'", "Received: -1"),
    ("freeze_level: 3\n", "'freeze_level'", "should be 0, 1 or 2. Received: 3"),
    ("init_epoch: 1.5\n", "'init_epoch'", "Received: 1.5"),
    ("total_epoch: 0\n", "'total_epoch'", "Received: 0"),
    ("input_size: [100, 100]\n", "'input_size'", "Received: [100, 100]"),
    (
        "augmentation:\n  - {name: rotation, degrees: 200}\n",
        "'augmentation.0.rotation.degrees'",
        "200",
    ),
    ("augmentation:\n  - {name: mosaic}\n", "'augmentation.0'", "mosaic"),
    ("augmentation:\n  - rotation\n", "'augmentation.0'", "'rotation'"),
    ("augmentation: [{degrees: 3}]\n", "'augmentation.0'", "a mapping with a name"),
    ("augmentation: [{name: blur, sigma: 0}]\n", "'augmentation.0.blur.sigma'", "Received: 0"),
    ("augmentation: [{name: scale, factr: 2}]\n", "'augmentation.0.scale.factr'", "unknown key"),
    (
        "augmentation: [{name: random_cutout, size: [0.4, 0.2]}]\n",
        "'augmentation.0.random_cutout.size'",
        "the smallest, then the largest fraction",
    ),
]


@pytest.mark.parametrize("text, key, message", RECIPE_FAULTS)
def test_a_fault_of_a_recipe_is_named_with_file_key_and_value(tmp_path, text, key, message):
    path = write(tmp_path, RECIPE + text)
    with pytest.raises(DataError) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}, key {key}: ")
    assert message in str(caught.value)
    assert "Value error" not in str(caught.value)


EPOCH_FAULTS = [
    (
        {"init_epoch": 60, "transfer_epoch": 41},
        "init_epoch (60) plus transfer_epoch (41) must not be more than total_epoch (100).",
    ),
    (
        {"init_epoch": 100},
        "init_epoch (100) must be less than total_epoch (100), or nothing is left to train.",
    ),
]


@pytest.mark.parametrize("values, message", EPOCH_FAULTS)
def test_epochs_that_do_not_fit_are_told_in_one_sentence(tmp_path, values, message):
    path = write(tmp_path, RECIPE + "".join(f"{key}: {value}\n" for key, value in values.items()))
    with pytest.raises(DataError) as caught:
        load_recipe(path)
    assert str(caught.value) == f"{path}: {message}"
    with pytest.raises(ArgumentError) as refused:
        load_recipe("default").updated(values)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "values",
    [
        {"init_epoch": 60, "transfer_epoch": 40},
        {"init_epoch": 99},
        {"transfer_epoch": 1, "total_epoch": 1},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "adamw"},
        {"weight_decay": 0},
        {"clip_norm": 1, "ema": 0.999},
    ],
)
def test_a_recipe_takes_what_just_fits(values):
    recipe = load_recipe("default").updated(values)
    assert recipe.model_dump(include=set(values)) == values


def test_another_optimizer_does_not_take_over_the_weight_decay():
    recipe = load_recipe("default").updated({"optimizer": "adamw", "weight_decay": 0.1})
    with pytest.raises(ArgumentError, match=r"^weight_decay: .* optimizer is sgd\. Received: 0\.1"):
        recipe.updated({"optimizer": "sgd"})


def test_a_recipe_replaces_what_it_names_of_a_preset():
    preset = load_preset("mobilenetv2_upsample_lite")
    recipe = load_recipe("default").updated({"sigma": None, "padding": None, "input_size": None})
    assert recipe.fitted(preset) == preset
    fitted = recipe.updated({"sigma": 1.25, "padding": 1.1, "input_size": (96, 64)}).fitted(preset)
    assert (fitted.codec.sigma, fitted.crop.padding, fitted.input_size) == (1.25, 1.1, (96, 64))
    assert fitted.codec.alignment == preset.codec.alignment
    assert (fitted.name, fitted.backbone, fitted.head) == (
        preset.name,
        preset.backbone,
        preset.head,
    )


def test_geometry_fades_over_a_share_of_all_steps():
    recipe = load_recipe("default").updated({"total_epoch": 20, "geometry_fade": 0.25})
    assert recipe.fading(100) == (1500, 2000, 0)
    part = recipe.updated({"geometry_fade_to": 0.25})
    assert part.fading(100) == (1500, 2000, 0.25)
    assert recipe.updated({"geometry_fade": 0}).fading(100) is None


def test_the_recipe_of_the_paper_is_what_the_paper_says():
    recipe = load_recipe("paper")
    values = (recipe.optimizer, recipe.learning_rate, recipe.decay_type, recipe.warmup_epochs)
    assert values == ("adam", 1e-3, "step", 0)
    assert (recipe.batch_size, recipe.total_epoch, recipe.transfer_epoch) == (128, 140, 0)
    assert (recipe.loss_type, recipe.sigma) == ("weighted_mse", 2)
    flip, rotation, scale = recipe.augmentation
    assert (flip.name, rotation.degrees, scale.factor) == ("horizontal_flip", 40, 1.3)


def test_the_recipe_of_upstream_has_the_defaults_of_its_options():
    recipe = load_recipe("upstream")
    values = (recipe.optimizer, recipe.learning_rate, recipe.decay_type, recipe.warmup_epochs)
    assert values == ("rmsprop", 5e-4, "none", 0)
    stages = (recipe.transfer_epoch, recipe.freeze_level, recipe.init_epoch, recipe.total_epoch)
    assert stages == (1, 1, 0, 100)
    assert (recipe.loss_type, recipe.loss_scale, recipe.sigma) == ("mse", 1, 1)
    assert recipe.batch_size == 16
    # It would stand people on their heads.
    assert "vertical_flip" not in {item.name for item in recipe.augmentation}


@pytest.mark.parametrize(
    "text",
    [
        "a: [1\n",
        "\tx: 1\n",
        "description: \1\n",
        "!!python/object:os.system {}\n",
    ],
    ids=["unclosed", "tab", "control character", "python object"],
)
def test_broken_yaml_is_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"mine\.yaml is not valid YAML"):
        load_recipe(write(tmp_path, text))


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0")
    with pytest.raises(DataError, match=r"mine\.yaml is not a text file"):
        load_preset(path)


@pytest.mark.parametrize("text, what", [("", "NoneType"), ("- 1\n", "list"), ("hello\n", "str")])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, what):
    with pytest.raises(DataError, match=f"a preset must be a mapping. Received: {what}"):
        load_preset(write(tmp_path, text))


def test_updated_takes_new_values_and_leaves_the_recipe():
    recipe = load_recipe("quick")
    changed = recipe.updated({"batch_size": 4, "optimizer": "sgd", "input_size": (64, 96)})
    assert (changed.batch_size, changed.optimizer, changed.input_size) == (4, "sgd", (64, 96))
    assert changed.updated({"batch_size": recipe.batch_size}).augmentation == recipe.augmentation
    assert recipe == load_recipe("quick")


@pytest.mark.parametrize(
    "values, message",
    [
        ({"batch_size": 0}, "batch_size: .* Received: 0"),
        ({"learning_rate": -0.1}, r"learning_rate: .* Received: -0\.1"),
        ({"decay_type": "linear"}, "decay_type: .* Received: 'linear'"),
        ({"weight_decay": 0.1}, r"^weight_decay: .* optimizer is adam\. Received: 0\.1"),
        ({"learning_rate": float("inf")}, "learning_rate: .* Received: inf"),
        ({"ema": 1.5}, r"ema: .* Received: 1\.5"),
        ({"learning_rte": 0.1}, r"learning_rte: .* Received: 0\.1"),
        ({"input_size": (100, 64)}, r"input_size: .* Received: \(100, 64\)"),
    ],
)
def test_updated_refuses_what_the_file_could_not_hold(values, message):
    with pytest.raises(ArgumentError, match=message):
        load_recipe("default").updated(values)


@pytest.mark.parametrize(
    "line, message",
    [
        ("learnin_rate: 0.1", "key 'learnin_rate': unknown key; did you mean 'learning_rate'"),
        ("zzz: 1", r"key 'zzz': unknown key\. Received: 1"),
        (
            "augmentation: [{name: rotate}]",
            "name must be one of .*'rotation', .* Received: 'rotate'",
        ),
        ("augmentation: [{name: blur}, {name: scale}, {name: blur}]", "blur occurs twice"),
    ],
)
def test_a_mistake_in_a_recipe_is_told_with_what_would_do(tmp_path, line, message):
    path = tmp_path / "mine.yaml"
    path.write_text(f"description: mine\n{line}\n")
    with pytest.raises(DataError, match=message):
        load_recipe(path)
