"""Drawn articulated human figures with exact keypoints: the embedded synthetic dataset.

A figure is a small 3D skeleton seen by an orthographic camera, so the pose determines
foreshortening and occlusion. A body part is the convex hull of a few balls. Parts are painted from
back to front into the image, and into a map of body regions that later shows which keypoints are
hidden.
"""

from simplebase.data.figures.figure import Figure, draw_figure

__all__ = ["Figure", "draw_figure"]
