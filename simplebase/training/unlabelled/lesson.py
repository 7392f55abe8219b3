"""What the unlabelled images of a step teach: the one door from the trainer to this package."""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.data.pipeline import Batch, BatchSource
from simplebase.errors import ArgumentError
from simplebase.estimator import SimpleBaseline
from simplebase.metadata import ModelMetadata
from simplebase.training.distribution import Distribution
from simplebase.training.runs.config import RunConfig
from simplebase.training.runs.state import RunProgress
from simplebase.training.training_model import TrainingModel
from simplebase.training.unlabelled.pool import Pool
from simplebase.training.unlabelled.teaching import AverageTeacher

IMAGES, KEYPOINTS = "unlabelled_images", "unlabelled_keypoints"
"""Under which a batch holds what comes beside its labelled samples."""

_STREAM = 26
"""Sets this package's random numbers apart from those that the labelled samples draw."""


class Taught(NamedTuple):
    """What the teacher says of a step's unlabelled samples, on one device.

    Args:
        batch: `{"images": (U, Hc, Wc, 3), "keypoints": (U, K, 3)}` in canvas pixels.
        passed: how many keypoints are taught.
        scores: sum of the teacher's scores; 0 of a teacher from a file.
    """

    batch: Batch
    passed: Any
    scores: Any


class Lesson:
    """Unlabelled samples beside each batch, the teacher's keypoints, and the student's loss.

    Args:
        pool: the images.
        metadata: of the student.
        config: of the run; its recipe has `unlabelled`.
        steps: per epoch.
        distribution: the devices.
        average: follows the student's weights, and labels where the pool has no keypoints.
        layers: augmentation beside the recipe's.

    `samples` is how many unlabelled samples a step has, `asked` how many keypoints they have.

    Raises:
        ArgumentError: there are fewer images than samples in a step, the devices cannot share
            these, or the student's views would be no harder than the teacher's.
    """

    def __init__(
        self,
        pool: Pool,
        metadata: ModelMetadata,
        config: RunConfig,
        steps: int,
        distribution: Distribution,
        average: SimpleBaseline | None = None,
        layers: Sequence[keras.layers.Layer] = (),
    ) -> None:
        recipe = config.recipe
        settings = recipe.unlabelled
        assert settings is not None, "the recipe says how unlabelled images are learnt from"
        self.samples = settings.samples(recipe.batch_size)
        _require_enough(len(pool), self.samples, distribution.replicas)
        views = settings.augmentation
        if views is None:
            views = recipe.augmentation
        if not views:
            raise ArgumentError(
                "the recipe has no augmentation, so the views that the student learns from would "
                "be those that the teacher looks at, and it would learn nothing. Give `unlabelled` "
                "an augmentation, such as [{name: rotation}, {name: random_cutout}]."
            )
        self._settings = settings
        self._teacher = None
        if not pool.is_taught:
            assert average is not None, "the average of the weights is the teacher"
            self._teacher = AverageTeacher(average, settings)
        self._ramp_steps = settings.ramp * recipe.total_epoch * steps
        self._seed = int(np.random.SeedSequence([config.seed, _STREAM]).generate_state(1)[0])
        self._augmentation = Augmentation(
            views,
            metadata.input_size,
            metadata.skeleton,
            self._seed,
            recipe.fading(steps, unlabelled=True),
            layers=layers,
        )
        dataset = pool.dataset(
            metadata.skeleton, metadata.crop, metadata.input_size, settings.threshold
        ).with_default_depth(metadata.depth_range)
        self._source = BatchSource(
            dataset,
            metadata.crop,
            metadata.input_size,
            self.samples,
            self._augmentation.canvas_size,
            cache=config.cache,
        )
        self.records = len(pool)
        self.asked = self.samples * metadata.skeleton.num_keypoints

    def metrics(self, progress: RunProgress, steps: int) -> dict[str, float | None]:
        """Its part of an epoch's `EpochMetrics`, after `steps` steps."""
        asked = steps * self.asked
        score = None if self._teacher is None else progress.pseudo_scores / asked
        return {"pseudo_keypoints": progress.pseudo_keypoints / asked, "pseudo_score": score}

    def rows(self, step: int, count: int) -> np.ndarray:
        """`(count * U,)` which images the steps from `step` of the run on look at.

        The images come in one random order after another, without regard to epochs.
        """
        first, last = step * self.samples, (step + count) * self.samples
        size = len(self._source.dataset)
        passes = range(first // size, -(-last // size))
        images = self._source.dataset.images
        order = [images.shuffled(self._seed, number) for number in passes]
        start = first - passes.start * size
        return np.concatenate(order)[start : start + last - first]

    def beside(
        self, batches: Generator[Batch, None, None], step: int, count: int
    ) -> Generator[Batch, None, None]:
        """Adds its samples to `count` batches, of which the first is of step `step` of the run."""
        with closing(batches), closing(self._source.batches(self.rows(step, count))) as own:
            for batch, beside in zip(batches, own, strict=True):
                yield {**batch, IMAGES: beside["images"], KEYPOINTS: beside["keypoints"]}

    def taught(self, batch: Batch) -> Taught:
        """What the teacher says of the samples of a batch from `beside`; outside of any tape."""
        images, keypoints = batch[IMAGES], batch[KEYPOINTS]
        scores = tf.constant(0.0)
        if self._teacher is not None:
            keypoints, scores = self._teacher.label(images)
        passed = tf.reduce_sum(tf.cast(keypoints[..., 2] > 0, tf.float32))
        return Taught({"images": images, "keypoints": keypoints}, passed, scores)

    def loss(
        self, model: TrainingModel, taught: Taught, step: Any, replica: Any, replicas: int
    ) -> Any:
        """This device's part of the weighted loss of the student's views.

        It is divided by all keypoints of the step's unlabelled samples, those included that teach
        nothing, as in FixMatch (https://arxiv.org/abs/2001.07685): the fewer the teacher is sure
        of, the less they count.
        """
        views = self._augmentation(taught.batch, step=step, replica=replica, replicas=replicas)
        total, _ = model.errors_of_views(views)
        return self.weight(step) * total / self.asked

    def weight(self, step: Any) -> Any:
        """Of the loss at step `step` of the run, a float32 scalar."""
        if self._ramp_steps == 0:
            return tf.constant(self._settings.weight)
        done = (tf.cast(step, tf.float32) + 1) / self._ramp_steps
        return self._settings.weight * tf.minimum(done, 1.0)


def _require_enough(images: int, samples: int, replicas: int) -> None:
    if images < samples:
        raise ArgumentError(
            f"a step takes {samples} unlabelled samples, but there are {images} in all. Give more "
            "images, or a smaller --batch-size or share of `unlabelled`."
        )
    if samples % replicas:
        raise ArgumentError(
            f"{replicas} devices share the {samples} unlabelled samples of a step, but not "
            f"equally. Choose a share of `unlabelled` that gives a multiple of {replicas}: 0.5 "
            "gives as many as labelled ones."
        )
