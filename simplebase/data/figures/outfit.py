"""A person's body and clothes as parts to paint."""

import numpy as np

from simplebase.data.figures.painting import (
    FLAT,
    HEAD,
    L_ARM,
    L_LEG,
    R_ARM,
    R_LEG,
    ROUND,
    TORSO,
    Part,
    cloth,
)
from simplebase.data.figures.pose import (
    ARM_POINTS,
    HEAD_TOP,
    L_HIP,
    L_SHOULDER,
    LEG_POINTS,
    NECK,
    R_HIP,
    R_SHOULDER,
    THORAX,
    Pose,
)

_SKIN = ((245, 208, 180), (228, 182, 146), (198, 146, 108), (150, 102, 72), (104, 70, 50))
_HAIR = ((28, 22, 20), (62, 40, 26), (112, 70, 36), (206, 168, 98), (150, 66, 34), (150, 148, 146))


def dress(rng: np.random.Generator, pose: Pose) -> list[Part]:
    """Builds all parts of one person: build, clothes and colours are drawn here."""
    skin = np.array(_SKIN[rng.integers(len(_SKIN))]) * rng.uniform(0.92, 1.06, 3)
    shirt, trousers, shoes = (cloth(rng) for _ in range(3))
    while np.abs(shirt - trousers).sum() < 120:  # the waist must show
        trousers = cloth(rng)
    girth = rng.uniform(0.88, 1.18)
    short_sleeves, short_trousers = rng.random(2) < (0.55, 0.35)
    parts = _trunk(rng, pose, girth, shirt, trousers) + _head(rng, pose, skin)
    for side in (0, 1):
        arm, leg = pose.points[list(ARM_POINTS[side])], pose.points[list(LEG_POINTS[side])]
        radii = girth * np.array([0.036, 0.029, 0.021])
        parts += _limb((R_ARM, L_ARM)[side], arm, radii, skin, shirt, short_sleeves, 0.02)
        parts.append(_segment((R_ARM, L_ARM)[side], skin, arm[2:], (0.019, 0.017), 0.022))
        radii = girth * np.array([0.056, 0.04, 0.028])
        parts += _limb((R_LEG, L_LEG)[side], leg, radii, skin, trousers, short_trousers, -0.05)
        parts.append(_segment((R_LEG, L_LEG)[side], shoes, leg[2:], (0.03, 0.022), -0.055))
    return parts


def _segment(
    region: int,
    colour: np.ndarray,
    ends: np.ndarray,
    radii: np.ndarray | tuple[float, ...],
    bias: float,
) -> Part:
    """A tapered capsule, brought forwards by `bias`."""
    return Part(ends[:, 2].mean() + bias, region, colour, np.column_stack([ends[:, :2], radii]))


def _limb(
    region: int,
    joints: np.ndarray,
    radii: np.ndarray,
    skin: np.ndarray,
    cloth: np.ndarray,
    short: bool,
    bias: float,
) -> list[Part]:
    """Two segments, a patch that hides the dark rim between them, and a short sleeve if any."""
    start, bend, end = joints[:3]
    colour = skin if short else cloth
    upper = _segment(region, colour, joints[:2], radii[:2], bias)
    lower = _segment(region, colour, joints[1:3], radii[1:], bias)
    near_bend = np.array([bend + 0.15 * (start - bend), bend, bend + 0.15 * (end - bend)])
    balls = np.column_stack([near_bend[:, :2], radii[1] * np.array([1.05, 1.0, 0.95])])
    depth = max(upper.depth, lower.depth) + 0.0005
    parts = [upper, lower, Part(depth, region, colour, balls, ROUND[1:])]
    if short:
        hem = start + 0.6 * (bend - start)
        balls = np.array([[*start[:2], radii[0] + 0.005], [*hem[:2], radii[0] + 0.002]])
        parts.append(Part(upper.depth + 0.001, region, cloth, balls))
    return parts


def _trunk(
    rng: np.random.Generator, pose: Pose, girth: float, shirt: np.ndarray, trousers: np.ndarray
) -> list[Part]:
    """Builds pelvis and shirt; the shirt may have stripes, its front may show a placket."""
    thorax, front = pose.points[THORAX], pose.chest_axes[:, 2]
    hips, shoulders = pose.points[[R_HIP, L_HIP]], pose.points[[R_SHOULDER, L_SHOULDER]]
    waist, hem = (hips + share * (shoulders - hips) for share in (0.35, 0.1))
    trim = cloth(rng)
    parts: list[Part] = []

    def add(bias: float, colour: np.ndarray, rows: list, radii: list[float], flat: bool) -> None:
        balls = np.column_stack([np.concatenate(rows)[:, :2], np.array(radii) * girth])
        layers = FLAT if flat else ROUND
        parts.append(Part(thorax[2] / 2 + bias, TORSO, colour, balls, layers))

    add(-0.02, trousers, [hips, waist], [0.058, 0.058, 0.04, 0.04], flat=False)
    chest = [shoulders, [thorax, 0.72 * thorax], waist, hem]
    add(0, shirt, chest, [0.036, 0.036, 0.045, 0.066, 0.046, 0.046, 0.052, 0.052], flat=False)
    if rng.random() < 0.3:
        for height in rng.uniform(0.2, 0.35) + np.arange(0, 0.6, 0.18):
            add(0.001, trim, [hips + height * (shoulders - hips)], [0.011, 0.011], flat=True)
    if front[2] > 0.2:
        placket = np.array([thorax, 0.3 * thorax]) + 0.065 * girth * front
        add(0.002, trim, [placket], [0.009, 0.006], flat=True)
    return parts


def _head(rng: np.random.Generator, pose: Pose, skin: np.ndarray) -> list[Part]:
    """Builds neck, ears, hair and, as far as it is turned to us, the face with its details."""
    axes, neck = pose.head_axes, pose.points[NECK]
    middle = (neck + pose.points[HEAD_TOP]) / 2
    hair = np.array(_HAIR[rng.integers(len(_HAIR))]) * rng.uniform(0.85, 1.15, 3)
    hairline, depth = rng.uniform(20, 40), middle[2] + 0.03
    throat = pose.points[[THORAX, NECK]]
    parts = [
        _segment(TORSO, skin * 0.9, throat, (0.032, 0.03), 0.001),
        Part(depth, HEAD, hair, pose.skull + [0, 0, 0.004]),
    ]
    for ear in (-0.06, 0.06):
        place = middle + axes @ (ear, 0.005, 0)
        parts.append(_segment(HEAD, skin * 0.85, place[None], (0.014,), 0.03))
    if rng.random() < 0.35:  # long hair
        nape = neck + axes @ (0, 0.03, -0.03)
        balls = np.array([pose.skull[0] + [0, 0, 0.006], [*nape[:2], 0.05]])
        parts.append(Part(depth - 0.12 * axes[2, 2], HEAD, hair * 0.9, balls))

    def add(level: int, colour: np.ndarray, longitudes: list, latitudes: list, r: float) -> None:
        grid = np.meshgrid(np.radians(longitudes), np.radians(latitudes))
        lon, lat = (angles.ravel() for angles in grid)
        normals = np.stack([np.sin(lon) * np.cos(lat), -np.sin(lat), np.cos(lon) * np.cos(lat)])
        normals[0] *= 1 - 0.25 * normals[1].clip(0)  # narrower at the chin
        places = middle + (axes @ (normals * [[0.054], [0.076], [0.06]])).T
        places = places[(axes @ normals)[2] > 0.05]
        if len(places):
            balls = np.column_stack([places[:, :2], np.full(len(places), r)])
            parts.append(Part(depth + 0.01 + 0.001 * level, HEAD, colour, balls, FLAT))

    if axes[2, 2] < -0.4:
        return parts
    add(0, skin * 0.8, [-72, -45, 0, 45, 72], [-75, -40, 0, hairline], 0.002)
    add(1, skin * 1.04, [-58, -35, 0, 35, 58], [-68, -40, 0, hairline - 5], 0.001)
    for eye in (-24, 24):
        add(2, hair * 0.8, [eye - 9, eye + 9], [19], 0.0025)
        add(2, np.full(3, 245), [eye - 5, eye + 5], [5], 0.008)
        add(3, np.full(3, 25), [eye], [5], 0.006)
    add(2, skin * 0.7, [0], [-8, -18], 0.004)
    add(2, skin * 0.45 + [60, 0, 0], [-15, 15], [-42], 0.005)
    return parts
