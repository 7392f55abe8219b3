"""From COCO's 17 keypoints to LSP's 14, as LSP's annotators place them.

A hip of COCO is not where LSP has it, and COCO has no neck and no head top. Both sets of keypoints
are points of the complex plane here. A linear map of complex numbers then turns and scales with
the body, so few bodies teach it.
"""

import numpy as np

# The keypoints of COCO that are LSP's first twelve, from right ankle to left wrist.
LIMBS = [16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9]
_FACE, _SHOULDERS, _TORSO = [0, 1, 2, 3, 4], [5, 6], [5, 6, 11, 12]
COCO_MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
_LSP_MIRRORED = [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13]
_RIDGE = 0.1
# Shares of the box's side: what lies further apart is a mistake of one of the two, not a habit.
_LIMB_LIMIT, _HEAD_LIMIT = 0.06, 0.25
_KEPT = 0.93  # of the samples, in each of the rounds without the worst ones
_ROUNDS = 3


class Convention:
    """The linear map, fitted by ridge regression.

    Args:
        coco: `(N, 17, 2)` keypoints that the teacher found.
        lsp: `(N, 14, 2)` labels of the same images.
        labelled: `(N, 14)` bool.
        sides: `(N,)` of the boxes, in pixels.
    """

    def __init__(
        self, coco: np.ndarray, lsp: np.ndarray, labelled: np.ndarray, sides: np.ndarray
    ) -> None:
        points, targets = _complex(coco), _complex(lsp)
        # A mirrored body is a body: reflect about the y axis and swap the names.
        points = np.concatenate([points, -np.conj(points)[:, COCO_MIRRORED]])
        targets = np.concatenate([targets, -np.conj(targets)[:, _LSP_MIRRORED]])
        labelled = np.concatenate([labelled, labelled[:, _LSP_MIRRORED]])
        sides = np.tile(sides, 2)[:, None]
        inputs, rest = _centred(points) / sides, (targets - _nearest(points)) / sides
        limits = np.array([_LIMB_LIMIT] * len(LIMBS) + [_HEAD_LIMIT] * 2)
        usable = labelled & (np.abs(rest) < limits)
        self._factors = np.stack(
            [_robust_ridge(inputs[use], rest[use, k]) for k, use in enumerate(usable.T)], axis=1
        )

    def __call__(self, coco: np.ndarray) -> np.ndarray:
        """`(N, 14, 2)` of keypoints `(N, 17, 2)`."""
        points = _complex(coco)
        found = _nearest(points) + _centred(points) @ self._factors
        return np.stack([found.real, found.imag], axis=-1)


def of_parts(values: np.ndarray, worst: np.ufunc) -> np.ndarray:
    """`(N, 14)` of values `(N, 17)` of the keypoints: those of neck and head of their parts'."""
    neck = worst.reduce(values[:, _SHOULDERS], axis=1)
    head = np.median(values[:, _FACE], axis=1)
    return np.concatenate([values[:, LIMBS], neck[:, None], head[:, None]], axis=1)


def _robust_ridge(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    for _ in range(_ROUNDS):
        conjugate = inputs.conj().T
        square = conjugate @ inputs + _RIDGE * np.eye(inputs.shape[1])
        factors = np.linalg.solve(square, conjugate @ targets)
        errors = np.abs(targets - inputs @ factors)
        kept = errors < np.quantile(errors, _KEPT)
        inputs, targets = inputs[kept], targets[kept]
    return factors


def _nearest(points: np.ndarray) -> np.ndarray:
    """LSP's keypoints if its annotators had COCO's habits, with neck and head as mean values."""
    neck, head = (points[:, part].mean(axis=1, keepdims=True) for part in (_SHOULDERS, _FACE))
    return np.concatenate([points[:, LIMBS], neck, head], axis=1)


def _centred(points: np.ndarray) -> np.ndarray:
    return points - points[:, _TORSO].mean(axis=1, keepdims=True)


def _complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0] + 1j * points[..., 1]
