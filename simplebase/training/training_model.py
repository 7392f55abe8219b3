"""The graph that is trained: augmentation, targets, network and loss in one."""

from typing import Any

import keras

from simplebase.augmentation import Augmentation
from simplebase.estimator import SimpleBaseline
from simplebase.losses import Loss


class TrainingModel(keras.Model):
    """`augmentation -> codec.encode -> SimpleBaseline -> loss`, from a batch to its errors.

    KerasCV's layers cannot tell training from use, so they live here only: what is saved and
    exported is the `estimator` inside.

    Args:
        estimator: the network.
        augmentation: may be one without layers.
        loss: over (target heatmaps, predicted heatmaps, weights).
        loss_scale: factor on the loss; Adam's epsilon is not small against the gradients of a plain
            mean square over mostly empty heatmaps.
    """

    def __init__(
        self,
        estimator: SimpleBaseline,
        augmentation: Augmentation,
        loss: Loss,
        loss_scale: float = 1.0,
    ) -> None:
        # Keypoints do not survive float16: only the estimator follows the precision policy.
        super().__init__(dtype="float32")
        self.estimator = estimator
        self.augmentation = augmentation
        self.heatmap_loss = loss
        self.loss_scale = loss_scale

    def call(
        self,
        batch: dict[str, Any],
        step: Any,
        replica: Any = 0,
        replicas: int = 1,
        training: bool = True,
    ) -> tuple[Any, Any]:
        """The scaled sum of errors and the count of keypoints, see `simplebase.losses`.

        Args:
            batch: `{"images": (B, Hc, Wc, 3), "keypoints": (B, K, 3)}`.
            step: of the training, an integer scalar.
            replica: which of `replicas` equal parts of the step's batch this is.
            replicas: how many devices share the step.
            training: whether BatchNorms take the batch's statistics.
        """
        batch = self.augmentation(batch, step=step, replica=replica, replicas=replicas)
        codec = self.estimator.metadata.codec
        target, weights = codec.encode(batch["keypoints"], ops=keras.ops)
        predicted = self.estimator(batch["images"], training=training)
        total, count = self.heatmap_loss(target, predicted, weights)
        return self.loss_scale * total, count
