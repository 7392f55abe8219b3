"""The graph that is trained: augmentation, targets, network and loss."""

import os
from typing import Any

import keras

from simplebase.augmentation import Augmentation
from simplebase.estimator import SimpleBaseline
from simplebase.losses import LOSSES, Loss
from simplebase.presets import Recipe, load_recipe


class TrainingGraph(keras.Model):
    """The graph from a batch to its errors.

    `augmentation -> codec.encode -> SimpleBaseline -> loss`. Our own loop calls `errors`, and
    `TrainingModel` adds Keras's loop to it.

    Args:
        estimator: the network.
        augmentation: the augmentation, which may have no layers. The default is the recipe's.
        loss: function of (target heatmaps, predicted heatmaps, weights). The default is the
            recipe's.
        loss_scale: factor for the loss. Without it, the gradients of a mean square over mostly
            empty heatmaps are so small that Adam's epsilon matters. The default is the recipe's.
        recipe: a recipe's name, the path of a YAML file, or a loaded recipe.
        seed: seed of the augmentation.
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
        self.estimator = estimator
        self.augmentation = augmentation or Augmentation(
            self.recipe.augmentation, metadata.input_size, metadata.skeleton, seed
        )
        self.heatmap_loss = loss or LOSSES[self.recipe.loss_type]
        self.loss_scale = self.recipe.loss_scale if loss_scale is None else loss_scale
        self.built = True

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

    def _encode(self, keypoints: Any) -> tuple[Any, Any]:
        """Returns target heatmaps and the weights `(B, K)` of the keypoints, as the recipe sets."""
        target, weights = self.estimator.metadata.codec.encode(keypoints, ops=keras.ops)
        if self.recipe.outside_keypoints == "absent":
            # Their target is empty: the model learns to find nothing there.
            weights = keras.ops.cast(keypoints[..., 2] > 0, weights.dtype)
        return target, weights
