"""The trainings of test_distribution on one and on two devices, for a process of their own.

The processor counts as two devices, which TensorFlow has to be told before it starts.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tiny_runs import Recorder, tiny_recipe, train_tiny

from simplebase import KeypointDataset, load_dataset
from simplebase.training import distribute, training
from simplebase.training.precision import FLOAT16

DEVICES = {"one": ["CPU:1"], "two": ["CPU:0", "CPU:1"]}

CASES: dict[str, dict[str, Any]] = {
    "augmented": {
        "augmentation": [
            {"name": "horizontal_flip"},
            {"name": "rotation"},
            {"name": "half_body", "probability": 0.7, "min_keypoints": 4},
            {"name": "brightness"},
            {"name": "random_cutout", "fill": "noise", "probability": 0.7},
        ],
    },
    "clipped": {
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "clip_norm": 2.0,
        "ema": 0.9,
        "transfer_epoch": 1,
        "freeze_level": 1,
        "loss_type": "ohkm",
        "augmentation": [],
    },
    # Adam would make steps of rounding errors where gradients are nearly 0.
    "unlabelled": {
        "optimizer": "sgd",
        "learning_rate": 1e-3,
        "ema": 0.5,
        "unlabelled": {
            "method": "mean-teacher",
            "threshold": 1e-6,
            "mirror": 0.5,
            "ramp": 0,
            "augmentation": [{"name": "rotation"}, {"name": "random_cutout", "fill": "noise"}],
        },
    },
    # The gradients of so large a loss overflow in three steps, on one device as on two. With 8e3 or
    # 1.4e4, one of the two may overflow in another step, depending on how the processor sums
    # float16. From 9e3 to 1.05e4 they agree, by oneDNN's kernels for AVX512-FP16 and by Eigen's.
    "float16": {
        "optimizer": "adamw",
        "weight_decay": 0.01,
        "clip_norm": 100.0,
        "loss_scale": 1e4,
        "augmentation": [],
    },
}


def unevenly_labelled(dataset: KeypointDataset) -> KeypointDataset:
    """The dataset with no label on every third record and few on every fourth."""
    keypoints = dataset.records.keypoints.copy()
    keypoints[::3, :, 2] = 0
    keypoints[::4, 3:, 2] = 0
    return replace(dataset, records=replace(dataset.records, keypoints=keypoints))


def losses(case: str, devices: str, dataset: KeypointDataset, folder: Path) -> list[float]:
    recorder = Recorder()
    train_tiny(
        dataset,
        folder / case / devices,
        recipe=tiny_recipe(**CASES[case]),
        observer=recorder,
        mixed_precision=case == "float16",
        unlabelled=dataset if case == "unlabelled" else None,
        distribution=distribute(devices=DEVICES[devices]),
    )
    return recorder.losses


def labels_of_halves(dataset: KeypointDataset) -> list[list[int]]:
    train = dataset.train
    labelled = (train.records.keypoints[..., 2] > 0).sum(axis=1)
    return labelled[train.images.shuffled(0, 1)].reshape(-1, 2, 4).sum(axis=2).tolist()


def places(devices: list[str]) -> list[tuple[str, list[int]]]:
    """Device and content of each part of a batch `[0, 1]`."""
    distribution = distribute(devices=devices)
    shared = distribution.share({"images": np.arange(2, dtype=np.uint8)})
    parts = distribution.strategy.experimental_local_results(shared["images"])
    return [(part.device.rpartition("device:")[2], part.numpy().tolist()) for part in parts]


def train_all(data: Path, folder: Path) -> None:
    """Leaves each run in `folder/CASE/DEVICES`, and beside them `result.json`.

    That holds the losses by case and devices, how many labels the two halves of each batch of
    the first epoch have, and where the parts of a batch of two numbers lie.
    """
    processor = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, halves)
    # What a machine with GPUs would choose.
    training.choose_policy = lambda mixed: FLOAT16 if mixed else "float32"
    dataset = unevenly_labelled(load_dataset(data))
    result = {
        case: {devices: losses(case, devices, dataset, folder) for devices in DEVICES}
        for case in CASES
    }
    placed = {name: places(devices) for name, devices in DEVICES.items()}
    labels = labels_of_halves(dataset)
    text = json.dumps({"losses": result, "labels": labels, "places": placed})
    (folder / "result.json").write_text(text)
