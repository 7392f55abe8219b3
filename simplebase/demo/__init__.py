"""The demo: finds poses in images, videos and cameras, and draws them."""

from simplebase.demo.drawing import draw

__all__ = ["draw"]
