"""Images of more than 8 bits: which of their values become black and white, everywhere alike."""

import io
import json
import warnings
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from simplebase import Skeleton, load_dataset
from simplebase.data.checking import check_dataset
from simplebase.data.dataset import KeypointDataset
from simplebase.data.packed import load_packed, pack_dataset
from simplebase.data.pipeline import BatchSource
from simplebase.data.screening import warn_of_lost_depth, without_bad_images
from simplebase.demo.sources import ImageFiles
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.geometry import Crop
from simplebase.images import DepthRange, decode_image, deep_range, read_image
from simplebase.metadata import ModelMetadata
from simplebase.presets import load_preset
from simplebase.training.runs.config import DatasetSettings

TWELVE_BITS = DepthRange((0, 4095))
DOT = Skeleton("dot", ("dot",))
VALUES = np.array([[0, 16, 17, 2048, 4095, 65535]], np.uint16)
# v * 255 / 4095, rounded: 16 -> 0.996, 17 -> 1.06, 2048 -> 127.53; above 4095 it is white.
LEVELS = [[0, 1, 1, 128, 255, 255]]


def png(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values)[1].tobytes()


def tiff(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF")
    return file.getvalue()


@pytest.mark.parametrize("encode", [png, tiff])
def test_values_within_the_range_become_all_levels(encode: object) -> None:
    read = decode_image(encode(VALUES), "a", depth_range=TWELVE_BITS)  # type: ignore[operator]
    np.testing.assert_array_equal(read, np.repeat(np.array(LEVELS)[..., None], 3, -1))


@pytest.mark.parametrize("encode", [png, tiff])
def test_without_a_range_the_upper_eight_bits_are_taken(encode: object) -> None:
    read = decode_image(encode(VALUES), "a")  # type: ignore[operator]
    np.testing.assert_array_equal(read[..., 0], [[0, 0, 0, 8, 15, 255]])


def test_a_files_own_range_runs_from_its_least_to_its_largest_value() -> None:
    values = np.array([[29160, 29960, 30760]], np.uint16)
    read = decode_image(png(values), "a", depth_range=DepthRange(None))
    np.testing.assert_array_equal(read[..., 0], [[0, 128, 255]])
    plain = decode_image(png(np.full((2, 3), 700, np.uint16)), "a", depth_range=DepthRange(None))
    assert not plain.any()


def test_the_colours_of_one_image_share_a_range_and_alpha_has_no_part_in_it() -> None:
    blue_green_red_alpha = np.array([[[1000, 2000, 3000, 65535], [1000, 1000, 1000, 0]]], np.uint16)
    read = decode_image(png(blue_green_red_alpha), "a", depth_range=DepthRange(None))
    np.testing.assert_array_equal(read, [[[255, 128, 0], [0, 0, 0]]])


@pytest.mark.parametrize("range", [DepthRange((100, 200)), DepthRange(None)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_images_of_eight_bits_are_never_changed(range: DepthRange, suffix: str) -> None:
    grey = np.arange(90, 154, dtype=np.uint8).reshape(8, 8)
    data = cv2.imencode(suffix, grey)[1].tobytes()
    np.testing.assert_array_equal(
        decode_image(data, "a", depth_range=range), decode_image(data, "a")
    )


def test_infinity_is_white_and_what_is_no_number_black() -> None:
    celsius = np.array([[-40, 0, 40], [np.nan, np.inf, -np.inf]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = decode_image(tiff(celsius), "a.tif", depth_range=DepthRange((-40, 40)))
    np.testing.assert_array_equal(read[..., 0], [[0, 128, 255], [0, 255, 0]])


def test_temperatures_in_a_tiff_need_a_range() -> None:
    celsius = np.array([[20.0, 30.0, 41.0, np.nan]], np.float32)
    with pytest.raises(DataError, match=r"a\.tif has float32 values from 20 to 41.*20,41"):
        decode_image(tiff(celsius), "a.tif")
    read = decode_image(tiff(celsius), "a.tif", depth_range=DepthRange((20, 40)))
    np.testing.assert_array_equal(read[..., 1], [[0, 128, 255, 0]])


@pytest.mark.parametrize("text", ["0,4095", "-10.5,60", "file", "0.1,0.30000000001"])
def test_a_range_is_written_as_it_is_read(text: str) -> None:
    assert str(DepthRange.parse(text)) == text
    assert DepthRange.parse(f" {text.upper()} ") == DepthRange.parse(text)


@pytest.mark.parametrize("text", ["", "4095", "1,2,3", "a,b", "5,5", "9,2", "0,inf", "nan,1"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"--depth-range must be LOW,HIGH.* Received: "):
        DepthRange.parse(text)


def test_the_values_of_an_image_are_told_but_for_broken_pixels() -> None:
    values = np.linspace(320, 3520, 10_000).astype(np.uint16).reshape(100, 100)
    values[0, :3], values[-1, -3:] = 0, 65535
    low, high = deep_range(png(values), "a") or (0, 0)
    assert low == pytest.approx(323, abs=3) and high == pytest.approx(3517, abs=3)
    assert deep_range(png(values.astype(np.uint8)), "a") is None
    assert deep_range(tiff(np.full((4, 4), np.nan, np.float32)), "a") is None


# Datasets, models, checks


def folder_of(path: Path, *images: np.ndarray) -> Path:
    (path / "images").mkdir(parents=True)
    records = []
    for number, image in enumerate(images):
        cv2.imwrite(str(path / "images" / f"{number}.png"), image)
        record = {"dataset": "dot", "isValidation": float(number % 2), "origin": 0}
        record |= {"img_paths": f"{number}.png", "objpos": [32, 32], "scale_provided": 0.2}
        records.append(record | {"joint_self": [[20, 20, 2]]})
    (path / "annotations.json").write_text(json.dumps(records))
    return path


def dark(seed: int = 0) -> np.ndarray:
    """A picture of a 12-bit camera."""
    blots = np.random.default_rng(seed).integers(320, 3521, (8, 8), dtype=np.uint16)
    return cv2.resize(blots, (64, 64), interpolation=cv2.INTER_NEAREST)


def one(dataset: KeypointDataset) -> np.ndarray:
    return next(BatchSource(dataset, Crop(), (64, 64), 1).batches())["images"][0]


def test_a_dataset_is_read_with_the_range_that_it_is_opened_with(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, dark(), dark(1))
    plain, chosen = load_dataset(folder, DOT), load_dataset(folder, DOT, TWELVE_BITS)
    assert one(plain).max() == 13 and one(chosen).max() > 200
    assert one(chosen.validation).max() > 200
    # What was chosen stays; what was not is the model's.
    assert chosen.with_default_depth(DepthRange(None)).images.depth_range == TWELVE_BITS
    by_model = plain.with_default_depth(TWELVE_BITS)
    np.testing.assert_array_equal(one(by_model), one(chosen))
    assert plain.images.identity() != chosen.images.identity()


def test_a_packed_dataset_is_packed_with_its_range_and_says_so(tmp_path: Path) -> None:
    dataset = load_dataset(folder_of(tmp_path / "a", dark(), dark(1)), DOT, TWELVE_BITS)
    sizes = {"crop": Crop(), "input_size": (64, 64), "canvas_size": (64, 64)}
    pack_dataset(dataset, tmp_path / "packed", **sizes)  # type: ignore[arg-type]
    packed = load_packed(tmp_path / "packed")
    assert packed.images.depth_range == TWELVE_BITS
    assert one(packed).max() > 200
    packed.with_default_depth(TWELVE_BITS)
    with pytest.warns(
        SimplebaseWarning,
        match=r"with another --depth-range, 0,4095\..* again with --depth-range file\.",
    ):
        packed.with_default_depth(DepthRange(None))


def test_a_dataset_that_was_packed_without_a_range_says_so(tmp_path: Path) -> None:
    dataset = load_dataset(folder_of(tmp_path / "a", dark(), dark(1)), DOT)
    sizes = {"crop": Crop(), "input_size": (64, 64), "canvas_size": (64, 64)}
    pack_dataset(dataset, tmp_path / "packed", **sizes)  # type: ignore[arg-type]
    packed = load_packed(tmp_path / "packed")
    with pytest.warns(
        SimplebaseWarning,
        match=r"packed without --depth-range\. .* pack it again with --depth-range 0,4095\.",
    ):
        packed.with_default_depth(TWELVE_BITS)


def test_a_model_says_the_range_that_it_was_trained_with() -> None:
    metadata = ModelMetadata.from_preset(load_preset("mobilenetv2_upsample_lite"), DOT)
    assert metadata.to_config()["depth_range"] is None
    chosen = replace(metadata, depth_range=TWELVE_BITS)
    assert ModelMetadata.from_config(json.loads(json.dumps(chosen.to_config()))) == chosen
    old = metadata.to_config()
    del old["depth_range"]
    assert ModelMetadata.from_config(old) == metadata
    for damaged in ("5", 7, ["0", "1"]):
        with pytest.raises(DataError, match="incomplete or damaged"):
            ModelMetadata.from_config(old | {"depth_range": damaged})


def test_a_run_keeps_the_range_of_its_dataset(tmp_path: Path) -> None:
    dataset = load_dataset(folder_of(tmp_path, dark()), DOT, TWELVE_BITS)
    settings = DatasetSettings.of(dataset)
    assert settings.depth_range == "0,4095"
    assert settings.own_depth_range() == TWELVE_BITS


def test_the_check_names_images_that_come_out_dark(tmp_path: Path) -> None:
    full = np.linspace(0, 65535, 4096).astype(np.uint16).reshape(64, 64)
    folder = folder_of(tmp_path, dark(), full, dark(2) + np.uint16(29_000))
    report = check_dataset(folder, DOT)
    first, second = report.by_kind()["lost-depth"]
    values = np.concatenate([dark().ravel(), dark(2).ravel() + np.uint16(29_000)])
    assert first.severity == "warning"
    assert f"--depth-range {values.min()},{values.max()} suits all such images" in first.message
    assert (first.record, first.img_paths) == (0, "0.png")
    assert (second.record, second.img_paths) == (2, "2.png")
    low, high = int(dark().min()), int(dark().max())
    assert f"between {low} and {high}, which become {low >> 8} to {high >> 8} of" in first.message
    assert not check_dataset(folder, DOT, depth_range=DepthRange(None)).by_kind().get("lost-depth")
    clipped = check_dataset(folder, DOT, depth_range=TWELVE_BITS).by_kind()["lost-depth"]
    assert [finding.record for finding in clipped] == [2]
    assert "which --depth-range 0,4095 turns into nothing but white" in clipped[0].message


def test_training_and_evaluation_warn_once_of_dark_images(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, *(dark(seed) for seed in range(12)))
    with pytest.warns(SimplebaseWarning, match=r"0\.png: its values.*--depth-range") as reported:
        warn_of_lost_depth(load_dataset(folder, DOT))
    assert len(reported) == 1
    warn_of_lost_depth(load_dataset(folder, DOT, TWELVE_BITS))


def test_screening_reads_with_the_range(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, dark())
    Image.fromarray(np.full((64, 64), 25.0, np.float32)).save(folder / "images" / "0.png", "TIFF")
    kept, problems = without_bad_images(load_dataset(folder, DOT, DepthRange((0, 50))))
    assert len(kept) == 1 and not problems
    with pytest.raises(DataError, match="--depth-range"):
        without_bad_images(load_dataset(folder, DOT))


def test_the_demo_reads_images_with_a_range_and_warns_once_without(tmp_path: Path) -> None:
    paths = sorted((folder_of(tmp_path, dark(), dark(1)) / "images").iterdir())
    source = ImageFiles(paths, "photos")
    with pytest.warns(SimplebaseWarning, match=r"0\.png: its values") as reported:
        frames = [source.read(), source.read()]
    assert len(reported) == 1
    assert all(frame is not None and frame.image.max() <= 13 for frame in frames)
    source = ImageFiles(paths, "photos")
    source.depth_range = TWELVE_BITS
    frame = source.read()
    assert frame is not None
    np.testing.assert_array_equal(frame.image, read_image(paths[0], TWELVE_BITS))
