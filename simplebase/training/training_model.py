"""Trains a model with Keras's `compile` and `fit`."""

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import CacheMode
from simplebase.errors import ArgumentError
from simplebase.estimator import SimpleBaseline
from simplebase.losses import LOSSES, HeatmapLoss, Loss
from simplebase.presets import Recipe, load_recipe
from simplebase.progress import ProgressBar, no_progress_bar
from simplebase.training.canvas_centre import canvas_centre
from simplebase.training.fit_batches import Unlabelled, add_unlabelled, labelled_batches
from simplebase.training.keypoint_batches import KeypointBatches, SetEpoch
from simplebase.training.pck import PCK, find_peaks
from simplebase.training.precision import FLOAT16
from simplebase.training.training_graph import TrainingGraph
from simplebase.training.unlabelled.branch import UnlabelledBranch
from simplebase.training.unlabelled.fit_metrics import (
    SCORE,
    SHARE,
    MonitorPseudoKeypoints,
    PseudoKeypointMetrics,
)
from simplebase.training.unlabelled.preparing import recipe_for_fit
from simplebase.training.weight_average import WeightAverage


class TrainingModel(TrainingGraph):
    """Trains an estimator: `augmentation -> codec.encode -> SimpleBaseline -> loss`.

    `simplebase.train` has a loop of its own. To use Keras's loop, call `compile` and `fit`; both
    loops compute the same. Calling the model returns the estimator's heatmaps, without
    augmentation. `save` writes only the estimator, because KerasCV's layers cannot distinguish
    training from inference.

    Args:
        estimator: the network.
        augmentation: the augmentation, which may have no layers. The default is the recipe's.
        loss: function of (target heatmaps, predicted heatmaps, weights). The default is the
            recipe's.
        loss_scale: factor for the loss. Without it, the gradients of a mean square over mostly
            empty heatmaps are so small that Adam's epsilon matters. The default is the recipe's.
        recipe: a recipe's name, the path of a YAML file, or a loaded recipe. Only its augmentation,
            loss, batch size, `finish_on` and `unlabelled` are used; `compile` sets the optimizer.
        seed: seed of the augmentation and of the order of records.
        teacher: a model to learn from, see `TrainingOptions` and `semi_supervised_batches`.

    `steps_trained` counts the steps of all calls of `fit`. It is one of the model's weights, so
    that training from saved weights continues with the random numbers of the next step.

    If the recipe's `unlabelled` has the method `mean-teacher` and there is no `teacher`, the moving
    average of the estimator's weights is the teacher. Its weights are also among the model's. It is
    what `evaluate`, `predict` and `save` use (`result`), as in `simplebase.train`.

    Raises:
        ArgumentError: the recipe has `unlabelled` with the method `self-training`, and there is no
            `teacher`: `fit` trains one model only.
    """

    def __init__(
        self,
        estimator: SimpleBaseline,
        augmentation: Augmentation | None = None,
        loss: Loss | None = None,
        loss_scale: float | None = None,
        *,
        recipe: str | os.PathLike[str] | Recipe = "default",
        seed: int = 0,
        teacher: str | os.PathLike[str] | None = None,
    ) -> None:
        recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        if teacher is not None or recipe.unlabelled is not None:
            recipe = recipe_for_fit(recipe, has_teacher=teacher is not None)
        super().__init__(estimator, augmentation, loss, loss_scale, recipe=recipe, seed=seed)
        self.seed = seed
        self.teacher = teacher
        self._given_loss, self._given_scale = loss, self.loss_scale
        self.steps_trained = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="steps_trained"
        )
        self._unlabelled: UnlabelledBranch | None = None
        self._weight_average: WeightAverage | None = None
        self.average: SimpleBaseline | None = None
        if recipe.unlabelled is not None:
            self._pseudo_keypoints = PseudoKeypointMetrics(has_scores=teacher is None)
            self._pseudo_metrics = self._pseudo_keypoints.metrics
            if teacher is None:
                assert recipe.ema is not None, "recipe_for_fit sets it"
                self._weight_average = WeightAverage(estimator, recipe.ema)
                self.average = self._weight_average.model
                for weight in self.average.weights:
                    weight.trainable = False

    @property
    def result(self) -> SimpleBaseline:
        """The model that is evaluated and saved: the estimator, or the average of its weights."""
        return self.estimator if self.average is None else self.average

    def call(self, images: Any, training: bool = False) -> Any:
        """Returns heatmaps `(B, h, w, K)` of the centres of images `(B, Hc, Wc, 3)`."""
        images, _ = self._centre(images)
        return (self.estimator if training else self.result)(images, training=training)

    def batches(
        self,
        dataset: KeypointDataset,
        batch_size: int | None = None,
        *,
        training: bool = True,
        cache: CacheMode = "none",
        workers: int | None = None,
    ) -> KeypointBatches:
        """Returns batches of a dataset for `fit`, `evaluate` and `predict`, cropped for the model.

        Args:
            dataset: one split, such as `dataset.train`.
            batch_size: samples per batch. The default is the recipe's.
            training: if True, full batches in an order that changes with each epoch, of images that
                are large enough for the strongest augmentation. If False, all records in their
                order, cropped as in `simplebase eval`.
            cache: whether decoded images are kept, see `BatchSource`.
            workers: number of threads that read. The default is one per core.

        Raises:
            ArgumentError: a training batch is larger than the dataset.
            DataError: the dataset has another number of keypoints.
        """
        batches = labelled_batches(
            self,
            dataset,
            batch_size,
            training=training,
            seed=self.seed,
            cache=cache,
            workers=workers,
        )
        if training:
            self._remember_depth(batches.source.dataset)
        return batches

    def semi_supervised_batches(
        self,
        dataset: KeypointDataset,
        unlabelled: Unlabelled | None = None,
        batch_size: int | None = None,
        *,
        cache: CacheMode = "none",
        workers: int | None = None,
        progress: ProgressBar = no_progress_bar,
    ) -> KeypointBatches:
        """Returns training batches for `fit` with unlabelled samples, see docs/unlabelled.md.

        The recipe's `unlabelled` says how many these are and how they are used. Its ramp is part of
        the recipe's `total_epoch`, whatever number of epochs `fit` gets.

        Args:
            dataset: the labelled dataset. The model learns from its train split, and images of
                both splits are left out of the unlabelled ones.
            unlabelled: images, folders, patterns or videos; an `UnlabelledImages`, which also says
                where the objects are; or a dataset, whose labels are ignored. With a `teacher`, it
                may be left out: the teacher labels the train split too.
            batch_size: labelled samples per batch. The default is the recipe's.
            cache: see `batches`; also for the unlabelled images.
            workers: see `batches`; as many read unlabelled images.
            progress: opens a progress bar for slow work, such as the teacher's.

        Raises:
            ArgumentError: the recipe has no `unlabelled`, there are too few images, or the teacher
                has no keypoint in common.
            MissingFileError, DataError: images or the teacher are missing or invalid.
        """
        if self.recipe.unlabelled is None:
            raise ArgumentError(
                f"recipe {self.recipe.name!r} does not learn from unlabelled images. Give "
                "TrainingModel a teacher or a recipe with `unlabelled`, such as "
                "simplebase.load_recipe(...).updated({'unlabelled': {'method': 'mean-teacher'}})."
            )
        batches = self.batches(dataset.train, batch_size, cache=cache, workers=workers)
        return add_unlabelled(
            batches,
            self,
            dataset,
            unlabelled,
            teacher=self.teacher,
            average=self.average,
            seed=self.seed,
            cache=cache,
            workers=workers,
            progress=progress,
        )

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        loss: Any = None,
        loss_weights: float | None = None,
        metrics: Any = None,
        *,
        jit_compile: bool = False,
        auto_scale_loss: bool = True,
        **arguments: Any,
    ) -> None:
        """Prepares `fit` and `evaluate`, like `keras.Model.compile`.

        Args:
            optimizer: see Keras.
            loss: a name of `simplebase.losses.LOSSES`, a `HeatmapLoss`, or a Keras loss that
                returns errors `(B, K)` of heatmaps `(B, h, w, K)`. It gets sample weights `(B, K)`,
                which are 0 where a keypoint is unlabelled or outside the image. The default is the
                loss of the constructor, if it is in `LOSSES`. With unlabelled images, it must be a
                loss of `LOSSES`.
            loss_weights: factor for the loss. The default is `loss_scale`.
            metrics: metrics such as `PCK`. They compare keypoints `(B, K, 3)` in input pixels: x, y
                and visibility with the predicted x, y and score of the highest heatmap cells.
            jit_compile: off by default, because XLA makes this step several times slower on a CPU
                and lacks a kernel for the warp.
            auto_scale_loss: scale the loss of a model in `mixed_float16`.
            arguments: the other arguments of `keras.Model.compile`.

        Raises:
            ArgumentError: the loss is unknown or cannot be used with unlabelled images, no loss is
                given and that of the constructor is not in `LOSSES`, or the strategy has several
                devices.
        """
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ArgumentError(
                "fit trains on one device. For several, call simplebase.train with distribution."
            )
        if loss is None:
            given = self._given_loss
            loss = self.recipe.loss_type if given is None else _loss_name(given)
        if isinstance(loss, str):
            loss = HeatmapLoss(loss)
        scale = float(self._given_scale if loss_weights is None else loss_weights)
        if self.recipe.unlabelled is not None:
            self._use_for_unlabelled(loss, scale)
        groups = (metrics, arguments.get("weighted_metrics"))
        for metric in keras.tree.flatten(groups):
            if isinstance(metric, PCK):
                metric.complete(self.estimator.metadata)
        # Keras would check the policy of this model, which is float32.
        if auto_scale_loss and self.estimator.dtype_policy.name == FLOAT16:
            optimizer = keras.optimizers.get(optimizer)
            if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        super().compile(
            optimizer=optimizer,
            loss=loss,
            loss_weights=scale,
            metrics=metrics,
            jit_compile=jit_compile,
            auto_scale_loss=False,
            **arguments,
        )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        callbacks: Iterable[keras.callbacks.Callback] | None = None,
        shuffle: bool = True,
        **arguments: Any,
    ) -> keras.callbacks.History:
        """Trains like `keras.Model.fit`.

        Args:
            x: batches from `batches` or `semi_supervised_batches`; or images `(N, Hc, Wc, 3)` RGB
                0..255, at least as large as the model's input, with the object in the middle; or
                anything that Keras accepts and that yields images and keypoints.
            y: keypoints `(N, K, 3)` (x and y in pixels of `x`, and visibility) if `x` is images.
            callbacks: see Keras.
            shuffle: whether to shuffle arrays. The order of `batches` depends on the seed instead.
            arguments: the other arguments of `keras.Model.fit`.
        """
        unlabelled = x.unlabelled if isinstance(x, KeypointBatches) else None
        if self.recipe.unlabelled is not None and unlabelled is None:
            raise ArgumentError(
                f"recipe {self.recipe.name!r} learns from unlabelled images. Give fit the batches "
                "of semi_supervised_batches(dataset, unlabelled), or give the model another recipe."
            )
        if self.recipe.unlabelled is None and unlabelled is not None:
            raise ArgumentError(
                f"recipe {self.recipe.name!r} does not learn from unlabelled images, which these "
                "batches have. Give fit the batches of `batches`."
            )
        if not self.trainable_variables:
            raise ArgumentError(
                "the model has no weights to train. If it is `result` of another TrainingModel, it "
                "is an average, which is not trained: save it, and load the file."
            )
        if isinstance(x, KeypointBatches):
            shuffle = False
            callbacks = [*(callbacks or ()), SetEpoch(x)]
        if unlabelled is not self._unlabelled:
            # The traced step contains the unlabelled branch.
            self._unlabelled, self.train_function = unlabelled, None
        if unlabelled is not None and self.average is not None:
            callbacks = [*(callbacks or ()), MonitorPseudoKeypoints(self.recipe, len(x))]
        if self.average is not None and int(self.steps_trained.numpy()) == 0:
            # The estimator's weights may have been set since the average was made.
            self.average.set_weights(self.estimator.get_weights())
        return super().fit(x, y, callbacks=callbacks, shuffle=shuffle, **arguments)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Runs a step of `fit`: augments the batch and updates the weights."""
        given, keypoints, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        unlabelled, step = self._unlabelled, self.steps_trained.value
        images = given if unlabelled is None else given["images"]
        labels = None if unlabelled is None else unlabelled.label(given)
        batch = {"images": images, "keypoints": tf.cast(keypoints, tf.float32)}
        batch = self.augmentation(batch, step=step)
        images, offset = self._centre(batch["images"])
        keypoints = batch["keypoints"] - offset
        with tf.GradientTape() as tape:
            predicted = self.estimator(images, training=True)
            loss = self.compute_loss(images, keypoints, predicted, sample_weight)
            if unlabelled is not None and labels is not None:
                loss += unlabelled.loss(self, labels, step, replica=0, replicas=1)
            scaled = self.optimizer.scale_loss(loss)
        weights = self.trainable_variables
        gradients = tape.gradient(scaled, [weight.value for weight in weights])
        self.optimizer.apply(gradients, weights)
        if self._weight_average is not None:
            self._weight_average.update(step)
        if unlabelled is not None and labels is not None:
            self._pseudo_keypoints.update(labels, unlabelled.keypoints_per_step)
        self.steps_trained.assign_add(1)
        return self._results(images, keypoints, predicted, sample_weight, loss)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Runs a step of `evaluate` on the centres of the images, without augmentation."""
        images, keypoints, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        images, offset = self._centre(images)
        keypoints = tf.cast(keypoints, tf.float32) - offset
        predicted = self.result(images, training=False)
        loss = self.compute_loss(images, keypoints, predicted, sample_weight, training=False)
        results = self._results(images, keypoints, predicted, sample_weight, loss)
        return {name: value for name, value in results.items() if name not in (SHARE, SCORE)}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns the loss of heatmaps `y_pred` for keypoints `y` `(B, K, 3)` in input pixels.

        `sample_weight` `(B,)` or `(B, K)` multiplies the weights of the keypoints.
        """
        target, weights = self._encode(keras.ops.cast(y, "float32"))
        if sample_weight is not None:
            given = keras.ops.cast(sample_weight, "float32")
            weights = weights * keras.ops.reshape(given, (keras.ops.shape(weights)[0], -1))
        return super().compute_loss(x, target, y_pred, weights, training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Computes the metrics of labelled keypoints and the peaks of heatmaps `y_pred`."""
        peaks = find_peaks(y_pred, self.estimator.metadata.codec)
        return super().compute_metrics(x, y, peaks, sample_weight)

    def save(self, filepath: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Writes `result` like `keras.Model.save`; `save_weights` writes the whole model.

        So `simplebase.load` and all commands can open a file of `ModelCheckpoint`.
        """
        self.result.save(filepath, *args, **kwargs)

    def _use_for_unlabelled(self, loss: Any, scale: float) -> None:
        """Makes `errors_of_views` compute the compiled loss; checks that it can be used."""
        if not isinstance(loss, HeatmapLoss):
            raise ArgumentError(
                "with unlabelled images, loss must be a name of simplebase.losses.LOSSES or a "
                f"HeatmapLoss. Received: {loss!r}."
            )
        self.recipe.updated({"loss_type": loss.loss})
        self.heatmap_loss, self.loss_scale = LOSSES[loss.loss], scale

    def _results(
        self, images: Any, keypoints: Any, predicted: Any, sample_weight: Any, loss: Any
    ) -> dict[str, Any]:
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(images)[0])
        return self.compute_metrics(images, keypoints, predicted, sample_weight)

    def _centre(self, images: Any) -> tuple[Any, Any]:
        """Returns the centres of canvases in the model's size, and their keypoints' offset."""
        if isinstance(images, dict):
            raise ArgumentError(
                "batches with unlabelled samples are only for fit. Take those of "
                "batches(dataset.validation, training=False)."
            )
        return canvas_centre(images, self.estimator.metadata.input_size)

    def _remember_depth(self, dataset: KeypointDataset) -> None:
        """Stores in the metadata how images of more than 8 bits were read."""
        chosen = dataset.images.depth_range
        if chosen is not None:
            for model in (self.estimator, self.result):
                model.metadata = replace(model.metadata, depth_range=chosen)


def _loss_name(function: Loss) -> str:
    """Returns the name of a loss in `LOSSES`."""
    for name, known in LOSSES.items():
        if known is function:
            return name
    raise ArgumentError(
        "TrainingModel got a loss that is not in simplebase.losses.LOSSES, which only your own "
        "loop can use. Give compile a loss: a name of LOSSES, a HeatmapLoss, or a Keras loss."
    )
