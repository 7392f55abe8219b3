"""What kind of error a keypoint is (Ronchi & Perona, ICCV 2017, https://arxiv.org/abs/1707.05388).

Of each predicted keypoint of a detection that belongs to a labelled object, by the place in the
image that it is most similar to (see `simplebase.metrics.oks`), as in coco-analyze, the paper's
software:

- `good`: its own, with a similarity of 0.85 or more;
- `jitter`: its own, 0.5 or more;
- `inversion`: its left or right counterpart on the same object, 0.5 or more;
- `swap`: that keypoint or its counterpart on another object of the image, 0.5 or more;
- `miss`: less than 0.5 to any.

coco-analyze looks for swaps in all annotations of an image, we in the labelled objects given; and
only at detections whose OKS with their object is 0.1 or more, which the caller decides here.
"""

import numpy as np

from simplebase.metrics.arrays import require_shape, rows_by_image
from simplebase.metrics.oks import keypoint_similarity

ERROR_KINDS = ("good", "jitter", "inversion", "swap", "miss")

GOOD = 0.85
NEAR = 0.5
"""The paper's bounds."""

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
    """The kind of each predicted keypoint.

    Args:
        predicted: `(M, K, 2)` pixels; NaN where a keypoint was not found, which is a miss.
        matched: `(M,)` the labelled object that each detection is of, -1 for none: see
            `match_by_oks`, or `np.arange(N)` where each object's own crop was looked at.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint is labelled.
        areas: `(N,)` square pixels.
        images: `(N,)` ids or paths of the images that the objects are in.
        sigmas: `(K,)` OKS constants.
        counterparts: `(K,)` what swaps in a flip: `Skeleton.horizontal_permutation`.

    Returns:
        `(M, K)` indices into `ERROR_KINDS`; -1 for a detection of nothing or an unlabelled
        keypoint.
    """
    require_shape("predicted", predicted, (len(matched), len(sigmas), 2))
    require_shape("labelled", labelled, (len(images), len(sigmas), 2))
    visible = np.asarray(visible, bool)
    in_image = rows_by_image(images)
    kinds = np.full(predicted.shape[:2], NOT_COUNTED)
    for detection in np.flatnonzero(matched >= 0):
        own = matched[detection]
        rows = in_image[images[own]]
        # The own object comes first, the others of the image after it.
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
    """`(K,)` indices into `ERROR_KINDS` from the `(K,)` similarities to the three places."""
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
    """`(R, K)`: of the `(K, 2)` points to the keypoints `order` of the objects `rows`."""
    targets = np.ix_(rows, order)
    squared = ((points - labelled[targets]) ** 2).sum(axis=-1)
    return keypoint_similarity(squared, areas[rows], sigmas) * visible[targets]
