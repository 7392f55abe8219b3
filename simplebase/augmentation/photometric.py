"""The base class of layers that change pixels but move nothing."""

from typing import Any

import tensorflow as tf
from keras_cv.layers import VectorizedBaseImageAugmentationLayer

from simplebase.augmentation.random import StepRandom


class PhotometricLayer(VectorizedBaseImageAugmentationLayer):
    """Changes each image of a batch with `probability`; keypoints are not changed.

    A subclass implements `draw` and `change`. Only the chosen images are computed.

    Args:
        probability: probability that an image is changed.

    `random`, set by `Augmentation`, is the source of the draws.
    """

    def __init__(self, probability: float = 1.0) -> None:
        # Without a seed, KerasCV uses TensorFlow's global generator.
        super().__init__(seed=1, dtype="float32")
        self.random = StepRandom(0)
        self.probability = probability

    def draw(self, count: Any) -> dict[str, tf.Tensor]:
        """Draws random numbers for `count` images, each `(count, ...)`."""
        return {}

    def change(self, images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Changes `(n, H, W, 3)` by the numbers that were drawn for them; `n` may be 0."""
        raise NotImplementedError

    def signed(self, count: Any, amount: float) -> tf.Tensor:
        """Draws `(count,)` uniform numbers within +- `amount`."""
        return self.random.uniform((count,), -amount, amount)

    def get_random_transformation_batch(self, batch_size: Any, **kwargs: Any) -> dict[str, Any]:
        """Draws the random numbers, and which images they apply to."""
        chosen = self.random.uniform((batch_size,)) < self.probability
        return {"drawn": self.draw(batch_size), "chosen": chosen}

    def augment_images(
        self, images: tf.Tensor, transformations: dict[str, Any], **kwargs: Any
    ) -> tf.Tensor:
        """Returns the images, with the chosen ones changed."""
        drawn = transformations["drawn"]
        if self.probability == 1:
            return self.change(images, drawn)
        chosen = tf.where(transformations["chosen"])
        drawn = {name: tf.gather_nd(values, chosen) for name, values in drawn.items()}
        changed = self.change(tf.gather_nd(images, chosen), drawn)
        return tf.tensor_scatter_nd_update(images, chosen, changed)

    def augment_keypoints(self, keypoints: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        """Returns the keypoints unchanged."""
        return keypoints
