"""k-means with seeded initialisation."""

import numpy as np

_ROUNDS = 50


def k_means(points: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Clusters points with k-means, initialised by k-means++.

    Arthur and Vassilvitskii, 2007, https://theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf.

    Args:
        points: `(N, D)`, at least one.
        count: largest number of clusters. There are fewer if fewer points differ.
        seed: seed of the initialisation.

    Returns:
        `(N,)` int: the cluster of each point; and `(N,)`: its squared distance from the mean.
    """
    points = np.asarray(points, np.float64)
    centers = _beginnings(points, count, np.random.default_rng(seed))
    labels = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        distances = _squared_distances(points, centers)
        nearest = distances.argmin(axis=1)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        for cluster in range(len(centers)):
            members = points[labels == cluster]
            # A mean that has lost all its points is kept.
            if len(members):
                centers[cluster] = members.mean(axis=0)
    distances = _squared_distances(points, centers)
    labels = distances.argmin(axis=1)
    return labels, distances[np.arange(len(points)), labels]


def _beginnings(points: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Returns `(count or fewer, D)`: points drawn far from each other."""
    chosen = [int(random.integers(len(points)))]
    nearest = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < count and nearest.sum() > 0:
        chosen.append(int(random.choice(len(points), p=nearest / nearest.sum())))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return points[chosen].copy()


def _squared_distances(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Returns `(N, count)`, computed as a matrix product, so rounding may give values below 0."""
    squares = (points**2).sum(axis=1)[:, None] + (centers**2).sum(axis=1)
    return np.maximum(squares - 2 * points @ centers.T, 0)
