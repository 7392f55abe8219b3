"""Drawn articulated human figures with exact keypoints: the embedded synthetic dataset.

A figure is a small 3D skeleton seen by an orthographic camera, so foreshortening, and which limb
hides which, follow from the pose. A body part is the convex hull of a few balls, painted from back
to front into the image, and into a map of body regions that later tells which keypoint is hidden.
"""

from simplebase.data.figures.figure import Figure, draw_figure

__all__ = ["Figure", "draw_figure"]
