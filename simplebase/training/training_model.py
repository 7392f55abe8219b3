"""The graph that is trained: augmentation, targets, network and loss."""

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import BatchSource, CacheMode
from simplebase.errors import ArgumentError, DataError
from simplebase.estimator import SimpleBaseline
from simplebase.losses import LOSSES, HeatmapLoss, Loss
from simplebase.presets import Recipe, load_recipe
from simplebase.training.keypoint_batches import KeypointBatches, SetEpoch
from simplebase.training.order import EpochOrder
from simplebase.training.pck import PCK, find_peaks
from simplebase.training.precision import FLOAT16


class TrainingModel(keras.Model):
    """Trains an estimator: `augmentation -> codec.encode -> SimpleBaseline -> loss`.

    `simplebase.train` calls `errors` in its own loop. To use Keras's loop, call `compile` and
    `fit`; both loops compute the same. Calling the model returns the estimator's heatmaps, without
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
            loss, batch size and `finish_on` are used; `compile` sets the optimizer.
        seed: seed of the augmentation and of the order of records.

    `steps_trained` counts the steps of all calls of `fit`. It is one of the model's weights, so
    that training from saved weights continues with the random numbers of the next step.
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
    ) -> None:
        # float16 is too coarse for keypoints, so only the estimator follows the precision policy.
        super().__init__(dtype="float32")
        metadata = estimator.metadata
        self.recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self.seed = seed
        self.estimator = estimator
        self.augmentation = augmentation or Augmentation(
            self.recipe.augmentation, metadata.input_size, metadata.skeleton, seed
        )
        self.heatmap_loss = loss or LOSSES[self.recipe.loss_type]
        self.loss_scale = self.recipe.loss_scale if loss_scale is None else loss_scale
        self.steps_trained = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="steps_trained"
        )
        self.built = True

    def call(self, images: Any, training: bool = False) -> Any:
        """Returns heatmaps `(B, h, w, K)` of the centres of images `(B, Hc, Wc, 3)`."""
        images, _ = self._middle(images)
        return self.estimator(images, training=training)

    def errors(
        self,
        batch: dict[str, Any],
        step: Any,
        replica: Any = 0,
        replicas: int = 1,
        training: bool = True,
    ) -> tuple[Any, Any]:
        """Returns the scaled sum of errors and the count of keypoints, see `simplebase.losses`.

        Args:
            batch: `{"images": (B, Hc, Wc, 3), "keypoints": (B, K, 3)}`.
            step: the training step, an integer scalar.
            replica: index of this part of the step's batch, which has `replicas` equal parts.
            replicas: number of devices that share the step.
            training: whether BatchNorms use the batch's statistics.
        """
        batch = self.augmentation(batch, step=step, replica=replica, replicas=replicas)
        return self.errors_of_views(batch, training)

    def errors_of_views(self, batch: dict[str, Any], training: bool = True) -> tuple[Any, Any]:
        """Like `errors`, for samples `(B, H, W, 3)` that are already augmented."""
        target, weights = self._encode(batch["keypoints"])
        predicted = self.estimator(batch["images"], training=training)
        total, count = self.heatmap_loss(target, predicted, weights)
        return self.loss_scale * total, count

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
        metadata = self.estimator.metadata
        theirs, ours = dataset.skeleton.num_keypoints, metadata.skeleton.num_keypoints
        if theirs != ours:
            raise DataError(
                f"{dataset.name} has {theirs} keypoints, but the model has {ours}. Build the model "
                "with skeleton=dataset.skeleton."
            )
        size = batch_size or self.recipe.batch_size
        if training and size > len(dataset):
            raise ArgumentError(
                f"batch_size is at most {len(dataset)}, the number of records. Received: {size}."
            )
        source = BatchSource(
            dataset.with_default_depth(metadata.depth_range),
            metadata.crop,
            metadata.input_size,
            size,
            self.augmentation.canvas_size if training else None,
            cache=cache,
            workers=workers,
        )
        if not training:
            return KeypointBatches(source)
        self._remember_depth(source.dataset)
        recipe = self.recipe.updated({"batch_size": size})
        return KeypointBatches(source, EpochOrder(dataset, recipe, self.seed))

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
                recipe's loss.
            loss_weights: factor for the loss. The default is `loss_scale`.
            metrics: metrics such as `PCK`. They compare keypoints `(B, K, 3)` in input pixels: x, y
                and visibility with the predicted x, y and score of the highest heatmap cells.
            jit_compile: off by default, because XLA makes this step several times slower on a CPU
                and lacks a kernel for the warp.
            auto_scale_loss: scale the loss of a model in `mixed_float16`.
            arguments: the other arguments of `keras.Model.compile`.

        Raises:
            ArgumentError: the loss is unknown, or the strategy has several devices.
        """
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ArgumentError(
                "fit trains on one device. For several, call simplebase.train with distribution."
            )
        if loss is None:
            loss = self.recipe.loss_type
        if isinstance(loss, str):
            loss = HeatmapLoss(loss)
        groups = (metrics, arguments.get("weighted_metrics"))
        for metric in keras.tree.flatten(groups):
            if isinstance(metric, PCK):
                metric.complete(self.estimator.metadata)
        # Keras would check the policy of this model, which is float32.
        if auto_scale_loss and self.estimator.dtype_policy.name == FLOAT16:
            optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.get(optimizer))
        super().compile(
            optimizer=optimizer,
            loss=loss,
            loss_weights=float(self.loss_scale if loss_weights is None else loss_weights),
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
            x: batches from `batches`; or images `(N, Hc, Wc, 3)` RGB 0..255, at least as large as
                the model's input, with the object in the middle; or anything that Keras accepts and
                that yields images and keypoints.
            y: keypoints `(N, K, 3)` (x and y in pixels of `x`, and visibility) if `x` is images.
            callbacks: see Keras.
            shuffle: whether to shuffle arrays. The order of `batches` depends on the seed instead.
            arguments: the other arguments of `keras.Model.fit`.
        """
        if self.recipe.unlabelled is not None:
            raise ArgumentError(
                f"recipe {self.recipe.name!r} learns from unlabelled images, but fit cannot: "
                "their teacher is a weight average that Keras's loop does not keep. Call "
                "simplebase.train(..., unlabelled=...), or give the model another recipe."
            )
        if isinstance(x, KeypointBatches):
            shuffle = False
            callbacks = [*(callbacks or ()), SetEpoch(x)]
        return super().fit(x, y, callbacks=callbacks, shuffle=shuffle, **arguments)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Runs a step of `fit`: augments the batch and updates the weights."""
        images, keypoints, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        batch = {"images": images, "keypoints": tf.cast(keypoints, tf.float32)}
        batch = self.augmentation(batch, step=self.steps_trained)
        images, offset = self._middle(batch["images"])
        keypoints = batch["keypoints"] - offset
        with tf.GradientTape() as tape:
            predicted = self.estimator(images, training=True)
            loss = self.compute_loss(images, keypoints, predicted, sample_weight)
            scaled = self.optimizer.scale_loss(loss)
        weights = self.trainable_variables
        gradients = tape.gradient(scaled, [weight.value for weight in weights])
        self.optimizer.apply(gradients, weights)
        self.steps_trained.assign_add(1)
        return self._results(images, keypoints, predicted, sample_weight, loss)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Runs a step of `evaluate` on the centres of the images, without augmentation."""
        images, keypoints, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        images, offset = self._middle(images)
        keypoints = tf.cast(keypoints, tf.float32) - offset
        predicted = self.estimator(images, training=False)
        loss = self.compute_loss(images, keypoints, predicted, sample_weight, training=False)
        return self._results(images, keypoints, predicted, sample_weight, loss)

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
        """Writes the estimator like `keras.Model.save`; `save_weights` writes the whole model.

        So `simplebase.load` and all commands can open a file of `ModelCheckpoint`.
        """
        self.estimator.save(filepath, *args, **kwargs)

    def _encode(self, keypoints: Any) -> tuple[Any, Any]:
        """Returns target heatmaps and the weights `(B, K)` of the keypoints, as the recipe sets."""
        target, weights = self.estimator.metadata.codec.encode(keypoints, ops=keras.ops)
        if self.recipe.outside_keypoints == "absent":
            # Their target is empty: the model learns to find nothing there.
            weights = keras.ops.cast(keypoints[..., 2] > 0, weights.dtype)
        return target, weights

    def _results(
        self, images: Any, keypoints: Any, predicted: Any, sample_weight: Any, loss: Any
    ) -> dict[str, Any]:
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(images)[0])
        return self.compute_metrics(images, keypoints, predicted, sample_weight)

    def _middle(self, images: Any) -> tuple[Any, Any]:
        """Returns the centres of canvases in the model's size, and their keypoints' offset."""
        height, width = size = self.estimator.metadata.input_size
        known = images.shape[1:3]
        if any(side is not None and side < own for side, own in zip(known, size, strict=True)):
            raise ArgumentError(
                f"images must be at least as large as the model's input of {height} x {width} "
                f"pixels (height x width). Received: {known[0]} x {known[1]}."
            )
        # Keras traces once for images of several sizes, so their size is only known at run time.
        given = tf.shape(images)
        large_enough = tf.debugging.assert_greater_equal(
            given[1:3],
            size,
            f"images must be at least as large as the model's input of {size} pixels",
        )
        top, left = (given[1] - height) // 2, (given[2] - width) // 2
        # Otherwise the error of `ensure_shape`, which explains less, may come first.
        with tf.control_dependencies([large_enough] if large_enough is not None else []):
            middle = images[:, top : top + height, left : left + width]
        return tf.ensure_shape(middle, (None, *size, 3)), tf.cast([left, top, 0], tf.float32)

    def _remember_depth(self, dataset: KeypointDataset) -> None:
        """Stores in the metadata how images of more than 8 bits were read."""
        chosen = dataset.images.depth_range
        if chosen is not None:
            self.estimator.metadata = replace(self.estimator.metadata, depth_range=chosen)
