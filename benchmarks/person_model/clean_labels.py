"""Correct the labels of LSP-extended by what MoveNet Thunder finds in its images.

python benchmarks/person_model/clean_labels.py MODEL REFERENCE DATASET OUTPUT

MODEL is movenet-thunder without its ending, REFERENCE the dataset folder of LSP, whose train split
teaches where LSP's annotators place keypoints, DATASET a folder of LSP-extended and OUTPUT the
folder with corrected labels, whose images are a link to DATASET's.

MoveNet looks at each person and at its mirror image. Where the labelled torso is not upright it
also looks at both turned upright, and the orientation with the higher scores counts. A keypoint is
*sure* if its score is at least 0.45 in both views and the views agree within 4 % of the crop's
side. On LSP's own train split 0.95 of such keypoints lie within 5 % of the labels. Then

- label and teacher within 6 %: their weighted mean, with more of the teacher the surer it is (its
  spread around LSP's labels is half of that of LSP-extended's labels around the teacher);
- further apart: a sure teacher replaces the label; an unsure one (score at least 0.25) is averaged
  with the label within 10 % and removes it beyond that; below that score the label stays;
- not labelled: a sure teacher labels it.
"""

import argparse
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from conventions import COCO_MIRRORED, Convention, of_parts
from movenet import MoveNet

from simplebase.images import read_image

SURE_SCORE, SURE_AGREEMENT = 0.45, 0.04
SEEN_SCORE = 0.25
NEAR, FAR = 0.06, 0.1
# The teacher's share of the mean: sure, seen, neither.
SHARES = (0.8, 0.6, 0.3)
CROP = 1.25  # the teacher's crop over the extent of the labelled keypoints
UPRIGHT = 20.0  # degrees: up to here a torso is not turned
MARGIN = 1.1  # the object's size over the extent of its keypoints, as `convert lsp` has it
HIPS, SHOULDERS = [2, 3], [8, 9]


@dataclass(frozen=True)
class Findings:
    """What the teacher found in N images.

    keypoints: `(N, 17, 2)` pixels. scores: `(N, 17)`, the lower of both views. spread: `(N, 17)`
    pixels between the views.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    spread: np.ndarray


def main() -> None:
    """Writes the folder and prints what became of the labels."""
    parser = argparse.ArgumentParser(description="Correct labels by a teacher.")
    parser.add_argument("model", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    teacher = MoveNet(options.model)
    convention = learn_convention(teacher, options.reference)
    records = read(options.dataset)
    labels, labelled, sides = columns(records)
    findings = look(teacher, records, options.dataset / "images")
    corrected, valid, counts = correct(labels, labelled, sides, convention, findings)
    for record, keypoints, known in zip(records, corrected, valid, strict=True):
        update(record, keypoints, known)
    write(records, options.dataset, options.output)
    print(f"{options.output}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))


def learn_convention(teacher: MoveNet, reference: Path) -> Convention:
    """From the train split of `reference`."""
    records = [record for record in read(reference) if not record["isValidation"]]
    labels, labelled, sides = columns(records)
    found = look(teacher, records, reference / "images")
    return Convention(found.keypoints, labels, labelled, sides)


def correct(
    labels: np.ndarray,
    labelled: np.ndarray,
    sides: np.ndarray,
    convention: Convention,
    findings: Findings,
) -> tuple[np.ndarray, np.ndarray, Counter[str]]:
    """Keypoints `(N, 14, 2)`, which of them count `(N, 14)`, and how many went which way."""
    proposed = convention(findings.keypoints)
    scores = of_parts(findings.scores, np.minimum)
    spread = of_parts(findings.spread, np.maximum) / sides[:, None]
    apart = np.linalg.norm(proposed - labels, axis=-1) / sides[:, None]
    sure = (scores >= SURE_SCORE) & (spread < SURE_AGREEMENT)
    seen = ~sure & (scores >= SEEN_SCORE)
    near = labelled & (apart < NEAR)
    distant = labelled & ~near
    averaged = distant & seen & (apart < FAR)
    share = np.select([sure, seen], SHARES[:2], SHARES[2])
    share = np.select([near, averaged, sure], [share, 0.5, 1.0], 0.0)[..., None]
    removed = distant & seen & ~averaged
    counts = Counter(
        {
            "labels": int(labelled.sum()),
            "refined": int(near.sum()),
            "averaged": int(averaged.sum()),
            "replaced": int((distant & sure).sum()),
            "removed": int(removed.sum()),
            "left as they are": int((distant & ~sure & ~seen).sum()),
            "added": int((~labelled & sure).sum()),
        }
    )
    return share * proposed + (1 - share) * labels, (labelled | sure) & ~removed, counts


def look(teacher: MoveNet, records: list[dict[str, Any]], images: Path) -> Findings:
    """Runs the teacher on every record."""
    labels, labelled, sides = columns(records)
    keypoints, scores, spread = [], [], []
    for record, points, known, side in zip(records, labels, labelled, sides, strict=True):
        image = read_image(images / record["img_paths"])
        middle = (points[known].min(axis=0) + points[known].max(axis=0)) / 2
        angles = [0.0]
        if known[HIPS + SHOULDERS].all():
            up = points[SHOULDERS].mean(axis=0) - points[HIPS].mean(axis=0)
            turn = -np.degrees(np.arctan2(up[0], -up[1]))
            angles += [turn] if abs(turn) > UPRIGHT else []
        pairs = [look_twice(teacher, image, middle, side, angle) for angle in angles]
        both = max(pairs, key=lambda pair: pair[..., 2].mean())
        keypoints.append(both[..., :2].mean(axis=0))
        scores.append(both[..., 2].min(axis=0))
        spread.append(np.linalg.norm(both[0, :, :2] - both[1, :, :2], axis=-1))
    return Findings(np.stack(keypoints), np.stack(scores), np.stack(spread))


def look_twice(
    teacher: MoveNet, image: np.ndarray, middle: np.ndarray, side: float, degrees: float
) -> np.ndarray:
    """`(2, 17, 3)`: x, y and score, of a square of `side` pixels and of its mirror image.

    The square lies around `middle` and is turned clockwise by `degrees` before the teacher sees it.
    """
    angle, scale = np.radians(degrees), teacher.side / side
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    centre = (teacher.side - 1) / 2
    matrix = np.column_stack([turn, centre - turn @ middle])
    view = cv2.warpAffine(image, matrix, (teacher.side, teacher.side), flags=cv2.INTER_CUBIC)
    inverse = cv2.invertAffineTransform(matrix)
    result = []
    for mirrored in (False, True):
        points, scores = teacher(np.ascontiguousarray(view[:, ::-1]) if mirrored else view)
        if mirrored:
            points[:, 0] = teacher.side - 1 - points[:, 0]
            points, scores = points[COCO_MIRRORED], scores[COCO_MIRRORED]
        result.append(np.column_stack([points @ inverse[:, :2].T + inverse[:, 2], scores]))
    return np.stack(result)


def columns(records: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels `(N, 14, 2)`, which are labelled `(N, 14)`, and the sides `(N,)` of their crops."""
    joints = np.array([record["joint_self"] for record in records], np.float64)
    labels, labelled = joints[..., :2], joints[..., 2] > 0
    low = np.where(labelled[..., None], labels, np.inf).min(axis=1)
    high = np.where(labelled[..., None], labels, -np.inf).max(axis=1)
    return labels, labelled, (high - low).max(axis=1) * CROP + 1


def update(record: dict[str, Any], keypoints: np.ndarray, known: np.ndarray) -> None:
    """Puts the labels and the box around them into a record."""
    record["joint_self"] = [
        [round(float(x), 2), round(float(y), 2), 2.0] if valid else [0.0, 0.0, 0.0]
        for (x, y), valid in zip(keypoints, known, strict=True)
    ]
    low, high = keypoints[known].min(axis=0), keypoints[known].max(axis=0)
    record["objpos"] = [round(float(value), 2) for value in (low + high) / 2]
    record["scale_provided"] = round(float((high - low).max()) * MARGIN / 200, 5)


def read(folder: Path) -> list[dict[str, Any]]:
    """The records of a dataset folder."""
    return json.loads((folder / "annotations.json").read_text())


def write(records: list[dict[str, Any]], source: Path, output: Path) -> None:
    """A dataset folder like `source`, with other records."""
    output.mkdir(parents=True)
    for file in source.glob("*.txt"):
        shutil.copy(file, output)
    (output / "images").symlink_to((source / "images").resolve())
    (output / "annotations.json").write_text(json.dumps(records))


if __name__ == "__main__":
    main()
