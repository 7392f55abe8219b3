"""PCK as a Keras metric."""

from typing import Any

import keras
import numpy as np
from keras import ops

from simplebase.codec import HeatmapCodec
from simplebase.errors import ArgumentError
from simplebase.geometry import PERSON_PIXELS
from simplebase.metadata import ModelMetadata
from simplebase.metrics import upstream_normaliser


def find_peaks(heatmaps: Any, codec: HeatmapCodec) -> Any:
    """Finds the highest cell of each heatmap, like `codec.decode(heatmaps, "argmax")`, in a graph.

    Args:
        heatmaps: `(B, h, w, K)`.
        codec: provides the positions of the cells.

    Returns:
        `(B, K, 3)` float32: x and y in input pixels, and the peak's height.
    """
    height, width = codec.heatmap_size
    cells = ops.reshape(heatmaps, (-1, height * width, heatmaps.shape[-1]))
    peaks = ops.argmax(cells, axis=1)
    x, y = (
        ops.cast(index, "float32") * codec.stride + codec.cell_offset
        for index in (peaks % width, peaks // width)
    )
    return ops.stack([x, y, ops.cast(ops.max(cells, axis=1), "float32")], axis=-1)


@keras.saving.register_keras_serializable(package="simplebase")
class PCK(keras.metrics.Metric):
    """The fraction of labelled keypoints predicted within `threshold * normaliser` pixels.

    With the default normaliser it equals the PCK of `simplebase eval --decode argmax`, which uses
    the highest cell of each heatmap. `simplebase.train` refines that position (`dark`), so its PCK
    is a little higher. `y_true` is keypoints `(B, K, 3)`: x, y and visibility, 0 where unlabelled.
    `y_pred` `(B, K, 2 or more)` starts with x and y. The result is NaN if nothing is labelled.

    Args:
        threshold: fraction of the normaliser.
        normaliser: length in pixels of the model's input. The default is that of
            `simplebase.metrics.upstream_normaliser`: for a square input, a tenth of the side of a
            crop that is 1.25 times the longer side of the object's box.
        num_keypoints: `K`.
        name: the name under which Keras reports it.
        dtype: dtype of the counts.

    `TrainingModel.compile` takes a missing `normaliser` and `num_keypoints` from the model.
    """

    def __init__(
        self,
        threshold: float = 0.5,
        normaliser: float | None = None,
        num_keypoints: int | None = None,
        name: str = "pck",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        # Tells callbacks that higher is better.
        self._direction = "up"
        self.threshold = threshold
        self.normaliser = normaliser
        self.num_keypoints: int | None = None
        if num_keypoints is not None:
            self._count(num_keypoints)

    def complete(self, metadata: ModelMetadata) -> None:
        """Takes missing arguments of the constructor from a model.

        Raises:
            ArgumentError: the metric is for another number of keypoints.
        """
        count = metadata.skeleton.num_keypoints
        if self.num_keypoints is None:
            self._count(count)
        if self.num_keypoints != count:
            raise ArgumentError(
                f"this PCK is for {self.num_keypoints} keypoints, but the model has {count}."
            )
        if self.normaliser is None:
            # In pixels of the input, the normaliser is the same for objects of all sizes.
            image_pixels = upstream_normaliser(np.ones(1), metadata.input_size)[0]
            magnification = metadata.input_size[0] / (PERSON_PIXELS * metadata.crop.padding)
            self.normaliser = float(image_pixels * magnification)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch, optionally with weights `sample_weight` `(B,)` or `(B, K)`.

        Raises:
            ArgumentError: `normaliser` or `num_keypoints` is unknown.
        """
        if self.normaliser is None or self.num_keypoints is None:
            raise ArgumentError(
                "PCK needs normaliser and num_keypoints, unless TrainingModel.compile gets it."
            )
        y_true, y_pred = (ops.cast(points, "float32") for points in (y_true, y_pred))
        counts = ops.cast(y_true[..., 2] > 0, self.dtype)
        if sample_weight is not None:
            given = ops.cast(sample_weight, self.dtype)
            counts = counts * ops.reshape(given, (ops.shape(counts)[0], -1))
        distance = ops.norm(y_pred[..., :2] - y_true[..., :2], axis=-1)
        near = ops.cast(distance <= self.threshold * self.normaliser, self.dtype)
        self.hits.assign_add(ops.sum(near * counts, axis=0))
        self.counts.assign_add(ops.sum(counts, axis=0))

    def result(self) -> Any:
        """Returns the PCK over all labelled keypoints, a scalar."""
        return ops.sum(self.hits) / ops.sum(self.counts)

    def by_keypoint(self) -> np.ndarray:
        """Returns `(K,)`, NaN for a keypoint that is never labelled."""
        return ops.convert_to_numpy(self.hits / self.counts)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "normaliser": self.normaliser,
            "num_keypoints": self.num_keypoints,
        }

    def _count(self, num_keypoints: int) -> None:
        self.num_keypoints = num_keypoints
        self.hits, self.counts = (
            self.add_variable((num_keypoints,), "zeros", name=name) for name in ("hits", "counts")
        )
