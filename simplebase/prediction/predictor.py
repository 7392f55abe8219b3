"""`PosePredictor`: a callable class for batches of images, as Ray Data's `map_batches` takes it."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.prediction.crops import CropReader
from simplebase.prediction.inputs import Chunk
from simplebase.prediction.rows import Columns, open_model
from simplebase.prediction.settings import PredictionSettings, model_sha256
from simplebase.videos.frame import Frame


class PosePredictor:
    """Finds the keypoints in batches of images. It opens the model once.

    With Ray Data:

        rows = ray.data.read_images("photos", include_paths=True).map_batches(
            simplebase.PosePredictor, fn_constructor_args=["person"], concurrency=2, batch_size=32
        )

    Args:
        model: a model file of any format, or the name of a pretrained model.
        strict: raise an error if an image cannot be read. By default, a warning names the image,
            and it has no rows.
        threads: number of CPU threads, see `load_runtime`.
        **settings: see `PredictionSettings`.

    Raises:
        SimplebaseError: see `load_runtime` and `PredictionSettings`.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        strict: bool = False,
        threads: int | None = None,
        **settings: Any,
    ) -> None:
        from simplebase.zoo import model_file

        chosen = PredictionSettings(**settings)
        path = model_file(model, runnable=True)
        self._model = open_model(path, chosen, model_sha256(path), threads)
        self._reader = CropReader(self._model.metadata, chosen)
        self._strict = strict

    def __call__(self, batch: Mapping[str, np.ndarray]) -> Columns:
        """Returns the rows of a batch, see `simplebase.prediction.rows`.

        An image may have several rows or none.

        Args:
            batch: `path`, `(N,)` paths of images to read; or `image`, `N` arrays
                `(height, width, 3)` uint8 RGB, with or without `path`. Optionally `box`, `(N, 4)`
                x, y, width, height of one object per image.

        Raises:
            ArgumentError: the batch has neither `path` nor `image`.
            DataError: an image cannot be read, and `strict` is on.
        """
        if "path" not in batch and "image" not in batch:
            raise ArgumentError(
                "a batch must have `path` or `image`. Received: "
                f"{', '.join(batch) or 'an empty batch'}."
            )
        count = len(batch["path"] if "path" in batch else batch["image"])
        paths = tuple(str(each) for each in batch.get("path", np.full(count, "", object)))
        frames = None
        if "image" in batch:
            frames = tuple(
                Frame(np.ascontiguousarray(image), index, float("nan"), path)
                for index, (image, path) in enumerate(zip(batch["image"], paths, strict=True))
            )
        boxes = annotations = None
        if "box" in batch:
            boxes = tuple(np.array(box, float).reshape(1, 4) for box in batch["box"])
            annotations = (np.full(1, -1, np.int64),) * count
        places = tuple(range(count))
        chunk = Chunk(0, 0, True, places, paths, (-1,) * count, boxes, annotations, frames)
        rows = self._model(self._reader(chunk))
        for problem in rows.problems:
            text = f"{problem.path or f'image {problem.frame}'}: {problem.error}"
            if self._strict:
                raise DataError(text)
            warnings.warn(f"left out: {text}", SimplebaseWarning, stacklevel=2)
        return rows.columns
