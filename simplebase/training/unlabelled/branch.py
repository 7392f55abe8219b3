"""The unlabelled branch of a training step; the interface of both loops to this package."""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.data.pipeline import Batch, BatchSource, CacheMode
from simplebase.errors import ArgumentError
from simplebase.estimator import SimpleBaseline
from simplebase.metadata import ModelMetadata
from simplebase.presets import Recipe
from simplebase.training.distribution import Distribution
from simplebase.training.runs.state import RunProgress
from simplebase.training.training_graph import TrainingGraph
from simplebase.training.unlabelled.mean_teacher import MeanTeacher
from simplebase.training.unlabelled.pool import UnlabelledPool

IMAGES, KEYPOINTS = "unlabelled_images", "unlabelled_keypoints"
"""Keys of a batch for its unlabelled samples."""

_STREAM = 26
"""Makes this package's random numbers differ from those of the labelled samples."""


class PseudoLabels(NamedTuple):
    """The teacher's labels for a step's unlabelled samples, on one device.

    Args:
        batch: `{"images": (U, Hc, Wc, 3), "keypoints": (U, K, 3)}` in canvas pixels.
        count: number of pseudo keypoints, which are those that reach the threshold.
        score_sum: sum of the teacher's scores; 0 for a teacher from a file.
    """

    batch: Batch
    count: Any
    score_sum: Any


class UnlabelledBranch:
    """Adds unlabelled samples to each batch, and computes the student's loss on them.

    Their labels are the pseudo keypoints of a teacher: of the pool, or else of the `average`.

    Args:
        pool: the unlabelled objects.
        metadata: the student's metadata.
        recipe: the recipe, which has `unlabelled`.
        steps: steps per epoch.
        distribution: the devices.
        average: the average of the student's weights; the teacher if the pool has no pseudo
            keypoints.
        layers: augmentation in addition to the recipe's.
        seed: seed of the run.
        cache: whether decoded images are kept, see `BatchSource`.
        workers: number of threads that read, see `BatchSource`.

    `samples_per_step` is the number of unlabelled samples per step on all devices together,
    and `keypoints_per_step` the number of their keypoints.

    Raises:
        ArgumentError: there are fewer images than samples in a step, the devices cannot share
            these equally, or the student's views would be no harder than the teacher's.
    """

    def __init__(
        self,
        pool: UnlabelledPool,
        metadata: ModelMetadata,
        recipe: Recipe,
        steps: int,
        distribution: Distribution,
        average: SimpleBaseline | None = None,
        layers: Sequence[keras.layers.Layer] = (),
        *,
        seed: int = 0,
        cache: CacheMode = "none",
        workers: int | None = None,
    ) -> None:
        settings = recipe.unlabelled
        assert settings is not None, "the recipe has no settings for unlabelled images"
        require_usable(recipe, len(pool), distribution.replicas)
        self.samples_per_step = settings.samples(recipe.batch_size)
        self._part = distribution.local_part(self.samples_per_step)
        self._settings = settings
        self._teacher = None
        if not pool.has_pseudo_keypoints:
            assert average is not None, "the average of the weights is the teacher"
            self._teacher = MeanTeacher(average, settings)
        self._ramp_steps = settings.ramp * recipe.total_epoch * steps
        self._seed = int(np.random.SeedSequence([seed, _STREAM]).generate_state(1)[0])
        self._augmentation = Augmentation(
            settings.augmentation or recipe.augmentation,
            metadata.input_size,
            metadata.skeleton,
            self._seed,
            recipe.fading(steps, unlabelled=True),
            layers=layers,
        )
        dataset = pool.to_dataset(
            metadata.skeleton, metadata.crop, metadata.input_size, settings.threshold
        ).with_default_depth(metadata.depth_range)
        self._source = BatchSource(
            dataset,
            metadata.crop,
            metadata.input_size,
            self._part.stop - self._part.start,
            self._augmentation.canvas_size,
            cache=cache,
            workers=workers,
        )
        self.pool = pool
        self.keypoints_per_step = self.samples_per_step * metadata.skeleton.num_keypoints

    def metrics(self, progress: RunProgress, steps: int) -> dict[str, float | None]:
        """Returns the fields for unlabelled images of `EpochMetrics`, after `steps` steps."""
        keypoints = steps * self.keypoints_per_step
        score = None if self._teacher is None else progress.pseudo_scores / keypoints
        share = progress.pseudo_keypoints / keypoints
        return {"pseudo_keypoints": share, "pseudo_score": score}

    def rows(self, step: int, count: int) -> np.ndarray:
        """Returns `(count * U,)` indices of the images for `count` steps from step `step` on.

        All images are used in random order before any is repeated, independently of epochs.
        """
        first, last = step * self.samples_per_step, (step + count) * self.samples_per_step
        size = len(self._source.dataset)
        # At least one pass, even if an epoch has no step left because its validation was stopped.
        passes = range(first // size, max(first, last - 1) // size + 1)
        images = self._source.dataset.images
        order = [images.shuffled(self._seed, number) for number in passes]
        start = first - passes.start * size
        return np.concatenate(order)[start : start + last - first]

    def add_to(
        self, batches: Generator[Batch, None, None], step: int, count: int
    ) -> Generator[Batch, None, None]:
        """Adds this process's unlabelled samples to `count` batches from step `step` on."""
        rows = self._local_rows(step, count)
        with closing(batches), closing(self._source.batches(rows)) as unlabelled:
            for batch, samples in zip(batches, unlabelled, strict=True):
                yield {**batch, **_with_keys(samples)}

    def batch(self, step: int) -> Batch:
        """Returns what `add_to` adds to the batch of step `step`, read in this thread."""
        return _with_keys(self._source.batch(self._local_rows(step, 1)))

    def _local_rows(self, step: int, count: int) -> np.ndarray:
        """Returns the part of `rows` that this process reads."""
        rows = self.rows(step, count).reshape(count, self.samples_per_step)
        return rows[:, self._part].reshape(-1)

    def label(self, batch: Batch) -> PseudoLabels:
        """Returns the labels of the unlabelled samples of a batch. Call it outside of any tape.

        Args:
            batch: has what `add_to` adds.
        """
        images, keypoints = batch[IMAGES], batch[KEYPOINTS]
        score_sum = tf.constant(0.0)
        if self._teacher is not None:
            keypoints, score_sum = self._teacher.pseudo_keypoints(images)
        count = tf.reduce_sum(tf.cast(keypoints[..., 2] > 0, tf.float32))
        return PseudoLabels({"images": images, "keypoints": keypoints}, count, score_sum)

    def loss(
        self, model: TrainingGraph, labels: PseudoLabels, step: Any, replica: Any, replicas: int
    ) -> Any:
        """Returns this device's part of the student's weighted loss on strongly augmented views.

        It is divided by the number of all keypoints of the step's unlabelled samples, including
        those without a pseudo keypoint, as in FixMatch (https://arxiv.org/abs/2001.07685). So the
        unlabelled loss is small while the teacher is sure of few keypoints.
        """
        views = self._augmentation(labels.batch, step=step, replica=replica, replicas=replicas)
        total, _ = model.errors_of_views(views)
        return self.loss_weight(step) * total / self.keypoints_per_step

    def loss_weight(self, step: Any) -> Any:
        """Returns the weight of the loss at step `step` of the run, a float32 scalar."""
        if self._ramp_steps == 0:
            return tf.constant(self._settings.weight)
        done = (tf.cast(step, tf.float32) + 1) / self._ramp_steps
        return self._settings.weight * tf.minimum(done, 1.0)


def _with_keys(samples: Batch) -> Batch:
    """Returns unlabelled samples under their keys of a batch."""
    return {IMAGES: samples["images"], KEYPOINTS: samples["keypoints"]}


def require_usable(recipe: Recipe, images: int, replicas: int) -> None:
    """Checks that a recipe can use unlabelled images.

    Args:
        recipe: the recipe, which has `unlabelled`.
        images: number of unlabelled objects.
        replicas: number of devices that share a step.

    Raises:
        ArgumentError: see `UnlabelledBranch`.
    """
    settings = recipe.unlabelled
    assert settings is not None, "the recipe has no settings for unlabelled images"
    if not (settings.augmentation or recipe.augmentation):
        raise ArgumentError(
            "the recipe has no augmentation, so student and teacher would get the same views, "
            "and the student would learn nothing. Give one: --unlabelled-settings "
            "'{augmentation: [{name: rotation}, {name: random_cutout}]}'."
        )
    samples = settings.samples(recipe.batch_size)
    if images < samples:
        raise ArgumentError(
            f"a step needs {samples} unlabelled samples, but there are only {images}. Give more "
            "images, a smaller --batch-size, or a smaller share (--unlabelled-settings "
            "'{share: ...}')."
        )
    if samples % replicas:
        raise ArgumentError(
            f"the {samples} unlabelled samples of a step cannot be shared equally by {replicas} "
            f"devices. Choose a share (--unlabelled-settings '{{share: ...}}') that gives a "
            f"multiple of {replicas}: 0.5 gives as many unlabelled as labelled samples."
        )
