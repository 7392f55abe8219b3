"""The comparison of a file with its model, on answers made up by hand."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import tensorflow as tf

from simplebase import Crop, HeatmapCodec, KeypointDataset, ModelMetadata, load_skeleton
from simplebase.data.pipeline import BatchSource
from simplebase.errors import ArgumentError, DataError, OutOfMemoryError
from simplebase.export.parity import Parity, Reference, limits_of
from simplebase.export.samples import divide, read_samples

SIZE = (64, 64)


def metadata(skeleton: str = "mpii") -> ModelMetadata:
    return ModelMetadata("fake", SIZE, Crop(), HeatmapCodec(SIZE), load_skeleton(skeleton))


@dataclass
class Answering:
    """Answers with the `heatmaps` of the images in their order."""

    metadata: ModelMetadata
    heatmaps: np.ndarray
    done: int = 0

    def predict(self, images: np.ndarray) -> np.ndarray:
        at, self.done = self.done, self.done + len(images)
        return self.heatmaps[at : self.done]

    def predict_all(self, images: np.ndarray) -> list[np.ndarray]:
        return [self.predict(images)]


def perfect_heatmaps(dataset: KeypointDataset) -> np.ndarray:
    """Of the labels."""
    [batch] = BatchSource(dataset, Crop(), SIZE, len(dataset)).batches()
    return metadata().codec.encode(batch["keypoints"])[0]


@pytest.fixture(scope="module")
def heatmaps(figures: KeypointDataset) -> np.ndarray:
    return perfect_heatmaps(figures)


def compared(
    figures: KeypointDataset, model: np.ndarray, file: np.ndarray, quantization: str
) -> Parity:
    samples = read_samples(figures, metadata())
    reference = Reference.of(Answering(metadata(), model), samples)
    return reference.compare(Answering(metadata(), file), limits_of(quantization))  # type: ignore[arg-type]


def test_equal_answers_are_equal_in_every_measure(
    figures: KeypointDataset, heatmaps: np.ndarray
) -> None:
    parity = compared(figures, heatmaps, heatmaps, "none")
    assert (parity.heatmap_max, parity.distance_median, parity.distance_p99) == (0, 0, 0)
    assert parity.model_pck == parity.file_pck == 1
    assert parity.labelled and parity.passed and parity.images == 40


def test_one_wrong_cell_is_too_much_for_float32_but_not_for_float16(
    figures: KeypointDataset, heatmaps: np.ndarray
) -> None:
    changed = heatmaps.copy()
    changed[7, 3, 4, 5] += 0.01
    parity = compared(figures, heatmaps, changed, "none")
    assert parity.heatmap_max == pytest.approx(0.01, rel=1e-4)
    assert parity.heatmap_mean == pytest.approx(0.01 / heatmaps.size, rel=1e-4)
    assert parity.faults == ["heatmaps differ by up to 0.01, beyond 0.0001"]
    assert compared(figures, heatmaps, changed, "float16").passed


def test_float16_may_be_a_tenth_off_in_one_cell_and_a_fiftieth_in_most(
    figures: KeypointDataset, heatmaps: np.ndarray
) -> None:
    single, many = heatmaps.copy(), heatmaps.copy()
    single[7, 3, 4, 5] += 0.09
    assert compared(figures, heatmaps, single, "float16").passed
    single[7, 3, 4, 5] += 0.02
    assert not compared(figures, heatmaps, single, "float16").passed
    many[:, ::20, ::10] += 0.03
    [fault] = compared(figures, heatmaps, many, "float16").faults
    assert fault.startswith("0.1 %")


def test_a_shift_by_a_cell_is_four_pixels(figures: KeypointDataset, heatmaps: np.ndarray) -> None:
    parity = compared(figures, heatmaps, np.roll(heatmaps, 1, axis=2), "float16")
    assert parity.distance_median == pytest.approx(4, abs=0.05)
    assert [fault.partition(" ")[0] for fault in parity.faults] == ["heatmaps", "0.1", "keypoints"]


def test_8_bit_may_lose_two_points_of_pck_and_nothing_else_counts(
    figures: KeypointDataset, heatmaps: np.ndarray
) -> None:
    labelled = int((figures.records.keypoints[..., 2] > 0).sum())
    wrong = heatmaps.copy()
    lost = 0
    for image in range(40):
        if (lost + 1) / labelled > 0.02:
            break
        # From one corner to the other: surely wrong.
        wrong[image, ..., 0] = 0
        lost += int(figures.records.keypoints[image, 0, 2] > 0)
    parity = compared(figures, heatmaps, wrong, "int8")
    assert 0.015 < parity.model_pck - parity.file_pck <= 0.02
    assert parity.passed
    wrong[-1] = 0
    assert not compared(figures, heatmaps, wrong, "int8").passed


def test_what_is_no_number_does_not_pass(figures: KeypointDataset, heatmaps: np.ndarray) -> None:
    broken = heatmaps.copy()
    broken[0, 0, 0, 0] = np.nan
    assert not compared(figures, heatmaps, broken, "none").passed


def test_without_fitting_labels_the_file_is_held_against_what_the_model_finds(
    figures: KeypointDataset, heatmaps: np.ndarray
) -> None:
    other = replace(figures, skeleton=load_skeleton("lsp"))
    parity = compared(other, heatmaps, heatmaps, "int8")
    assert not parity.labelled and parity.model_pck == 1
    parity = compared(other, heatmaps, np.roll(heatmaps, 5, axis=1), "int8")
    assert parity.file_pck < 0.2 and not parity.passed
    with pytest.raises(DataError, match="the export cannot be verified"):
        compared(other, heatmaps * 0, heatmaps, "int8")


def test_without_labels_only_the_keypoints_count_of_which_the_model_is_surest(
    figures: KeypointDataset, heatmaps: np.ndarray
) -> None:
    other = replace(figures, skeleton=load_skeleton("lsp"))
    # The later an image, the lower the model's scores; the keypoint 0 has low scores everywhere.
    model = heatmaps * np.linspace(1, 0.3, 40, dtype=np.float32)[:, None, None, None]
    model[..., 0] *= 0.4
    file = model.copy()
    file[25:] = np.roll(file[25:], 8, axis=1)
    assert compared(other, model, file, "int8").file_pck == 1
    file = model.copy()
    file[..., 0] = 0
    assert not compared(other, model, file, "int8").passed


@pytest.mark.parametrize("tolerance", [-0.1, 1.1, float("nan")])
def test_a_tolerance_is_a_share(tolerance: float) -> None:
    with pytest.raises(ArgumentError, match="from 0 to 1"):
        limits_of("int8", tolerance)


def test_no_image_is_calibrated_on_and_checked_with(figures: KeypointDataset) -> None:
    calibration, check = divide(figures, 5, seed=0)
    assert len(calibration) == len(check) == 5
    assert not calibration.records.validation.any() and check.records.validation.all()
    again, _ = divide(figures, 5, seed=0)
    assert list(again.records.paths) == list(calibration.records.paths)
    other, _ = divide(figures, 5, seed=1)
    assert list(other.records.paths) != list(calibration.records.paths)


def test_of_one_split_half_is_for_either(figures: KeypointDataset) -> None:
    calibration, check = divide(figures.validation, 200, seed=0)
    assert len(calibration) == len(check) == 4
    assert not set(calibration.records.paths) & set(check.records.paths)
    with pytest.raises(DataError, match="there is 1 image"):
        divide(figures.select(np.arange(1)), 200, seed=0)


def test_two_objects_of_one_image_are_on_one_side(figures: KeypointDataset) -> None:
    doubled = figures.validation.select(np.repeat(np.arange(8), 2))
    calibration, check = divide(doubled, 200, seed=0)
    assert len(calibration) == len(check) == 8
    assert not set(calibration.records.paths) & set(check.records.paths)


class Exhausted(Answering):
    def predict(self, images: np.ndarray) -> np.ndarray:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM on /device:CPU:0 by allocator cpu")


def test_memory_that_runs_out_is_told_in_a_sentence(
    figures: KeypointDataset, heatmaps: np.ndarray
) -> None:
    samples = read_samples(figures, metadata())
    message = "out of memory on CPU:0 at batch size 16: close what else uses its memory."
    with pytest.raises(OutOfMemoryError) as caught:
        Reference.of(Exhausted(metadata(), heatmaps), samples)
    assert str(caught.value) == message
    reference = Reference.of(Answering(metadata(), heatmaps), samples)
    with pytest.raises(OutOfMemoryError, match="close what else uses its memory"):
        reference.compare(Exhausted(metadata(), heatmaps), limits_of("none"))  # type: ignore[arg-type]
