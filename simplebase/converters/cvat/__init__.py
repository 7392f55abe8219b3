"""CVAT's XML for images and for videos."""
