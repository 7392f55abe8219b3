"""Classifies keypoint errors (Ronchi & Perona, ICCV 2017, https://arxiv.org/abs/1707.05388).

Each predicted keypoint of a matched detection is classified by the labelled keypoint to which it is
most similar (see `simplebase.metrics.oks`), as in coco-analyze, the paper's software:

- `good`: its own label, with a similarity of at least 0.85;
- `jitter`: its own label, at least 0.5;
- `inversion`: its left or right counterpart on the same object, at least 0.5;
- `swap`: the same keypoint or its counterpart on another object of the image, at least 0.5;
- `miss`: less than 0.5 to all of them.

coco-analyze looks for swaps in all annotations of an image, this module in the labelled objects
that are given. coco-analyze only uses detections whose OKS with their object is at least 0.1; here
the caller decides.
"""

import numpy as np

from simplebase.metrics.arrays import require_shape, rows_by_image
from simplebase.metrics.oks import keypoint_similarity

ERROR_KINDS = ("good", "jitter", "inversion", "swap", "miss")

GOOD = 0.85
NEAR = 0.5
"""The paper's thresholds."""

NOT_COUNTED = -1


def error_kinds(
    predicted: np.ndarray,
    matched: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    areas: np.ndarray,
    images: np.ndarray,
    *,
    sigmas: np.ndarray,
    counterparts: np.ndarray,
) -> np.ndarray:
    """Classifies each predicted keypoint.

    Args:
        predicted: `(M, K, 2)` pixels; NaN where a keypoint was not found, which is a miss.
        matched: `(M,)` indices of the detections' labelled objects, -1 for none: from
            `match_by_oks`, or `np.arange(N)` if each object's own crop was evaluated.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint is labelled.
        areas: `(N,)` square pixels.
        images: `(N,)` ids or paths of the objects' images.
        sigmas: `(K,)` OKS constants.
        counterparts: `(K,)` indices of the counterparts: `Skeleton.horizontal_permutation`.

    Returns:
        `(M, K)` indices into `ERROR_KINDS`; -1 for unmatched detections and unlabelled keypoints.
    """
    require_shape("predicted", predicted, (len(matched), len(sigmas), 2))
    require_shape("labelled", labelled, (len(images), len(sigmas), 2))
    visible = np.asarray(visible, bool)
    in_image = rows_by_image(images)
    kinds = np.full(predicted.shape[:2], NOT_COUNTED)
    for detection in np.flatnonzero(matched >= 0):
        own = matched[detection]
        rows = in_image[images[own]]
        # The matched object comes first, the others of the image after it.
        rows = np.concatenate([[own], rows[rows != own]])
        straight, inverted = (
            _similarity(predicted[detection], labelled, visible, areas, rows, sigmas, order)
            for order in (np.arange(len(sigmas)), counterparts)
        )
        # A keypoint without a counterpart cannot be inverted.
        inverted[:, counterparts == np.arange(len(sigmas))] = 0
        others = np.maximum(straight[1:], inverted[1:]).max(axis=0, initial=0)
        kinds[detection] = np.where(
            visible[own], _kinds(straight[0], inverted[0], others), NOT_COUNTED
        )
    return kinds


def _kinds(own: np.ndarray, inverted: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns `(K,)` indices into `ERROR_KINDS` from the `(K,)` similarities to three labels."""
    at_home = own >= np.maximum(inverted, others)
    conditions = {
        "good": at_home & (own >= GOOD),
        "jitter": at_home & (own >= NEAR),
        "inversion": (inverted >= NEAR) & (inverted >= others),
        "swap": others >= NEAR,
    }
    names = [ERROR_KINDS.index(name) for name in conditions]
    return np.select(list(conditions.values()), names, ERROR_KINDS.index("miss"))


def _similarity(
    points: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    areas: np.ndarray,
    rows: np.ndarray,
    sigmas: np.ndarray,
    order: np.ndarray,
) -> np.ndarray:
    """Returns `(R, K)`: similarity of `(K, 2)` points to keypoints `order` of objects `rows`."""
    targets = np.ix_(rows, order)
    squared = ((points - labelled[targets]) ** 2).sum(axis=-1)
    return keypoint_similarity(squared, areas[rows], sigmas) * visible[targets]
