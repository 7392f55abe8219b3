"""Makes a record's canvas: decodes as little of the image as possible, and samples it once."""

from dataclasses import dataclass

import cv2
import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.equality import ArrayEquality
from simplebase.geometry import Crop, Size, compose, invert, transform_points
from simplebase.images import (
    decode_image,
    is_jpeg,
    is_upright,
    jpeg_size,
    reduced_matrix,
    reduction_for,
)

_LARGEST_REDUCTION = 256  # beyond this, the canvas shows a few pixels of any image
_LARGEST_SCALE = 32  # beyond this, enlarged whole pixels would be much larger than the canvas
_LARGEST_SIDE = 2**30
_SAME_SCALE = 1e-6  # an error of less than a hundredth of a pixel over any canvas

# Measured on COCO and LSP: for smaller files and larger parts, cropping costs more than it saves.
_SMALLEST_CROPPED_FILE = 32_768  # bytes
_LARGEST_CROPPED_SHARE = 0.7  # fraction of the image


@dataclass(frozen=True, eq=False)
class Sampling(ArrayEquality):
    """How the canvases of `B` records are sampled from their reduced images.

    Args:
        reductions: `(B,)` image pixels per pixel of the reduced image, in both directions.
        scales: `(B,)` canvas pixels per reduced pixel.
        starts: `(B, 2)` the first reduced column and row that is used.
        places: `(B, 2)` the canvas column and row where its pixels start.
        matrices: `(B, 2, 3)` from the stored image to the canvas, exactly as sampled.
    """

    reductions: np.ndarray
    scales: np.ndarray
    starts: np.ndarray
    places: np.ndarray
    matrices: np.ndarray


def plan_sampling(matrices: np.ndarray) -> Sampling:
    """Plans the sampling for `(B, 2, 3)` matrices that only scale and shift.

    The resampling starts at a whole pixel of image and canvas, which is several times faster than a
    general warp. This moves the canvas by up to half a pixel, which the returned matrices include.
    """
    reductions = np.minimum(reduction_for(matrices[:, 0, 0]), _LARGEST_REDUCTION)
    reduced = reduced_matrix(matrices, reductions)
    scales, offsets = reduced[:, 0, 0], reduced[:, :, 2]
    starts = np.maximum(0, np.floor(-offsets / scales[:, None]) - 1)
    # Pixel `start` covers the canvas from the mapped `start - 1/2`, plus 1/2.
    edges = offsets + (starts - 0.5) * scales[:, None] + 0.5
    places = np.round(edges)
    actual = matrices.copy()
    actual[:, :, 2] += places - edges
    return Sampling(reductions, scales, starts.astype(int), places.astype(int), actual)


class CanvasReader:
    """Cuts canvases out of a dataset's images.

    Args:
        dataset: the dataset.
        crop: how the object is cut out.
        input_size: `(H, W)` of the network, which determines the magnification.
        canvas_size: `(Hc, Wc)` to cut out.
    """

    def __init__(
        self, dataset: KeypointDataset, crop: Crop, input_size: Size, canvas_size: Size
    ) -> None:
        self.dataset = dataset
        self.crop = crop
        self.input_size = input_size
        self.canvas_size = canvas_size
        # Records whose images were completely decoded before without a remark.
        self._sound = np.zeros(len(dataset), bool)

    def plan(self, indices: np.ndarray) -> tuple[Sampling, np.ndarray]:
        """Returns the sampling of the records at `indices`, and `(B, 2, 3)` record to canvas."""
        records = self.dataset.records
        matrices = self.crop.canvas_matrix(
            records.centers[indices], records.scales[indices], self.input_size, self.canvas_size
        )
        stored = self.dataset.images.matrices
        if stored is None:
            sampling = plan_sampling(matrices)
            return sampling, sampling.matrices
        sampling = plan_sampling(compose(matrices, invert(stored[indices])))
        return sampling, compose(sampling.matrices, stored[indices])

    def keypoints(self, indices: np.ndarray, matrices: np.ndarray) -> np.ndarray:
        """Returns `(B, K, 3)` float32 in canvas pixels, by the `matrices` of `plan`."""
        labelled = self.dataset.records.keypoints[indices]
        moved = transform_points(matrices, labelled[..., :2])
        return np.concatenate([moved, labelled[..., 2:]], axis=-1).astype(np.float32)

    def read_into(self, canvas: np.ndarray, index: int, sampling: Sampling, row: int) -> None:
        """Fills `canvas` `(Hc, Wc, 3)` with record `index`, planned in `row` of `sampling`.

        Raises:
            MissingFileError, DataError: the image is missing or cannot be read.
        """
        data = self.dataset.images.read(index)
        image = self.decode(data, index, sampling, row)
        sample_into(canvas, image, sampling, row)

    def decode(self, data: bytes, index: int, sampling: Sampling, row: int) -> np.ndarray:
        """Returns the part of the reduced image that the canvas needs; it may be empty."""
        name = self.dataset.images.name(index)
        room = np.array(self.canvas_size[::-1]) - sampling.places[row]
        # As many reduced pixels as the canvas needs, and one whose edge may just touch it.
        extent = np.ceil(room / sampling.scales[row]) + 1
        extent = np.clip(extent, 0, _LARGEST_SIDE).astype(int)
        start, reduction = sampling.starts[row], int(sampling.reductions[row])
        # TensorFlow's decoder reports damage only to the terminal, without the file's name. So the
        # other decoder is used for the first time.
        croppable = reduction == 1 and len(data) >= _SMALLEST_CROPPED_FILE and is_jpeg(data)
        if croppable and self._sound[index]:
            window = _decoded_window(data, start, extent)
            if window is not None:
                return window
        remarks: list[str] = []
        depth_range = self.dataset.images.depth_range
        sound = bool(self._sound[index])
        image = decode_image(data, name, reduction, depth_range, remarks, sound)
        self._sound[index] = not remarks
        end = start + extent
        return image[start[1] : end[1], start[0] : end[0]]


def sample_into(canvas: np.ndarray, image: np.ndarray, sampling: Sampling, row: int) -> None:
    """Fills `canvas` with the result of `CanvasReader.decode`; black beyond it."""
    scale, place = sampling.scales[row], sampling.places[row]
    canvas.fill(0)
    if abs(scale - 1) < _SAME_SCALE:  # a packed canvas, unchanged
        _paste(canvas, image, place)
    elif image.size and (scale > _LARGEST_SCALE or _keeps_size(image, scale)):
        middle = (scale - 1) / 2
        matrix = np.array([[scale, 0, place[0] + middle], [0, scale, place[1] + middle]])
        cv2.warpAffine(image, matrix, canvas.shape[1::-1], dst=canvas)
    elif min(image.shape[:2]) * scale > 0.5:
        _paste(canvas, cv2.resize(image, None, fx=scale, fy=scale), place)


def _keeps_size(image: np.ndarray, scale: float) -> bool:
    """Returns whether the scale is so close to 1 that OpenCV's resize changes nothing."""
    return all(round(side * scale) == side for side in image.shape[:2])


def _decoded_window(data: bytes, start: np.ndarray, extent: np.ndarray) -> np.ndarray | None:
    """Decodes a window from `start` on of an upright JPEG; None if that is not worthwhile."""
    stored = jpeg_size(data)
    if stored is None:
        return None
    size = np.array(stored[::-1])
    end = np.minimum(start + extent, size)
    inside = end - start
    if inside.min() <= 0 or inside.prod() > _LARGEST_CROPPED_SHARE * size.prod():
        return None
    if not is_upright(data):
        return None
    # Colour is interpolated between columns, and the outermost lack one neighbour.
    left, right = max(start[0] - 1, 0), min(end[0] + 1, size[0])
    # Imported here, because only training, which reads images twice, gets here.
    import tensorflow as tf

    window = int(start[1]), int(left), int(inside[1]), int(right - left)
    try:
        image = tf.io.decode_and_crop_jpeg(
            data, window, channels=3, dct_method="INTEGER_ACCURATE"
        ).numpy()
    except tf.errors.OpError:
        return None  # another colour space, or damage, which the other decoder handles
    return image[:, start[0] - left : end[0] - left]


def _paste(canvas: np.ndarray, patch: np.ndarray, place: np.ndarray) -> None:
    """Pastes the part of `patch` inside `canvas`, with its corner at `place` (x, y)."""
    left, top = np.maximum(place, 0)
    skip_x, skip_y = np.maximum(-place, 0)
    rows, columns = max(canvas.shape[0] - top, 0), max(canvas.shape[1] - left, 0)
    patch = patch[skip_y : skip_y + rows, skip_x : skip_x + columns]
    canvas[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
