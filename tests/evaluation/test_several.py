"""Several models and results files on one target: what is checked first, and what comes back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simplebase import Crop, HeatmapCodec, KeypointDataset, ModelMetadata, load_skeleton
from simplebase.data.pipeline import BatchSource
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingFileError,
    OutputExistsError,
    SimplebaseWarning,
)
from simplebase.evaluation import MetricSettings, Target, compare, dataset_target, several

SIZE = (128, 128)


@pytest.fixture
def target(figures: KeypointDataset) -> Target:
    return dataset_target(figures)


def records(target: Target) -> KeypointDataset:
    assert target.dataset is not None
    return target.dataset


def results_off_by(target: Target, distance: float, path: Path) -> Path:
    """The labels as a results file, each keypoint moved right by so many pixels."""
    labels = records(target).records
    moved = labels.keypoints + (distance, 0, 0)
    moved[..., 2] = 1
    ids = labels.image_ids.tolist()
    entries = [
        {"image_id": image, "category_id": 1, "score": 1.0, "keypoints": points.ravel().tolist()}
        for image, points in zip(ids, moved, strict=True)
    ]
    path.write_text(json.dumps(entries))
    return path


class Counting:
    """A model that counts how often it is asked, and answers with the labels."""

    def __init__(self, answers: Any) -> None:
        self.metadata = answers.metadata
        self.answers, self.calls = answers, 0

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.calls += 1
        return self.answers.predict(images)


@pytest.fixture
def models(knowing_runtime: Any, target: Target, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """`good.onnx`, which knows the labels, and `other.onnx` of another number of keypoints."""
    dataset = records(target)
    metadata = ModelMetadata("fake", SIZE, Crop(), HeatmapCodec(SIZE), dataset.skeleton)
    matrices = BatchSource(dataset, Crop(), SIZE, 1).plan_matrices(np.arange(len(dataset)))
    good = knowing_runtime(metadata, dataset.records.keypoints[..., :2].copy(), matrices)
    coco = replace(metadata, skeleton=load_skeleton("coco"))
    found = {
        "good.onnx": Counting(good),
        "other.onnx": Counting(knowing_runtime(coco, np.zeros((1, 17, 2)), matrices)),
    }
    monkeypatch.setattr(several, "load_runtime", lambda path, threads: found[str(path)])
    return found


def test_models_come_before_results_files_and_each_is_written(
    models: dict[str, Any], target: Target, tmp_path: Path
) -> None:
    labels = []

    @contextmanager
    def progress(label: str) -> Iterator[Any]:
        labels.append(label)
        yield lambda done, total: None

    files = [results_off_by(target, distance, tmp_path / f"{distance}.json") for distance in (3, 5)]
    out = tmp_path / "out"
    found = compare(
        ["good.onnx"],
        target,
        results=files,
        metrics=MetricSettings(("epe",)),
        output=out,
        progress=progress,
    )
    assert list(found.evaluations) == ["good.onnx", "3.json", "5.json"]
    figures = {name: each.scores[0].figures[0].value for name, each in found.evaluations.items()}
    assert (figures["3.json"], figures["5.json"]) == (pytest.approx(3), pytest.approx(5))
    assert found.folders == (out / "good.onnx", out / "3.json", out / "5.json")
    for folder, evaluation in zip(found.folders, found.evaluations.values(), strict=True):
        scores = json.loads((folder / "scores.json").read_text())
        assert scores == json.loads(json.dumps(evaluation.to_config()))
    assert labels[:2] == ["evaluating good.onnx", f"writing {out / 'good.onnx'}"]


def test_the_first_is_what_the_others_are_compared_with(target: Target, tmp_path: Path) -> None:
    files = [results_off_by(target, distance, tmp_path / f"{distance}.json") for distance in (3, 5)]
    found = compare([], target, results=files, metrics=MetricSettings(("epe",)))
    config = found.to_config()
    assert "difference" not in config["3.json"]
    apart = config["5.json"]["difference"]
    assert apart["to"] == "3.json"
    assert apart["metrics"]["epe"]["EPE"]["value"] == pytest.approx(2)
    assert found.folders == ()


def test_a_single_one_has_the_output_to_itself(target: Target, tmp_path: Path) -> None:
    file = results_off_by(target, 1, tmp_path / "a.json")
    found = compare([], target, results=[file], output=tmp_path / "out")
    assert found.folders == (tmp_path / "out",)
    with pytest.raises(OutputExistsError):
        compare([], target, results=[file], output=tmp_path / "out")


@pytest.mark.parametrize("wrong", ["model", "results", "output"])
def test_nothing_is_evaluated_if_one_of_them_does_not_fit(
    wrong: str, models: dict[str, Any], target: Target, tmp_path: Path
) -> None:
    out, bad = tmp_path / "out", tmp_path / "bad.json"
    good = results_off_by(target, 1, tmp_path / "good.json")
    bad.write_text('[{"image_id": 1}]')
    if wrong == "output":
        (out / "good.json").mkdir(parents=True)
        (out / "good.json" / "notes.txt").write_text("mine")
    sources = ["good.onnx", "other.onnx"] if wrong == "model" else ["good.onnx"]
    results = [good, bad] if wrong == "results" else [good]
    with pytest.raises((DataError, OutputExistsError)):
        compare(sources, target, results=results, output=out)
    assert models["good.onnx"].calls == 0
    assert not (out / "good.onnx").exists()


def test_what_cannot_be_compared_is_refused(target: Target, tmp_path: Path) -> None:
    file = results_off_by(target, 1, tmp_path / "a.json")
    with pytest.raises(ArgumentError, match="give a model or a results file"):
        compare([], target)
    with pytest.raises(ArgumentError, match="given twice"):
        compare([], target, results=[file, file])
    with pytest.raises(MissingFileError):
        compare([], target, results=[tmp_path / "absent.json"])


def test_a_skeleton_without_sigmas_is_reported_once_for_all(target: Target, tmp_path: Path) -> None:
    files = [results_off_by(target, distance, tmp_path / f"{distance}.json") for distance in (1, 2)]
    assert target.skeleton.sigmas is None
    with pytest.warns(SimplebaseWarning, match="no OKS sigmas") as warned:
        compare([], target, results=files, metrics=MetricSettings(("coco-ap",)))
    assert len(warned) == 1
