"""Drawn articulated human figures with exact keypoints: the embedded synthetic dataset.

A figure is a small 3D skeleton seen by an orthographic camera, so foreshortening, and which limb
hides which, follow from the pose. A body part is the convex hull of a few balls, painted from back
to front into the image, and into a map of body regions that later tells which keypoint is hidden.

Body axes: x to the image's right, y down, z towards the viewer; the origin is the pelvis and a
length of 1 is the stature. A person that faces us looks along +z and has its own left at +x.
"""

import colorsys
from dataclasses import dataclass, field

import cv2
import numpy as np

_R_ANKLE, _R_KNEE, _R_HIP, _L_HIP, _L_KNEE, _L_ANKLE, _PELVIS, _THORAX = range(8)
_NECK, _HEAD_TOP, _R_WRIST, _R_ELBOW, _R_SHOULDER, _L_SHOULDER, _L_ELBOW, _L_WRIST = range(8, 16)
# Points 16-19 are drawn, but are not keypoints: tips of hands and shoes. Rows: right, left.
_ARM_POINTS = ((_R_SHOULDER, _R_ELBOW, _R_WRIST, 16), (_L_SHOULDER, _L_ELBOW, _L_WRIST, 17))
_LEG_POINTS = ((_R_HIP, _R_KNEE, _R_ANKLE, 18), (_L_HIP, _L_KNEE, _L_ANKLE, 19))

_TORSO, _HEAD, _R_ARM, _L_ARM, _R_LEG, _L_LEG, _OBJECT = range(1, 8)  # 0: background
# A keypoint is visible where the front-most region is one of these; rows are keypoints 0-15.
_SHOWS_IN = (
    *[(_R_LEG,)] * 2, (_TORSO, _R_LEG), (_TORSO, _L_LEG), *[(_L_LEG,)] * 2,
    (_TORSO, _R_LEG, _L_LEG), (_TORSO,), (_TORSO, _HEAD), (_HEAD,),
    *[(_R_ARM,)] * 2, (_TORSO, _R_ARM), (_TORSO, _L_ARM), *[(_L_ARM,)] * 2,
)  # fmt: skip

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

_SKIN = ((245, 208, 180), (228, 182, 146), (198, 146, 108), (150, 102, 72), (104, 70, 50))
_HAIR = ((28, 22, 20), (62, 40, 26), (112, 70, 36), (206, 168, 98), (150, 66, 34), (150, 148, 146))

_SUBPIXEL_BITS = 4
_ANGLES = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
# (share of the radius, brightness) of the layers that make a part look round, outermost first.
_ROUND = np.array([(1.0, 0.6), (0.82, 0.87), (0.5, 1.05)])
_FLAT = np.array([(1.0, 1.0)])


@dataclass(frozen=True)
class Figure:
    """One drawn person and its labels; pixels are zero-based, an integer is a pixel's centre.

    Attributes:
        image: uint8 `(H, W, 3)` RGB.
        keypoints: float64 `(16, 3)`, x, y and COCO's visibility, in MPII's order. 0 is outside of
            the image (x and y are then 0), 1 is hidden by a body part or an object, 2 is visible.
        headbox: x1, y1, x2, y2 around the head, upper neck to head top; not clipped to the image.
        center: x, y of the middle of the bounding box of the keypoints inside the image.
        scale: person size / 200 px, as in MPII. The size is the longer side of the keypoints'
            bounding box, but at least 80 % of the stature, so that a crop of `1.25 * 200 * scale`
            pixels around `center` holds every labelled keypoint with a margin of 10 %.
    """

    image: np.ndarray
    keypoints: np.ndarray
    headbox: tuple[float, float, float, float]
    center: tuple[float, float]
    scale: float


@dataclass(frozen=True)
class _Pose:
    """A person's skeleton, not yet placed in an image."""

    points: np.ndarray  # (20, 3): the keypoints, hands, toes
    chest_axes: np.ndarray  # (3, 3), columns: its left, its down, its front
    head_axes: np.ndarray
    skull: np.ndarray  # (2, 3): x, y, radius of cranium and jaw


@dataclass(frozen=True)
class _Part:
    """A hull of `balls` `(n, 3)`: x, y, radius. Parts with the larger `depth` are in front."""

    depth: float
    region: int
    colour: np.ndarray
    balls: np.ndarray
    layers: np.ndarray = field(default_factory=lambda: _ROUND)


@dataclass(frozen=True)
class _Scene:
    """What is painted into: the image, and which body region is in front at each pixel."""

    image: np.ndarray
    regions: np.ndarray
    light: np.ndarray  # (x, y) towards it, below 1
    backdrop: np.ndarray  # the image before the figure came


def draw_figure(rng: np.random.Generator, size: tuple[int, int] = (256, 256)) -> Figure:
    """Draws a person in a random pose, outfit and scene.

    Args:
        rng: the only source of randomness: the same state gives the same bytes.
        size: `(height, width)` of the image in pixels, each at least 32.

    Raises:
        ValueError: a side of `size` is below 32.
    """
    if min(size) < 32:
        raise ValueError(f"size must be (height, width), each at least 32 pixels. Received: {size}")
    pose = _sample_pose(rng)
    offset, unit = _place(rng, pose.points[:, :2], size)
    points = offset + unit * pose.points[:16, :2]

    backdrop = _background(rng, size)
    light = 0.45 * _CIRCLE[rng.integers(8, 14)]  # from above
    scene = _Scene(backdrop.copy(), np.zeros(size, np.uint8), light, backdrop)
    for part in sorted(_dress(rng, pose), key=lambda part: part.depth):
        balls = part.balls * unit + [*offset, 0]
        _paint(scene, balls, part.colour, part.region, part.layers)
    if rng.random() < 0.34:
        _occlude(rng, scene, points, unit)

    keypoints = _label(points, scene.regions)
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    low, high = labelled.min(axis=0), labelled.max(axis=0)
    skull = pose.skull * unit + [*offset, 0]
    x1, y1 = np.minimum((skull[:, :2] - skull[:, 2:]).min(axis=0), points[_NECK])
    x2, y2 = np.maximum((skull[:, :2] + skull[:, 2:]).max(axis=0), points[_NECK])
    return Figure(
        image=_photograph(rng, scene.image),
        keypoints=keypoints,
        headbox=(float(x1), float(y1), float(x2), float(y2)),
        center=(float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2),
        scale=float(max(0.8 * unit, *(high - low))) / 200,
    )


def _sample_pose(rng: np.random.Generator) -> _Pose:
    """Samples a plausible articulation, seen from the front in 85 % of the cases."""
    from_front = rng.random() < 0.85
    yaw = np.clip(rng.normal(0, 34), -75, 75) if from_front else rng.normal(180, 25)
    roll = rng.normal(0, 60 if rng.random() < 0.15 else 15)
    hips = _axes(yaw, rng.normal(0, 10), roll)
    chest = _axes(yaw + rng.normal(0, 12), rng.normal(8, 15), roll + rng.normal(0, 15))
    head = chest @ _axes(rng.normal(0, 18), rng.normal(0, 8), rng.normal(0, 8))

    points = np.zeros((20, 3))
    points[_THORAX] = chest @ (0, -0.29 * rng.uniform(0.9, 1.1), 0)
    points[_NECK] = points[_THORAX] + chest @ (0, -0.05, 0.01)
    # Larger than life: the head is what tells a person's front from its back.
    points[_HEAD_TOP] = points[_NECK] + head @ (0, -rng.uniform(0.15, 0.165), 0)
    breadth, leg_size, arm_size = rng.normal(1, 0.06, 3).clip(0.85, 1.15)

    legs = _LEGS[rng.choice(len(_LEGS), p=_LEG_ODDS)]
    arms = rng.choice(len(_ARMS), 2, p=_ARM_ODDS)
    if rng.random() < 0.4:
        arms[1] = arms[0]
    leading = rng.integers(2)
    for side in (0, 1):  # the person's right, then left
        out = 2 * side - 1
        hip, knee, ankle, toe = _LEG_POINTS[side]
        flexion, abduction, bend = (rng.uniform(*span) for span in legs[side ^ leading])
        upper, lower = _directions(out, flexion, abduction, -bend, 0.0)
        foot = np.array([out * rng.uniform(0.0, 0.6), 0.2, 1.0])
        foot -= 0.9 * (foot @ lower) * lower
        points[hip] = hips @ (out * 0.062 * breadth, 0, 0)
        points[knee] = points[hip] + hips @ upper * 0.245 * leg_size
        points[ankle] = points[knee] + hips @ lower * 0.235 * leg_size
        points[toe] = points[ankle] + hips @ (foot / np.linalg.norm(foot)) * 0.1

        shoulder, elbow, wrist, hand = _ARM_POINTS[side]
        flexion, abduction, bend = (rng.uniform(*span) for span in _ARMS[arms[side]])
        upper, lower = _directions(out, flexion, abduction, bend, rng.uniform(-0.3, 1.2))
        points[shoulder] = points[_THORAX] + chest @ (out * 0.108 * breadth, 0.022, 0)
        points[elbow] = points[shoulder] + chest @ upper * 0.165 * arm_size
        points[wrist] = points[elbow] + chest @ lower * 0.145 * arm_size
        points[hand] = points[wrist] + chest @ lower * 0.042
    return _Pose(points, chest, head, _skull(points))


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
        inward: how much the lower half bends towards the body's middle.
    """
    f, a, b = np.radians([flexion, abduction, bend])
    upper = np.array([out * np.sin(a), np.cos(a) * np.cos(f), np.cos(a) * np.sin(f)])
    hinge = np.array([-out * inward, -np.sin(f) - 0.4 * inward, np.cos(f)])
    hinge -= (hinge @ upper) * upper
    lower = np.cos(b) * upper + np.sin(b) * hinge / np.linalg.norm(hinge)
    return upper, lower


def _skull(points: np.ndarray) -> np.ndarray:
    """Balls `(2, 3)` of cranium and jaw: they end at the head top and just above the neck."""
    up = points[_HEAD_TOP] - points[_NECK]
    cranium, jaw = points[_HEAD_TOP] - 0.4 * up, points[_NECK] + 0.33 * up
    size = 0.155
    return np.array([[*cranium[:2], 0.4 * size], [*jaw[:2], 0.3 * size]])


def _place(
    rng: np.random.Generator, points: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, float]:
    """Returns the pelvis `(x, y)` and the stature in pixels; one figure in ten leaves the image."""
    room = np.array(size[::-1], float)
    low, high = points.min(axis=0) - 0.05, points.max(axis=0) + 0.05
    extent = high - low
    unit = min(rng.uniform(0.42, 0.92) * room[1] / extent.max(), 0.96 * (room / extent).min())
    corner = rng.random(2) * (room - extent * unit)
    if rng.random() < 0.1:
        axis, cut = rng.integers(2), rng.uniform(0.12, 0.35)
        beyond = rng.choice([-cut * extent * unit, room - (1 - cut) * extent * unit])
        corner[axis] = beyond[axis]
    return corner - low * unit, unit


def _dress(rng: np.random.Generator, pose: _Pose) -> list[_Part]:
    """Builds all parts of one person: build, clothes and colours are drawn here."""
    skin = np.array(_SKIN[rng.integers(len(_SKIN))]) * rng.uniform(0.92, 1.06, 3)
    shirt, trousers, shoes = (_cloth(rng) for _ in range(3))
    while np.abs(shirt - trousers).sum() < 120:  # the waist must show
        trousers = _cloth(rng)
    girth = rng.uniform(0.88, 1.18)
    short_sleeves, short_trousers = rng.random(2) < (0.55, 0.35)
    parts = _trunk(rng, pose, girth, shirt, trousers) + _head(rng, pose, skin)
    for side in (0, 1):
        arm, leg = pose.points[list(_ARM_POINTS[side])], pose.points[list(_LEG_POINTS[side])]
        radii = girth * np.array([0.036, 0.029, 0.021])
        parts += _limb((_R_ARM, _L_ARM)[side], arm, radii, skin, shirt, short_sleeves, 0.02)
        parts.append(_segment((_R_ARM, _L_ARM)[side], skin, arm[2:], (0.019, 0.017), 0.022))
        radii = girth * np.array([0.056, 0.04, 0.028])
        parts += _limb((_R_LEG, _L_LEG)[side], leg, radii, skin, trousers, short_trousers, -0.05)
        parts.append(_segment((_R_LEG, _L_LEG)[side], shoes, leg[2:], (0.03, 0.022), -0.055))
    return parts


def _segment(
    region: int,
    colour: np.ndarray,
    ends: np.ndarray,
    radii: np.ndarray | tuple[float, ...],
    bias: float,
) -> _Part:
    """A tapered capsule, brought forwards by `bias`."""
    return _Part(ends[:, 2].mean() + bias, region, colour, np.column_stack([ends[:, :2], radii]))


def _limb(
    region: int,
    joints: np.ndarray,
    radii: np.ndarray,
    skin: np.ndarray,
    cloth: np.ndarray,
    short: bool,
    bias: float,
) -> list[_Part]:
    """Two segments, a patch that hides the dark rim between them, and a short sleeve if any."""
    start, bend, end = joints[:3]
    colour = skin if short else cloth
    upper = _segment(region, colour, joints[:2], radii[:2], bias)
    lower = _segment(region, colour, joints[1:3], radii[1:], bias)
    near_bend = np.array([bend + 0.15 * (start - bend), bend, bend + 0.15 * (end - bend)])
    balls = np.column_stack([near_bend[:, :2], radii[1] * np.array([1.05, 1.0, 0.95])])
    depth = max(upper.depth, lower.depth) + 0.0005
    parts = [upper, lower, _Part(depth, region, colour, balls, _ROUND[1:])]
    if short:
        hem = start + 0.6 * (bend - start)
        balls = np.array([[*start[:2], radii[0] + 0.005], [*hem[:2], radii[0] + 0.002]])
        parts.append(_Part(upper.depth + 0.001, region, cloth, balls))
    return parts


def _trunk(
    rng: np.random.Generator, pose: _Pose, girth: float, shirt: np.ndarray, trousers: np.ndarray
) -> list[_Part]:
    """Builds pelvis and shirt; the shirt may have stripes, its front may show a placket."""
    thorax, front = pose.points[_THORAX], pose.chest_axes[:, 2]
    hips, shoulders = pose.points[[_R_HIP, _L_HIP]], pose.points[[_R_SHOULDER, _L_SHOULDER]]
    waist, hem = (hips + share * (shoulders - hips) for share in (0.35, 0.1))
    trim = _cloth(rng)
    parts: list[_Part] = []

    def add(bias: float, colour: np.ndarray, rows: list, radii: list[float], flat: bool) -> None:
        balls = np.column_stack([np.concatenate(rows)[:, :2], np.array(radii) * girth])
        layers = _FLAT if flat else _ROUND
        parts.append(_Part(thorax[2] / 2 + bias, _TORSO, colour, balls, layers))

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


def _head(rng: np.random.Generator, pose: _Pose, skin: np.ndarray) -> list[_Part]:
    """Builds neck, ears, hair and, as far as it is turned to us, the face with its details."""
    axes, neck = pose.head_axes, pose.points[_NECK]
    middle = (neck + pose.points[_HEAD_TOP]) / 2
    hair = np.array(_HAIR[rng.integers(len(_HAIR))]) * rng.uniform(0.85, 1.15, 3)
    hairline, depth = rng.uniform(20, 40), middle[2] + 0.03
    throat = pose.points[[_THORAX, _NECK]]
    parts = [
        _segment(_TORSO, skin * 0.9, throat, (0.032, 0.03), 0.001),
        _Part(depth, _HEAD, hair, pose.skull + [0, 0, 0.004]),
    ]
    for ear in (-0.06, 0.06):
        place = middle + axes @ (ear, 0.005, 0)
        parts.append(_segment(_HEAD, skin * 0.85, place[None], (0.014,), 0.03))
    if rng.random() < 0.35:  # long hair
        nape = neck + axes @ (0, 0.03, -0.03)
        balls = np.array([pose.skull[0] + [0, 0, 0.006], [*nape[:2], 0.05]])
        parts.append(_Part(depth - 0.12 * axes[2, 2], _HEAD, hair * 0.9, balls))

    def add(level: int, colour: np.ndarray, longitudes: list, latitudes: list, r: float) -> None:
        grid = np.meshgrid(np.radians(longitudes), np.radians(latitudes))
        lon, lat = (angles.ravel() for angles in grid)
        normals = np.stack([np.sin(lon) * np.cos(lat), -np.sin(lat), np.cos(lon) * np.cos(lat)])
        normals[0] *= 1 - 0.25 * normals[1].clip(0)  # narrower at the chin
        places = middle + (axes @ (normals * [[0.054], [0.076], [0.06]])).T
        places = places[(axes @ normals)[2] > 0.05]
        if len(places):
            balls = np.column_stack([places[:, :2], np.full(len(places), r)])
            parts.append(_Part(depth + 0.01 + 0.001 * level, _HEAD, colour, balls, _FLAT))

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


def _cloth(rng: np.random.Generator) -> np.ndarray:
    hue, saturation, value = rng.uniform((0, 0.05, 0.22), (1, 0.8, 0.95))
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value)) * 255


def _paint(
    scene: _Scene, balls: np.ndarray, colour: np.ndarray, region: int, layers: np.ndarray = _ROUND
) -> None:
    """Paints the hull of `balls` (pixels); inner layers are shrunk and moved towards the light."""
    shares = layers[:, 0, None, None, None]
    rims = shares * _CIRCLE + (1 - shares) * scene.light
    rims = balls[:, None, :2] + balls[:, None, 2:] * rims  # (layer, ball, point of a circle, 2)
    fixed = np.rint(rims.reshape(len(layers), -1, 2) * 2**_SUBPIXEL_BITS).astype(np.int32)
    colours = (layers[:, 1:] * colour).clip(0, 255).tolist()
    for (share, _), points, rgb in zip(layers, fixed, colours, strict=True):
        hull = cv2.convexHull(points)
        cv2.fillConvexPoly(scene.image, hull, rgb, cv2.LINE_AA, _SUBPIXEL_BITS)
        if share == 1:
            cv2.fillConvexPoly(scene.regions, hull, region, cv2.LINE_8, _SUBPIXEL_BITS)


def _occlude(rng: np.random.Generator, scene: _Scene, points: np.ndarray, unit: float) -> None:
    """Covers parts of the figure with one to three objects, plain or textured."""
    for _ in range(rng.integers(1, 4)):
        middle = points[rng.integers(len(points))] + rng.normal(0, 0.05 * unit, 2)
        corners = middle + rng.uniform(-0.1, 0.1, (rng.integers(1, 5), 2)) * unit
        balls = np.column_stack([corners, np.full(len(corners), rng.uniform(0.015, 0.05) * unit)])
        _paint(scene, balls, _cloth(rng), _OBJECT)
        if rng.random() < 0.5:
            texture = scene.backdrop[::-1, ::-1, rng.permutation(3)].copy()
            blend = cv2.addWeighted(scene.image, 0.5, texture, 0.5, 0)
            cv2.copyTo(blend, (scene.regions == _OBJECT).astype(np.uint8), scene.image)


def _label(points: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Adds the visibility to `points` `(16, 2)`, from what the map of regions shows there."""
    height, width = regions.shape
    keypoints = np.zeros((len(points), 3))
    for row, (x, y) in enumerate(points):
        if 0 <= x <= width - 1 and 0 <= y <= height - 1:
            visible = regions[round(y), round(x)] in _SHOWS_IN[row]
            keypoints[row] = x, y, 2 if visible else 1
    return keypoints


def _background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A scene without people: smooth noise of several sizes, wall and floor, stripes, clutter."""
    height, width = size
    coarse = np.full((64, 64, 3), rng.uniform(45, 210), np.float32)
    for cells, strength in ((2, 40), (6, 28), (20, 18), (64, 10)):
        grey = rng.standard_normal((cells, cells, 1), np.float32)
        tint = rng.standard_normal((cells, cells, 3), np.float32)
        noise = (grey + 0.35 * tint) * np.float32(strength * rng.uniform(0.2, 1))
        coarse += cv2.resize(noise, (64, 64), interpolation=cv2.INTER_CUBIC)
    coarse += rng.normal(0, 15, 3)
    if rng.random() < 0.4:
        coarse[rng.integers(32, 56) :] += rng.normal(0, 30, 3)
    if rng.random() < 0.3:
        phase = np.tensordot(rng.normal(0, 0.6, 2), np.indices((64, 64)), 1)
        stripes = (np.sin(phase) * rng.choice([1, 6])).clip(-1, 1)
        coarse += stripes[..., None] * rng.normal(0, 14, 3)
    mean = coarse.mean(axis=(0, 1))
    coarse = coarse.clip(0, 255).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    scene = _Scene(image, np.zeros(size, np.uint8), 0.4 * _CIRCLE[10], image)
    for _ in range(rng.integers(0, 13)):
        balls = rng.random((rng.integers(1, 5), 3)) * [width, height, 0]
        balls = balls[0] + (balls - balls[0]) * rng.uniform(0.05, 0.5)
        balls[:, 2] = rng.uniform(0.005, 0.06) * height
        colour = mean + (_cloth(rng) - mean) * rng.uniform(0.15, 0.9)
        _paint(scene, balls, colour, _OBJECT, _ROUND if rng.random() < 0.3 else _FLAT)
    return image


def _photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Applies exposure, colour cast, sensor noise and, at times, a slight blur."""
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.1))
    gain = rng.uniform(0.7, 1.15) * rng.uniform(0.93, 1.07, 3)
    curve = (np.arange(256)[:, None] * gain).clip(0, 255).astype(np.uint8)
    image = cv2.LUT(image, curve[:, None])
    noise = np.frombuffer(rng.bytes(image.size), np.uint8).reshape(image.shape)
    amount = rng.uniform(0.015, 0.08)  # of a standard deviation of 74
    return cv2.addWeighted(image, 1, noise, amount, -127.5 * amount)
