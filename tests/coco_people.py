"""COCO ground truth and results for tests, made up or disturbed, and pycocotools called by hand."""

import contextlib
import copy
import io
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from simplebase import load_skeleton

PERSON = load_skeleton("coco")
SIGMAS = np.array(PERSON.sigmas)


def made_up_people(
    images: int = 12, seed: int = 0, num_keypoints: int = 17, first_image: int = 3
) -> dict[str, Any]:
    """None to four people an image: large, medium and small ones, crowds, some without labels."""
    random = np.random.default_rng(seed)
    annotations = []
    for image in range(first_image, first_image + images):
        for _ in range(random.integers(5)):
            size = random.choice([20, 60, 250])
            corner = random.uniform(0, 400, 2)
            points = np.round(corner + random.uniform(0, size, (num_keypoints, 2)), 2)
            seen = random.choice([0, 1, 2], num_keypoints, p=[0.3, 0.2, 0.5])
            if random.random() < 0.1:
                seen[:] = 0
            keypoints = np.where(seen[:, None] > 0, np.column_stack([points, seen]), 0)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "iscrowd": int(random.random() < 0.05),
                    "keypoints": keypoints.ravel().tolist(),
                    "num_keypoints": int((seen > 0).sum()),
                    "bbox": [*corner.tolist(), float(size), float(size)],
                    "area": float(size**2 * random.uniform(0.4, 0.8)),
                }
            )
    return {
        "images": [
            {"id": image, "file_name": f"{image}.jpg"}
            for image in range(first_image, first_image + images)
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }


def disturbed(ground_truth: dict[str, Any], seed: int = 0) -> list[dict[str, Any]]:
    """Each object found none to three times, well or badly, and some where there are none."""
    random = np.random.default_rng(seed)
    results = []
    for each in ground_truth["annotations"]:
        points = np.array(each["keypoints"], float).reshape(-1, 3)
        x, y, width, height = each["bbox"]
        for _ in range(random.choice(4, p=[0.15, 0.6, 0.15, 0.1])):
            error = random.choice([0.01, 0.05, 0.2, 1]) * np.sqrt(each["area"])
            found = points[:, :2] + random.normal(0, error, (len(points), 2))
            # What is not labelled is found somewhere in the box.
            guess = [x, y] + random.random((len(points), 2)) * [width, height]
            found = np.where(points[:, 2:] > 0, found, guess)
            results.append(result(each["image_id"], found, random.random()))
    for image in ground_truth["images"]:
        if random.random() < 0.3:
            somewhere = random.uniform(0, 500, points[:, :2].shape)
            results.append(result(image["id"], somewhere, random.random()))
    return results


def result(image_id: int, points: np.ndarray, score: float) -> dict[str, Any]:
    keypoints = np.column_stack([points, np.ones(len(points))])
    return {
        "image_id": image_id,
        "category_id": 1,
        "keypoints": keypoints.ravel().tolist(),
        "score": float(score),
    }


def by_hand(
    ground_truth: dict[str, Any], results: list[dict[str, Any]], sigmas: np.ndarray | None = None
) -> COCOeval:
    """`COCOeval` as its manual calls it, with its own sigmas or others."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(ground_truth)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "keypoints")
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = sigmas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation
