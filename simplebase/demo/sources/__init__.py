"""Sources of frames: image files, videos, cameras and streams."""

from simplebase.demo.sources.opening import ImageFiles, open_source

__all__ = ["ImageFiles", "open_source"]
