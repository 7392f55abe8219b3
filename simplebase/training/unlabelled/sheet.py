"""Draws the pseudo keypoints of a run."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from simplebase.data.viewing import cut_samples, draw_sheet
from simplebase.errors import ArgumentError
from simplebase.files import require_file
from simplebase.metadata import ModelMetadata
from simplebase.runtimes import load_runtime
from simplebase.training.runs.config import RunConfig
from simplebase.training.runs.folder import CHECKPOINTS, Run
from simplebase.training.unlabelled.file_teacher import label_pool
from simplebase.training.unlabelled.pool import UnlabelledPool


def draw_pseudo_keypoints(
    run: str | os.PathLike[str], *, count: int = 24, seed: int = 0
) -> np.ndarray:
    """Draws the pseudo keypoints of some unlabelled images; returns `(height, width, 3)` uint8.

    With a teacher that was trained before, these are the keypoints that the run learns from. If the
    average of the weights is the teacher, a checkpoint of the run predicts them, because it stores
    that average. While self-training still trains the teacher, the teacher's last checkpoint does.

    Args:
        run: the folder of a run with unlabelled images. With a mean teacher, it may also be one of
            the run's checkpoints; the folder stands for the last one.
        count: number of images; all if there are fewer.
        seed: the same seed shows the same images.

    Raises:
        ArgumentError: the run has no unlabelled images, `run` is a checkpoint although the teacher
            was trained before, or `count` is below 1.
        MissingFileError, DataError: `run` is not a run, or a file of it is missing or damaged.
    """
    if count < 1:
        raise ArgumentError(f"count must be at least 1. Received: {count}.")
    folder, checkpoint = _run_and_checkpoint(run)
    config = RunConfig.read(folder)
    settings = config.recipe.unlabelled
    if config.pool is None or settings is None:
        raise ArgumentError(
            f"{folder} was trained without unlabelled images, so it has no pseudo keypoints."
        )
    skeleton = config.dataset.own_skeleton()
    metadata = ModelMetadata.from_preset(
        config.recipe.fitted(config.preset), skeleton, config.input_size
    )
    own = Run(folder)
    pool = UnlabelledPool.load(own.unlabelled)
    rows = np.sort(np.random.default_rng(seed).permutation(len(pool))[:count])
    pool = pool.select(rows)
    teacher = "the teacher that it trained" if config.trains_teacher else config.teacher
    if checkpoint is not None and (pool.has_pseudo_keypoints or config.trains_teacher):
        raise ArgumentError(
            f"{folder} learns from the keypoints of a teacher that was trained before, so its "
            f"checkpoints do not matter. Give {folder}."
        )
    if not pool.has_pseudo_keypoints:
        latest = Run(own.teacher).last if config.trains_teacher else own.last
        checkpoint = checkpoint or latest
        teacher = checkpoint.name
        runtime = load_runtime(require_file(checkpoint, "the checkpoint"))
        pool = label_pool(pool, runtime, skeleton, settings.mirror)
    dataset = pool.to_dataset(skeleton, metadata.crop, metadata.input_size, settings.threshold)
    dataset = dataset.with_default_depth(config.dataset.own_depth_range())
    samples = cut_samples(dataset, np.arange(len(rows)), metadata.crop, metadata.input_size)
    passed = (dataset.records.keypoints[..., 2] > 0).sum(axis=1)
    samples = [
        replace(
            sample,
            record=int(row),
            path=Path(sample.path).name,
            note=f"{number} of {skeleton.num_keypoints} learnt",
        )
        for sample, row, number in zip(samples, rows, passed, strict=True)
    ]
    title = (
        f"{folder.name}: pseudo keypoints of {Path(str(teacher)).name}; {passed.sum()} of "
        f"{len(rows) * skeleton.num_keypoints} reach the threshold {settings.threshold:g}"
    )
    return draw_sheet(samples, skeleton, title)


def _run_and_checkpoint(run: str | os.PathLike[str]) -> tuple[Path, Path | None]:
    path = Path(run)
    if path.suffix == ".keras" and path.parent.name == CHECKPOINTS:
        return path.parent.parent, path
    return path, None
