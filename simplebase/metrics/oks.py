"""Object keypoint similarity (OKS), COCO's measure of how well two poses agree.

For a keypoint with the constant `sigma` on an object with the area `s ** 2`, the similarity at a
distance `d` is `exp(-d ** 2 / (2 * s ** 2 * k ** 2))`, where `k = 2 * sigma`. OKS is the mean over
keypoints. See https://cocodataset.org/#keypoints-eval.

`M` detections, `N` labelled objects, `K` keypoints.
"""

import numpy as np

from simplebase.metrics.arrays import require_shape
from simplebase.skeletons import Skeleton

FALLBACK_SIGMA = 1.138 / 17
"""The mean of COCO's 17 constants, used for skeletons without constants."""


def oks_sigmas(skeleton: Skeleton) -> tuple[np.ndarray, bool]:
    """Returns the OKS constants for the evaluation of a skeleton.

    If a skeleton has no constants, each keypoint gets the mean of COCO's, 0.067. The figures can
    then only be compared between models of this skeleton.

    Returns:
        `(K,)` constants, and whether they are the skeleton's own.
    """
    if skeleton.sigmas is not None:
        return np.array(skeleton.sigmas), True
    return np.full(skeleton.num_keypoints, FALLBACK_SIGMA), False


def keypoint_similarity(
    squared_distance: np.ndarray, areas: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """Computes the similarity of single keypoints, 0 to 1.

    Args:
        squared_distance: `(..., K)` pixels squared. NaN (not found) gives a similarity of 0.
        areas: `(...)` square pixels of the labelled object.
        sigmas: `(K,)`.

    Returns:
        `(..., K)`.
    """
    # `spacing` avoids a division by zero for an object without area, as in pycocotools.
    scale = areas[..., None] + np.spacing(1)
    similarity = np.exp(-squared_distance / (2 * sigmas) ** 2 / scale / 2)
    return np.nan_to_num(similarity, nan=0.0)


def oks(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    areas: np.ndarray,
    sigmas: np.ndarray,
    boxes: np.ndarray | None = None,
) -> np.ndarray:
    """Computes the OKS of each detection with each labelled object, like pycocotools.

    Args:
        predicted: `(M, K, 2)` pixels.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint is labelled.
        areas: `(N,)` square pixels of the labelled objects.
        sigmas: `(K,)`.
        boxes: `(N, 4)` x, y, width, height. For an object without labelled keypoints, the distances
            of all keypoints to its box count; the box is doubled around its centre.

    Returns:
        `(M, N)`, 0 to 1; NaN for an object without labelled keypoints if `boxes` is not given.
    """
    require_shape("predicted", predicted, (None, len(sigmas), 2))
    require_shape("labelled", labelled, (len(areas), len(sigmas), 2))
    offset = predicted[:, None] - labelled[None]
    visible = np.asarray(visible, bool)
    empty = visible.sum(axis=1) == 0
    if boxes is not None:
        offset[:, empty] = _outside(predicted, boxes[empty])
    similarity = keypoint_similarity((offset**2).sum(axis=-1), areas[None], sigmas)
    counts = visible | empty[:, None]
    result = (similarity * counts).sum(axis=-1) / counts.sum(axis=-1)
    if boxes is None:
        result[:, empty] = np.nan
    return result


def _outside(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns `(M, n, K, 2)`: how far `(M, K, 2)` points lie outside the doubled `(n, 4)` boxes."""
    low = (boxes[:, :2] - boxes[:, 2:])[None, :, None]
    high = (boxes[:, :2] + 2 * boxes[:, 2:])[None, :, None]
    return np.maximum(low - points[:, None], 0) + np.maximum(points[:, None] - high, 0)


def oks_nms(
    keypoints: np.ndarray,
    scores: np.ndarray,
    areas: np.ndarray,
    sigmas: np.ndarray,
    threshold: float = 0.9,
) -> np.ndarray:
    """Removes detections of the same object, as in Simple Baselines (Xiao et al., ECCV 2018).

    The best detection is kept, and those whose OKS with it is above `threshold` are removed; then
    the same with the next best, and so on. OKS uses all keypoints and the mean of the two areas.

    Args:
        keypoints: `(M, K, 3)` x, y in pixels, and a score that is ignored.
        scores: `(M,)`; the first of equal scores wins.
        areas: `(M,)` square pixels. The official code uses the areas of the crops around the
            detections' boxes.
        sigmas: `(K,)`.
        threshold: 0 to 1.

    Returns:
        Indices of the kept detections, best first.
    """
    require_shape("keypoints", keypoints, (len(scores), len(sigmas), None))
    rest = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(int(best))
        offset = keypoints[rest, :, :2] - keypoints[best, :, :2]
        similarity = keypoint_similarity(
            (offset**2).sum(axis=-1), (areas[rest] + areas[best]) / 2, sigmas
        ).mean(axis=-1)
        rest = rest[similarity <= threshold]
    return np.array(kept, int)


def match_by_oks(similarity: np.ndarray, scores: np.ndarray, threshold: float = 0.1) -> np.ndarray:
    """Matches the detections of an image to its labelled objects, by the rule of pycocotools.

    In the order of their scores, detections get the most similar object that is still free.

    Args:
        similarity: `(M, N)` OKS; NaN for an object that must not be matched.
        scores: `(M,)`.
        threshold: smallest OKS of a match. coco-analyze uses 0.1 (Ronchi & Perona, ICCV 2017).

    Returns:
        `(M,)` indices of objects; -1 for a detection without a match.
    """
    require_shape("similarity", similarity, (len(scores), None))
    matched = np.full(len(scores), -1)
    free = np.ones(similarity.shape[1], bool)
    for detection in np.argsort(-scores, kind="stable"):
        candidates = np.where(free & ~np.isnan(similarity[detection]), similarity[detection], -1)
        # pycocotools takes the last of equal values.
        best = len(candidates) - 1 - int(np.argmax(candidates[::-1])) if len(candidates) else -1
        if best >= 0 and candidates[best] >= threshold:
            matched[detection] = best
            free[best] = False
    return matched
