"""Accuracy, scores and speed of the person model, beside MoveNet's.

python benchmarks/person_model/measure.py DATASET MODEL... [--movenet FILE...] [--empty COCO JSON]

DATASET is a folder of LSP; its val split is measured. Printed are, for each MODEL (any format) and
each MoveNet (npm's files, without their ending; an int8 model of it is timed too):

- the share of keypoints within 2, 5 and 10 % of a crop of 1.25 times the object: all 14, the 12 of
  the limbs, these in crops of 1.8 times the size, and the upper body in crops that end at the hips;
- median milliseconds of one thread, all models in turns, and the ratio to the first MoveNet;
- with --empty, scores of right, wrong and absent keypoints and of images without people, which is
  what `--min-score` was chosen from.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from conventions import LIMBS
from movenet import MoveNet, to_tflite

from simplebase import KeypointDataset, load_dataset
from simplebase.evaluation import mean_pck, predict_dataset
from simplebase.images import read_image
from simplebase.inference import PoseEstimator
from simplebase.runtimes import load_runtime

SIZE = (128, 128)  # of the normaliser, which is the same for every square
THRESHOLDS = (0.2, 0.5, 1.0)  # tenths of the crop's side
CROP = 1.25
LOWER_BODY, HIPS = [0, 1, 4, 5], [2, 3]
HEAD = 13
ROUNDS = 40


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="Measure the person model.")
    parser.add_argument("dataset")
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--movenet", nargs="*", type=Path, default=[])
    parser.add_argument("--empty", nargs=2, type=Path, metavar=("IMAGES", "JSON"))
    options = parser.parse_args()
    whole = load_dataset(options.dataset).validation
    upper = upper_bodies(whole)
    print(f"{len(whole)} whole figures, {len(upper)} upper bodies\n")
    print("| model | 14 keypoints | 12 of the limbs | the same, small | upper bodies |")
    print("|---|---|---|---|---|")
    for path in options.models:
        runtime = load_runtime(path, threads=2)
        found, small, half = (
            predict_dataset(runtime, part) for part in (whole, enlarged(whole), upper)
        )
        cells = [
            shares(found, whole),
            shares(found, limbs(whole)),
            shares(small, limbs(whole)),
            shares(half, upper),
        ]
        print(f"| {path.name} | " + " | ".join(cells) + " |")
    for path in options.movenet:
        movenet = MoveNet(path)
        cells = [
            shares(of_movenet(movenet, crops, options.dataset), limbs(part))
            for crops, part in ((whole, whole), (enlarged(whole), whole), (upper, upper))
        ]
        print(f"| {path.name} | | " + " | ".join(cells) + " |")
    print_times(options.models, options.movenet)
    if options.empty:
        for path in options.models:
            print_scores(path, whole, upper, *options.empty)


def shares(predictions: np.ndarray, dataset: KeypointDataset) -> str:
    """Within 2, 5 and 10 % of the crop."""
    values = [mean_pck(predictions, dataset, SIZE, threshold=value) for value in THRESHOLDS]
    return " / ".join("-" if value is None else f"{value:.3f}" for value in values)


def enlarged(dataset: KeypointDataset) -> KeypointDataset:
    """Boxes of 1.8 times the size, as of a person who does not fill the frame."""
    return replace(dataset, records=replace(dataset.records, scales=dataset.records.scales * 1.8))


def limbs(dataset: KeypointDataset) -> KeypointDataset:
    """The dataset without labels of neck and head top."""
    keypoints = dataset.records.keypoints.copy()
    keypoints[:, len(LIMBS) :, 2] = 0
    return replace(dataset, records=replace(dataset.records, keypoints=keypoints))


def upper_bodies(dataset: KeypointDataset) -> KeypointDataset:
    """People with the head above the hips, cropped from head to hips; labelled without legs."""
    keypoints = dataset.records.keypoints.copy()
    keypoints[:, LOWER_BODY, 2] = 0
    labelled = keypoints[..., 2:] > 0
    low = np.where(labelled, keypoints[..., :2], np.inf).min(axis=1)
    high = np.where(labelled, keypoints[..., :2], -np.inf).max(axis=1)
    hips = keypoints[:, HIPS, 1].mean(axis=1)
    # Upright: the head is above the hips by more than half of the upper body's extent.
    upright = hips - keypoints[:, HEAD, 1] > (high - low).max(axis=1) / 2
    upright &= (keypoints[:, [*HIPS, HEAD], 2] > 0).all(axis=1)
    extent = (high - low).max(axis=1) * 1.1
    # The lower edge of a crop with padding 1 lies at the hips.
    centers = np.stack([(low[:, 0] + high[:, 0]) / 2, hips - extent / 2], axis=1)
    records = replace(dataset.records, keypoints=keypoints, centers=centers, scales=extent / 200)
    return replace(dataset, records=records).select(np.flatnonzero(upright))


def of_movenet(movenet: MoveNet, dataset: KeypointDataset, folder: str) -> np.ndarray:
    """`(N, 14, 2)` in image pixels, NaN for neck and head top."""
    records = dataset.records
    result = np.full((len(records), len(LIMBS) + 2, 2), np.nan)
    for row, (path, centre, scale) in enumerate(
        zip(records.paths, records.centers, records.scales, strict=True)
    ):
        image = read_image(Path(folder) / "images" / path)
        factor = movenet.side / (scale * 200 * CROP)
        offset = (movenet.side - 1) / 2 - factor * centre
        matrix = np.array([[factor, 0, offset[0]], [0, factor, offset[1]]])
        view = cv2.warpAffine(image, matrix, (movenet.side, movenet.side), flags=cv2.INTER_CUBIC)
        points, _ = movenet(view)
        result[row, : len(LIMBS)] = (points[LIMBS] - offset) / factor
    return result


def print_times(models: list[Path], movenets: list[Path]) -> None:
    """Of one thread, in turns: whatever else runs slows all of them."""
    from ai_edge_litert.interpreter import Interpreter

    jobs = {}
    contents = {path.name: to_tflite(path) for path in movenets}
    contents |= {f"{path.name} int8": to_tflite(path, int8=True) for path in movenets}
    contents |= {path.name: path.read_bytes() for path in models if path.suffix == ".tflite"}
    for name, content in contents.items():
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        (entry,) = interpreter.get_input_details()
        image = np.random.default_rng(0).integers(0, 256, entry["shape"])
        interpreter.set_tensor(entry["index"], image.astype(entry["dtype"]))
        jobs[name] = interpreter
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, interpreter in jobs.items():
            started = time.perf_counter()
            interpreter.invoke()
            times[name].append(time.perf_counter() - started)
    print("\n| model | ms | ratio | MB |\n|---|---|---|---|")
    first = None
    for name, values in times.items():
        median = float(np.median(values[ROUNDS // 4 :])) * 1000
        first = first or median
        print(f"| {name} | {median:.2f} | {median / first:.2f} | {len(contents[name]) / 1e6:.2f} |")


def print_scores(
    path: Path, whole: KeypointDataset, upper: KeypointDataset, images: Path, annotations: Path
) -> None:
    """Quantiles of keypoint scores, and what a threshold would keep of each kind."""
    runtime = load_runtime(path, threads=2)
    groups = {}
    found = predict_dataset(runtime, whole)
    records = whole.records
    side = records.scales * 200 * CROP
    errors = np.linalg.norm(found[..., :2] - records.keypoints[..., :2], axis=-1) / side[:, None]
    labelled = records.keypoints[..., 2] > 0
    groups["right, within 5 %"] = found[..., 2][labelled & (errors < 0.05)]
    groups["wrong, beyond 10 %"] = found[..., 2][labelled & (errors > 0.1)]
    legs = predict_dataset(runtime, upper)[:, LOWER_BODY, 2]
    groups["legs in crops that end at the hips"] = legs.ravel()
    listed = json.loads(annotations.read_text())
    with_people = {entry["image_id"] for entry in listed["annotations"]}
    estimate = PoseEstimator(runtime)
    empty, most = [], []
    for entry in listed["images"]:
        if entry["id"] not in with_people:
            (pose,) = estimate(read_image(images / entry["file_name"]))
            empty.append(pose.keypoints[:, 2])
            most.append(pose.score)
    groups["images without people"] = np.concatenate(empty)
    groups["images without people, mean of a pose"] = np.array(most)
    groups["whole figures, mean of a pose"] = found[..., 2].mean(axis=1)
    print(
        f"\n{path.name}\n\n| scores of | count | 5 % | 25 % | 50 % | 75 % | 95 % | "
        + " | ".join(f">= {value}" for value in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4))
        + " |"
    )
    print("|---" * 13 + "|")
    for name, scores in groups.items():
        quantiles = " | ".join(
            f"{q:.2f}" for q in np.quantile(scores, (0.05, 0.25, 0.5, 0.75, 0.95))
        )
        kept = " | ".join(f"{(scores >= t).mean():.2f}" for t in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4))
        print(f"| {name} | {len(scores)} | {quantiles} | {kept} |")


if __name__ == "__main__":
    main()
