"""The unlabelled images of a run, stored as `unlabelled.npz` for resuming."""

import hashlib
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.image_store import FolderImages
from simplebase.data.records import Records
from simplebase.equality import ArrayEquality
from simplebase.errors import ArgumentError, DataError, MissingFileError, first_line
from simplebase.files import replacing
from simplebase.files.npz import opened_npz
from simplebase.geometry import Crop, Size
from simplebase.skeletons import Skeleton

_ROOT = Path(os.sep)
_DESCRIPTION = "a file of unlabelled images"


@dataclass(frozen=True, eq=False)
class UnlabelledPool(ArrayEquality):
    """`N` unlabelled objects.

    Args:
        paths: `(N,)` absolute paths of the image files.
        boxes: `(N, 4)` float64 x, y, width, height in pixels; NaN where centre and scale are known.
        centers: `(N, 2)` float64 x, y; NaN where the box is known.
        scales: `(N,)` float64 height / 200 px; NaN where the box is known.
        keypoints: `(N, K, 3)` float32 keypoints of a teacher that was trained before: x and y in
            image pixels, and score, 0 for keypoints that must not be learnt. `K` is 0 without such
            a teacher.
    """

    paths: np.ndarray
    boxes: np.ndarray
    centers: np.ndarray
    scales: np.ndarray
    keypoints: np.ndarray

    def __len__(self) -> int:
        """`N`."""
        return len(self.paths)

    @property
    def has_pseudo_keypoints(self) -> bool:
        """Whether a teacher that was trained before has labelled the objects."""
        return self.keypoints.shape[1] > 0

    @property
    def digest(self) -> str:
        """Digest of the names of the images and the positions of the objects."""
        text = hashlib.sha256("\n".join(Path(path).name for path in self.paths).encode())
        for column in (self.boxes, self.centers, self.scales):
            text.update(np.ascontiguousarray(column).tobytes())
        return text.hexdigest()[:16]

    @classmethod
    def from_boxes(cls, paths: list[str], boxes: list[tuple[float, ...]]) -> "UnlabelledPool":
        """Returns the objects in boxes x, y, width, height of image files."""
        count = len(paths)
        return cls(
            np.array(paths, str),
            np.array(boxes, np.float64).reshape(count, 4),
            np.full((count, 2), np.nan),
            np.full(count, np.nan),
            np.zeros((count, 0, 3), np.float32),
        )

    @classmethod
    def from_dataset(cls, dataset: KeypointDataset) -> "UnlabelledPool":
        """Returns the objects of a dataset without its labels.

        Raises:
            ArgumentError: the dataset is packed, so its images are not files.
        """
        images, records = dataset.images, dataset.records
        if not isinstance(images, FolderImages):
            raise ArgumentError(
                f"{dataset.name} is packed, but unlabelled images, and all images that a teacher "
                "labels, must be files. Give the dataset folder from which it was packed."
            )
        count = len(records)
        paths = [str(images.path(index).absolute()) for index in range(count)]
        return cls(
            np.array(paths, str),
            np.full((count, 4), np.nan),
            records.centers.astype(np.float64),
            records.scales.astype(np.float64),
            np.zeros((count, 0, 3), np.float32),
        )

    def select(self, index: np.ndarray) -> "UnlabelledPool":
        """Returns the objects at `index`, indices or a mask of length `N`."""
        return UnlabelledPool(*(getattr(self, field.name)[index] for field in fields(self)))

    def joined(self, *others: "UnlabelledPool") -> "UnlabelledPool":
        """Returns these objects and those of `others`, before a teacher has labelled them."""
        pools = (self, *others)
        return UnlabelledPool(
            *(
                np.concatenate([getattr(pool, field.name) for pool in pools])
                for field in fields(self)
            )
        )

    def to_dataset(
        self, skeleton: Skeleton, crop: Crop, size: Size, threshold: float | None = None
    ) -> KeypointDataset:
        """Returns a dataset whose records are cut out by `crop`.

        Args:
            skeleton: skeleton of the keypoints.
            crop: how the object is cut out.
            size: `(H, W)` of the input.
            threshold: keypoints with at least this score count as visible. With `None`, or without
                pseudo keypoints, no keypoint does.
        """
        count = len(self)
        centers, scales = self.centers.copy(), self.scales.copy()
        boxed = np.isfinite(self.boxes[:, 0])
        centers[boxed], scales[boxed] = crop.around_box(self.boxes[boxed], size)
        keypoints = np.zeros((count, skeleton.num_keypoints, 3))
        if threshold is not None and self.has_pseudo_keypoints:
            passed = self.keypoints[..., 2] >= threshold
            keypoints[..., :2] = np.where(passed[..., None], self.keypoints[..., :2], 0)
            keypoints[..., 2] = np.where(passed, 2, 0)
        no_headboxes = np.full((count, 4), np.nan)
        paths = self.paths.astype(object)
        records = Records(
            paths=paths,
            centers=centers,
            scales=scales,
            keypoints=keypoints,
            validation=np.zeros(count, bool),
            headboxes=no_headboxes,
            boxes=self.boxes,
            areas=np.full(count, np.nan),
            image_ids=np.full(count, -1),
            annotation_ids=np.full(count, -1),
        )
        images = FolderImages(_ROOT, paths)
        return KeypointDataset("the unlabelled images", skeleton, records, images)

    def with_keypoints(self, keypoints: np.ndarray) -> "UnlabelledPool":
        """Returns the same objects with the keypoints of a teacher, see above."""
        return replace(self, keypoints=keypoints.astype(np.float32))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the pool, replacing the file at `path`."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        with replacing(path, overwrite=True) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "UnlabelledPool":
        """Reads a file that `save` wrote.

        Raises:
            MissingFileError: the file does not exist.
            DataError: it is damaged, or not such a file.
        """
        if not os.path.isfile(path):
            raise MissingFileError(
                f"{os.fspath(path)} is missing: the run has no list of unlabelled images. It was "
                "trained without any, or the file was removed."
            )
        try:
            with (
                open(path, "rb") as file,
                opened_npz(file, os.fspath(path), _DESCRIPTION) as arrays,
            ):
                pool = cls(*(arrays[field.name] for field in fields(cls)))
                if not pool._is_valid():
                    raise ValueError("its arrays do not form one table")
                return pool
        except OSError as error:
            raise DataError(
                f"{os.fspath(path)} is not {_DESCRIPTION}: {first_line(error)}."
            ) from error

    def _is_valid(self) -> bool:
        count = len(self.paths)
        shapes = (self.boxes.shape, self.centers.shape, self.scales.shape)
        return (
            self.paths.dtype.kind == "U"
            and shapes == ((count, 4), (count, 2), (count,))
            and self.keypoints.ndim == 3
            and self.keypoints.shape[::2] == (count, 3)
        )
