"""What several devices draw is together what one draws."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from augmentation_batches import augmentation, items, noise

from simplebase.augmentation import Augmentation
from simplebase.augmentation.random import StepRandom
from simplebase.skeletons import load_skeleton

EVERY_ITEM: dict[str, dict[str, Any]] = {
    "horizontal_flip": {},
    "vertical_flip": {},
    "rotation": {"probability": 0.7},
    "scale": {},
    "shift": {},
    "half_body": {"probability": 0.7},
    "brightness": {"probability": 0.7},
    "contrast": {"probability": 0.7},
    "chroma": {"probability": 0.7},
    "grayscale": {"probability": 0.5},
    "sharpness": {"probability": 0.7},
    "blur": {"probability": 0.7},
    "equalization": {"probability": 0.5},
    "random_cutout": {"probability": 0.7, "count": 2, "fill": "noise"},
}
COUNT = 12


def drawn(replica: int, replicas: int, *shape: int, seed: int = 0, step: int = 3) -> np.ndarray:
    """The second draw of a step."""
    random = StepRandom(seed)
    random.start(step, replica, replicas)
    random.uniform((shape[0],))
    return random.uniform(shape, -1.0, 2.0).numpy()


@pytest.mark.parametrize("replicas", [2, 3])
@pytest.mark.parametrize("shape", [(12,), (12, 2), (12, 3, 2)])
def test_the_draws_of_all_replicas_are_those_of_one(shape: tuple[int, ...], replicas: int) -> None:
    part = (shape[0] // replicas, *shape[1:])
    parts = [drawn(replica, replicas, *part) for replica in range(replicas)]
    whole = drawn(0, 1, *shape)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.unique(whole).size == whole.size
    assert whole.min() >= -1 and whole.max() < 2


def test_what_is_drawn_for_all_is_the_same_on_each_replica() -> None:
    def of_replica(replica: int, replicas: int) -> np.ndarray:
        random = StepRandom(0)
        random.start(0, replica, replicas)
        return random.uniform_for_all((4, 5), 0.0, 255.0).numpy()

    np.testing.assert_array_equal(of_replica(0, 2), of_replica(0, 1))
    np.testing.assert_array_equal(of_replica(1, 2), of_replica(0, 1))


def test_other_seeds_steps_and_draws_give_other_numbers() -> None:
    random = StepRandom(0)
    random.start(3)
    first, second = random.uniform((50,), -1.0, 2.0), random.uniform((50,), -1.0, 2.0)
    others = [drawn(0, 1, 50, seed=1), drawn(0, 1, 50, step=4), first.numpy()]
    np.testing.assert_array_equal(second, drawn(0, 1, 50))
    assert all(np.abs(other - second).min() > 1e-6 for other in others)


def augmented(
    layer: Augmentation, batch: dict[str, np.ndarray], replica: int = 0, replicas: int = 1
) -> dict[str, np.ndarray]:
    size = COUNT // replicas
    part = {name: tf.constant(values[replica * size :][:size]) for name, values in batch.items()}
    result = layer(part, step=tf.constant(7), replica=tf.constant(replica), replicas=replicas)
    return {name: values.numpy() for name, values in result.items()}


@pytest.mark.parametrize("name", [*EVERY_ITEM, "everything"])
def test_two_halves_of_a_batch_are_augmented_as_the_whole(name: str) -> None:
    settings = items(**(EVERY_ITEM if name == "everything" else {name: EVERY_ITEM[name]}))
    skeleton = replace(load_skeleton("mpii"), vertical_pairs=(("head_top", "pelvis"),))
    layer = augmentation(*settings, size=(64, 48), seed=2, skeleton=skeleton)
    places = np.random.default_rng(1).uniform(20, 60, (COUNT, skeleton.num_keypoints, 2))
    keypoints = np.concatenate([places, np.full_like(places[..., :1], 2)], axis=-1)
    batch = {"images": noise(layer.canvas_size, COUNT), "keypoints": keypoints.astype(np.float32)}
    whole = augmented(layer, batch)
    halves = [augmented(layer, batch, replica, 2) for replica in (0, 1)]
    joined = {name: np.concatenate([half[name] for half in halves]) for name in batch}
    np.testing.assert_allclose(joined["keypoints"], whole["keypoints"], atol=1e-3)
    # Equalisation rounds, so a last digit may become a level.
    assert np.mean(np.abs(joined["images"] - whole["images"]) > 0.01) < 1e-3
    if whole["images"].shape == batch["images"].shape:
        assert (whole["images"] != batch["images"]).any()
