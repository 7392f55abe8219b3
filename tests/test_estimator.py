"""SimpleBaseline: how it is built, what it starts from, and how its file comes back."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from simplebase import SimpleBaseline, Skeleton, load_model, load_preset, load_skeleton
from simplebase.backbones import Backbone
from simplebase.errors import ArgumentError, DataError, MissingFileError, SimplebaseWarning
from simplebase.presets import Preset

# Its fixtures train or build models: on one worker they are made once.
pytestmark = pytest.mark.xdist_group("test_estimator")

TORCH_WEIGHTS = "weights/mobilenet_v2_1.0_224_no_top_from_torch_dsr.weights.h5"


def images(height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)


def unreachable(self: Backbone) -> None:
    raise ArgumentError("the ImageNet weights could not be downloaded (no network).")


@pytest.fixture(scope="module")
def small_preset() -> Preset:
    """MobileNetV1 of a quarter of its width: half as many layers to build as of V2."""
    return Preset(
        name="small",
        description="for tests",
        backbone={"name": "mobilenetv1", "alpha": 0.25},
        head={"name": "upsample_lite", "channels": (16, 16, 16)},
        input_size=(64, 64),
    )


@pytest.fixture(scope="module")
def model(small_preset: Preset) -> SimpleBaseline:
    """A model whose weights are all its own; not to be written to."""
    model = SimpleBaseline.from_preset(small_preset, 4, backbone_weights="none")
    values = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(values.uniform(0.9, 1.1, weight.shape) * (weight.numpy() + 0.01))
    return model


@pytest.fixture(scope="module")
def model_file(model: SimpleBaseline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(path)
    return path


def test_num_keypoints_alone_numbers_them(small_preset: Preset) -> None:
    model = SimpleBaseline.from_preset(small_preset, 2, backbone_weights="none")
    assert model.metadata.skeleton.keypoints == ("keypoint_0", "keypoint_1")
    assert model.output_shape == (None, 16, 16, 2)


def test_a_skeleton_alone_says_how_many(small_preset: Preset) -> None:
    skeleton = load_skeleton("lsp")
    model = SimpleBaseline.from_preset(small_preset, skeleton=skeleton, backbone_weights="none")
    assert model.output_shape[-1] == 14
    assert model.metadata.skeleton == skeleton


def test_a_skeleton_and_another_number_contradict(small_preset: Preset) -> None:
    with pytest.raises(ArgumentError, match="'lsp' has 14 keypoints, but num_keypoints is 16"):
        SimpleBaseline.from_preset(small_preset, 16, skeleton=load_skeleton("lsp"))


@pytest.mark.parametrize("count", [None, 0, -1])
def test_without_skeleton_a_number_above_zero_is_needed(
    small_preset: Preset, count: int | None
) -> None:
    with pytest.raises(ArgumentError, match=f"skeleton or num_keypoints. Received: {count}"):
        SimpleBaseline.from_preset(small_preset, count)


@pytest.mark.parametrize("size", [(64, 50), (48, 64), (0, 64), (-32, 32)])
def test_a_side_that_is_no_multiple_of_32_is_refused(
    small_preset: Preset, size: tuple[int, int]
) -> None:
    with pytest.raises(ArgumentError, match=f"multiple of 32. Received: {size[0]}x{size[1]}"):
        SimpleBaseline.from_preset(small_preset, 2, input_size=size)


def test_an_input_need_not_be_square(small_preset: Preset) -> None:
    model = SimpleBaseline.from_preset(
        small_preset, 2, input_size=(96, 64), backbone_weights="none"
    )
    assert model.input_shape == (None, 96, 64, 3)
    assert model(images(96, 64), training=False).shape == (2, 24, 16, 2)
    assert model.metadata.codec.heatmap_size == (24, 16)


def test_normalisation_replaces_the_backbones(small_preset: Preset) -> None:
    model = SimpleBaseline.from_preset(
        small_preset, 2, normalisation="torch", backbone_weights="none"
    )
    assert model.normalisation == "torch"


def test_uint8_and_float_images_give_the_same_heatmaps(model: SimpleBaseline) -> None:
    expected = model(images(), training=False)
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(model(images().astype(np.float32), training=False), expected)
    np.testing.assert_allclose(model.predict(images(), verbose=0), expected, atol=1e-6)


def test_brightness_reaches_the_network_normalised_once(small_preset: Preset) -> None:
    """127.5 is the `tf` mode's zero: what the backbone sees is exactly zeros."""
    model = SimpleBaseline.from_preset(small_preset, 2, backbone_weights="none")
    features = keras.Model(model.inputs[0], model.get_layer("normalisation").output)
    grey = np.full((1, 64, 64, 3), 127.5, np.float32)
    np.testing.assert_allclose(features(grey), 0, atol=1e-6)


def test_auto_without_imagenet_warns_and_starts_random(
    small_preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backbone, "load_imagenet", unreachable)
    with pytest.warns(SimplebaseWarning, match="no network.*starts from random weights"):
        model = SimpleBaseline.from_preset(small_preset, 2, backbone_weights="auto")
    kernel = model.backbone.get_layer("conv1").get_weights()[0]
    assert kernel.std() > 0


def test_imagenet_weights_that_cannot_be_had_are_an_error(
    small_preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backbone, "load_imagenet", unreachable)
    with pytest.raises(ArgumentError, match="no network"):
        SimpleBaseline.from_preset(small_preset, 2, backbone_weights="imagenet")


def test_a_failed_download_is_told_in_one_sentence(
    small_preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**arguments: object) -> keras.Model:
        raise Exception("URL fetch failure on https://example.org: None -- timed out\nmore")

    model = SimpleBaseline.from_preset(small_preset, 2, backbone_weights="none")
    monkeypatch.setattr(type(model.backbone), "application", staticmethod(fails))
    with pytest.raises(
        ArgumentError, match="mobilenetv1 could not be downloaded .*timed out"
    ) as info:
        model.backbone.load_imagenet()
    assert "\n" not in str(info.value)


def test_no_backbone_weights_ask_for_no_network(
    small_preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backbone, "load_imagenet", unreachable)
    SimpleBaseline.from_preset(small_preset, 2, backbone_weights="none")


@pytest.mark.parametrize("include_top", [True, False], ids=["with classifier", "without"])
def test_a_file_of_keras_applications_gives_its_features(include_top: bool, tmp_path: Path) -> None:
    source = keras.applications.MobileNetV2(
        input_shape=(64, 64, 3), weights=None, include_top=include_top
    )
    values = np.random.default_rng(0)
    for weight in source.weights:
        # Away from the 0 and 1 of fresh BatchNorms, which are all alike; small variances keep the
        # image visible through 52 of them.
        if weight.path.endswith("moving_variance"):
            weight.assign(values.uniform(0.02, 0.1, weight.shape))
        elif len(weight.shape) == 1:
            weight.assign(weight.numpy() + values.uniform(-0.1, 0.1, weight.shape))
    path = tmp_path / "application.weights.h5"
    source.save_weights(path)
    model = SimpleBaseline.from_preset(
        "mobilenetv2_upsample_lite", 2, input_size=(64, 64), backbone_weights=path
    )
    inputs = values.uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    features = keras.Model(source.inputs[0], source.get_layer("out_relu").output)(inputs)
    assert np.abs(features[0] - features[1]).max() > 0.01
    np.testing.assert_allclose(model.backbone(inputs), features, atol=1e-5)


def test_a_file_of_another_network_is_refused_by_name(small_preset: Preset, tmp_path: Path) -> None:
    path = tmp_path / "other.weights.h5"
    keras.applications.MobileNetV2(
        input_shape=(64, 64, 3), alpha=0.35, weights=None, include_top=False
    ).save_weights(path)
    with pytest.raises(DataError, match="the weights in .*other.weights.h5 do not fit mobilene"):
        SimpleBaseline.from_preset(small_preset, 2, backbone_weights=path)


def test_a_file_of_another_width_is_refused(small_preset: Preset, tmp_path: Path) -> None:
    path = tmp_path / "wide.weights.h5"
    keras.applications.MobileNet(
        input_shape=(64, 64, 3), alpha=0.5, weights=None, include_top=False
    ).save_weights(path)
    with pytest.raises(DataError, match="do not fit mobilenet"):
        SimpleBaseline.from_preset(small_preset, 2, backbone_weights=path)


def test_a_damaged_or_missing_weights_file_is_refused(small_preset: Preset, tmp_path: Path) -> None:
    path = tmp_path / "damaged.weights.h5"
    path.write_bytes(b"not an HDF5 file")
    with pytest.raises(DataError, match="damaged.weights.h5 do not fit"):
        SimpleBaseline.from_preset(small_preset, 2, backbone_weights=path)
    with pytest.raises(MissingFileError, match="absent.h5"):
        SimpleBaseline.from_preset(small_preset, 2, backbone_weights=tmp_path / "absent.h5")


def test_real_imagenet_weights_load(shared: Path) -> None:
    model = SimpleBaseline.from_preset(
        "mobilenetv2_upsample_lite",
        2,
        input_size=(64, 64),
        backbone_weights=shared / TORCH_WEIGHTS,
        normalisation="torch",
    )
    features = model.backbone(np.zeros((1, 64, 64, 3), np.float32))
    # A fresh network answers a black image with zeros; a trained one's biases answer.
    assert np.isfinite(features).all() and np.max(features) > 0.1


def test_weights_of_a_model_with_the_same_keypoints_give_its_heatmaps(
    small_preset: Preset, model: SimpleBaseline, model_file: Path
) -> None:
    copy = SimpleBaseline.from_preset(small_preset, 4, weights=model_file)
    np.testing.assert_allclose(
        copy(images(), training=False), model(images(), training=False), atol=1e-6
    )


# pytest repeats the warning of Keras that pyproject.toml leaves out.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_of_a_model_with_other_keypoints_keep_all_but_the_last_layer(
    small_preset: Preset, model: SimpleBaseline, model_file: Path
) -> None:
    with pytest.warns(SimplebaseWarning, match="none of the 7 keypoints by name"):
        other = SimpleBaseline.from_preset(small_preset, 7, weights=model_file)
    pairs = list(zip(other.weights, model.weights, strict=True))
    assert all(np.array_equal(mine.numpy(), theirs.numpy()) for mine, theirs in pairs[:-2])
    assert [mine.shape for mine, _ in pairs[-2:]] == [(1, 1, 16, 7), (7,)]
    assert other.head.get_layer("heatmaps").weights == other.weights[-2:]


def test_weights_bring_their_normalisation(small_preset: Preset, tmp_path: Path) -> None:
    source = SimpleBaseline.from_preset(
        small_preset, 2, normalisation="caffe", backbone_weights="none"
    )
    source.save(tmp_path / "caffe.keras")
    copy = SimpleBaseline.from_preset(small_preset, 2, weights=tmp_path / "caffe.keras")
    assert copy.normalisation == "caffe"


def test_weights_of_another_width_are_refused(small_preset: Preset, model_file: Path) -> None:
    wider = small_preset.model_copy(
        update={"backbone": small_preset.backbone.model_copy(update={"alpha": 0.5})}
    )
    with pytest.raises(DataError, match="alpha 0.25, but the preset has 0.5"):
        SimpleBaseline.from_preset(wider, 4, weights=model_file)


def test_another_freeze_level_is_refused(model: SimpleBaseline) -> None:
    with pytest.raises(ArgumentError, match="0 .*1 .*2 .*Received: 3"):
        model.freeze(3)


def test_metadata_and_normalisation_survive_the_file(small_preset: Preset, tmp_path: Path) -> None:
    skeleton = Skeleton(
        "arm", ("base", "left", "right"), (("left", "right"),), (), (), (0.1, 0.2, 0.2)
    )
    preset = small_preset.model_copy(
        update={
            "crop": small_preset.crop.model_copy(update={"padding": 1.5, "center_shift": 15.0}),
            "codec": small_preset.codec.model_copy(update={"sigma": 1.5, "alignment": "corner"}),
        }
    )
    model = SimpleBaseline.from_preset(
        preset,
        skeleton=skeleton,
        input_size=(96, 64),
        normalisation="upstream",
        backbone_weights="none",
    )
    path = tmp_path / "arm.keras"
    model.save(path)
    loaded = load_model(path)
    assert loaded.metadata == model.metadata
    assert loaded.metadata.crop.padding == 1.5
    assert loaded.metadata.codec.alignment == "corner"
    assert loaded.normalisation == "upstream"


def test_a_loaded_model_answers_as_the_saved_one(model: SimpleBaseline, model_file: Path) -> None:
    expected = model(images(), training=False).numpy()
    loaded = load_model(model_file)(images(), training=False)
    np.testing.assert_allclose(loaded, expected, rtol=0, atol=1e-5 * np.ptp(expected))


def test_a_missing_model_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"absent\.keras: the model does not exist"):
        load_model(tmp_path / "absent.keras")
    with pytest.raises(MissingFileError, match="is a folder"):
        load_model(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_model_is_refused(model_file: Path, tmp_path: Path, share: float) -> None:
    path = tmp_path / "truncated.keras"
    content = model_file.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"truncated\.keras cannot be loaded: \S"):
        load_model(path)


def test_a_model_whose_weights_are_damaged_is_refused(model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.keras"
    with zipfile.ZipFile(model_file) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[:1000] if name.endswith(".h5") else content)
    with pytest.raises(DataError, match=r"damaged\.keras cannot be loaded: \S"):
        load_model(path)


def test_another_suffix_is_refused(model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(model_file.read_bytes())
    with pytest.raises(DataError, match=r"expected a \.keras file"):
        load_model(path)


def test_a_keras_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(DataError, match="contains a Sequential, not a SimpleBaseline"):
        load_model(path)


def test_code_inside_a_model_file_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "lambda.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x + 1)]).save(path)
    with pytest.raises(DataError, match="cannot be loaded"):
        load_model(path)


def test_a_built_in_preset_has_the_shape_that_it_says() -> None:
    preset = load_preset("mobilenetv2_upsample_lite")
    model = SimpleBaseline.from_preset(preset, 16, backbone_weights="none")
    assert model.output_shape == (None, 64, 64, 16)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable == preset.params
