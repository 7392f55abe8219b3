"""k-means: what it finds, and that it finds it again."""

import numpy as np
from scipy.cluster.vq import kmeans2

from simplebase.data.frames.clustering import k_means


def _blobs() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    middles = np.array([[0, 0, 0], [50, 0, 0], [0, 80, 10]], float)
    labels = np.repeat([0, 1, 2], [30, 20, 10])
    return middles[labels] + random.normal(size=(60, 3)), labels


def test_separate_groups_are_found_for_every_seed() -> None:
    points, true = _blobs()
    for seed in range(10):
        labels, _ = k_means(points, 3, seed)
        assert len({*zip(labels.tolist(), true.tolist(), strict=True)}) == 3


def test_distances_are_those_that_scipy_finds() -> None:
    points, true = _blobs()
    middles = np.stack([points[true == group].mean(axis=0) for group in range(3)])
    centers, labels = kmeans2(points, middles, minit="matrix")
    expected = ((points - centers[labels]) ** 2).sum(axis=1)
    np.testing.assert_allclose(k_means(points, 3, 0)[1], expected, atol=1e-8)


def test_no_more_clusters_than_different_points() -> None:
    points = np.repeat([[1.0, 2.0], [3.0, 4.0]], 5, axis=0)
    labels, distances = k_means(points, 4, 0)
    assert len(set(labels.tolist())) == 2
    np.testing.assert_allclose(distances, 0, atol=1e-12)
