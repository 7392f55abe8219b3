"""A person's pose: a small 3D skeleton with plausible joint angles.

Body axes: x to the image's right, y down, z towards the viewer; the origin is the pelvis and a
length of 1 is the stature. A person that faces us looks along +z and has its own left at +x.
"""

from dataclasses import dataclass

import numpy as np

from simplebase.equality import ArrayEquality

_R_ANKLE, _R_KNEE, R_HIP, L_HIP, _L_KNEE, _L_ANKLE, _PELVIS, THORAX = range(8)
NECK, HEAD_TOP, _R_WRIST, _R_ELBOW, R_SHOULDER, L_SHOULDER, _L_ELBOW, _L_WRIST = range(8, 16)
# Points 16-19 are drawn, but are not keypoints: tips of hands and shoes. Rows: right, left.
ARM_POINTS = ((R_SHOULDER, _R_ELBOW, _R_WRIST, 16), (L_SHOULDER, _L_ELBOW, _L_WRIST, 17))
LEG_POINTS = ((R_HIP, _R_KNEE, _R_ANKLE, 18), (L_HIP, _L_KNEE, _L_ANKLE, 19))

# Ranges in degrees of (flexion forwards, abduction outwards, bend of elbow or knee).
_ARMS = (
    ((-25, 30), (4, 25), (5, 45)),  # hanging
    ((-25, 60), (10, 55), (40, 130)),  # bent
    ((-15, 25), (95, 165), (0, 90)),  # raised
    ((45, 120), (0, 30), (0, 100)),  # reaching forwards
    ((-15, 25), (45, 95), (0, 110)),  # spread
)
_ARM_ODDS = (0.22, 0.24, 0.26, 0.12, 0.16)
_LEGS = (
    (((-8, 15), (0, 12), (0, 15)), ((-8, 15), (0, 12), (0, 15))),  # standing
    (((12, 40), (0, 10), (5, 40)), ((-30, -5), (0, 10), (5, 50))),  # walking
    (((45, 85), (0, 20), (50, 100)), ((-35, 0), (0, 20), (5, 50))),  # lunging
    (((50, 90), (5, 35), (70, 115)), ((50, 90), (5, 35), (70, 115))),  # sitting, squatting
    (((-10, 25), (15, 40), (0, 50)), ((-10, 25), (10, 40), (0, 50))),  # straddling
    (((0, 60), (10, 75), (0, 90)), ((-10, 10), (0, 10), (0, 20))),  # on one leg
)
_LEG_ODDS = (0.14, 0.22, 0.22, 0.12, 0.15, 0.15)


@dataclass(frozen=True, eq=False)
class Pose(ArrayEquality):
    """A person's skeleton, not yet placed in an image."""

    points: np.ndarray  # (20, 3): the keypoints, hands, toes
    chest_axes: np.ndarray  # (3, 3), columns: its left, its down, its front
    head_axes: np.ndarray
    skull: np.ndarray  # (2, 3): x, y, radius of cranium and jaw


def sample_pose(rng: np.random.Generator) -> Pose:
    """Samples a plausible articulation, seen from the front in 85 % of the cases."""
    from_front = rng.random() < 0.85
    yaw = np.clip(rng.normal(0, 34), -75, 75) if from_front else rng.normal(180, 25)
    roll = rng.normal(0, 60 if rng.random() < 0.15 else 15)
    hips = _axes(yaw, rng.normal(0, 10), roll)
    chest = _axes(yaw + rng.normal(0, 12), rng.normal(8, 15), roll + rng.normal(0, 15))
    head = chest @ _axes(rng.normal(0, 18), rng.normal(0, 8), rng.normal(0, 8))

    points = np.zeros((20, 3))
    points[THORAX] = chest @ (0, -0.29 * rng.uniform(0.9, 1.1), 0)
    points[NECK] = points[THORAX] + chest @ (0, -0.05, 0.01)
    # Larger than in reality, because the head distinguishes a person's front from the back.
    points[HEAD_TOP] = points[NECK] + head @ (0, -rng.uniform(0.15, 0.165), 0)
    breadth, leg_size, arm_size = rng.normal(1, 0.06, 3).clip(0.85, 1.15)

    legs = _LEGS[rng.choice(len(_LEGS), p=_LEG_ODDS)]
    arms = rng.choice(len(_ARMS), 2, p=_ARM_ODDS)
    if rng.random() < 0.4:
        arms[1] = arms[0]
    leading = rng.integers(2)
    for side in (0, 1):  # the person's right, then left
        out = 2 * side - 1
        hip, knee, ankle, toe = LEG_POINTS[side]
        flexion, abduction, bend = (rng.uniform(*span) for span in legs[side ^ leading])
        upper, lower = _directions(out, flexion, abduction, -bend, 0.0)
        foot = np.array([out * rng.uniform(0.0, 0.6), 0.2, 1.0])
        foot -= 0.9 * (foot @ lower) * lower
        points[hip] = hips @ (out * 0.062 * breadth, 0, 0)
        points[knee] = points[hip] + hips @ upper * 0.245 * leg_size
        points[ankle] = points[knee] + hips @ lower * 0.235 * leg_size
        points[toe] = points[ankle] + hips @ (foot / np.linalg.norm(foot)) * 0.1

        shoulder, elbow, wrist, hand = ARM_POINTS[side]
        flexion, abduction, bend = (rng.uniform(*span) for span in _ARMS[arms[side]])
        upper, lower = _directions(out, flexion, abduction, bend, rng.uniform(-0.3, 1.2))
        points[shoulder] = points[THORAX] + chest @ (out * 0.108 * breadth, 0.022, 0)
        points[elbow] = points[shoulder] + chest @ upper * 0.165 * arm_size
        points[wrist] = points[elbow] + chest @ lower * 0.145 * arm_size
        points[hand] = points[wrist] + chest @ lower * 0.042
    return Pose(points, chest, head, _skull(points))


def _axes(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation `(3, 3)`: lean forwards by `pitch`, turn by `yaw`, tilt in the image by `roll`."""
    angles = np.radians([yaw, pitch, roll])
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles), np.sin(angles)
    lean = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return tilt @ turn @ lean


def _directions(
    out: int, flexion: float, abduction: float, bend: float, inward: float
) -> tuple[np.ndarray, np.ndarray]:
    """Directions of a limb's upper and lower half in the axes of the trunk.

    Args:
        out: -1 for the right side of the body, 1 for the left.
        flexion: degrees from hanging down towards the front.
        abduction: degrees away from the body.
        bend: degrees at the joint in between: forwards, or backwards if negative.
        inward: how much the lower half bends towards the body's centre line.
    """
    f, a, b = np.radians([flexion, abduction, bend])
    upper = np.array([out * np.sin(a), np.cos(a) * np.cos(f), np.cos(a) * np.sin(f)])
    hinge = np.array([-out * inward, -np.sin(f) - 0.4 * inward, np.cos(f)])
    hinge -= (hinge @ upper) * upper
    lower = np.cos(b) * upper + np.sin(b) * hinge / np.linalg.norm(hinge)
    return upper, lower


def _skull(points: np.ndarray) -> np.ndarray:
    """Balls `(2, 3)` of cranium and jaw: they end at the head top and just above the neck."""
    up = points[HEAD_TOP] - points[NECK]
    cranium, jaw = points[HEAD_TOP] - 0.4 * up, points[NECK] + 0.33 * up
    size = 0.155
    return np.array([[*cranium[:2], 0.4 * size], [*jaw[:2], 0.3 * size]])
