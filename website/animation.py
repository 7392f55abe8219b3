"""The animation of the README: a drawn figure that moves, and what a model finds in it.

python website/animation.py MODEL.keras docs/demo.webp

MODEL is what the README's first command trains. The figure is one of `simplebase data synthesize`,
whose pose moves from one random pose to the next; the skeleton is what `simplebase demo` draws.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from PIL import Image

from simplebase.data.figures import figure
from simplebase.data.figures.pose import Pose, sample_pose

SIDE, FRAMES_PER_SECOND, SECONDS = 320, 12, 10
POSES, POSE_SEED, OUTFIT_SEED = 6, 3, 7
CENTRE, STATURE = np.array([160.0, 165.0]), 255.0
BOX = "25,15,270,290"
_UPRIGHT, _FACING = 0.9, 0.85  # cosines


def main() -> None:
    """Writes the animation."""
    parser = argparse.ArgumentParser(description="Animate a drawn figure.")
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video, drawn = Path(folder) / "figure.mp4", Path(folder) / "drawn.mp4"
        write_video(video)
        words = ["--model", options.model, "--input", video, "--box", BOX, "--output", drawn]
        subprocess.run([sys.executable, "-m", "simplebase", "demo", *words], check=True)
        frames = [Image.fromarray(frame) for frame in read_video(drawn)]
    frames[0].save(
        options.output,
        save_all=True,
        append_images=frames[1:],
        duration=1000 // FRAMES_PER_SECOND,
        loop=0,
        quality=55,
        method=6,
    )


def write_video(path: Path) -> None:
    """Draws the moving figure. Its clothes and the scene stay the same."""
    poses = chosen_poses()
    size = (SIDE, SIDE)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_SECOND, size)
    for time in np.linspace(0, POSES, FRAMES_PER_SECOND * SECONDS, endpoint=False):
        before = int(time)
        pose = between(poses[before], poses[(before + 1) % POSES], time - before)
        with (
            mock.patch.object(figure, "sample_pose", lambda rng, pose=pose: pose),
            mock.patch.object(figure, "_place", lambda *_: (CENTRE, STATURE)),
            mock.patch.object(figure, "occlude", lambda *_: None),
        ):
            drawn = figure.draw_figure(np.random.default_rng(OUTFIT_SEED), size)
        writer.write(cv2.cvtColor(drawn.image, cv2.COLOR_RGB2BGR))
    writer.release()


def chosen_poses() -> list[Pose]:
    """Random poses of a figure that is upright and faces us."""
    rng = np.random.default_rng(POSE_SEED)
    poses: list[Pose] = []
    while len(poses) < POSES:
        pose = sample_pose(rng)
        if pose.chest_axes[2, 2] > _FACING and pose.chest_axes[1, 1] > _UPRIGHT:
            poses.append(pose)
    return poses


def between(first: Pose, second: Pose, time: float) -> Pose:
    """The pose at `time`, 0 to 1, on a smooth way from one to the other."""
    share = time * time * (3 - 2 * time)

    def mixed(name: str) -> np.ndarray:
        mean = (1 - share) * getattr(first, name) + share * getattr(second, name)
        return np.asarray(mean)

    def rotation(name: str) -> np.ndarray:
        left, _, right = np.linalg.svd(mixed(name))
        return np.asarray(left @ right)

    return Pose(mixed("points"), rotation("chest_axes"), rotation("head_axes"), mixed("skull"))


def read_video(path: Path) -> Iterator[np.ndarray]:
    """The frames, `(H, W, 3)` RGB uint8."""
    capture = cv2.VideoCapture(str(path))
    while True:
        there, frame = capture.read()
        if not there:
            break
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    capture.release()


if __name__ == "__main__":
    main()
