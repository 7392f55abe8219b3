"""The demo: poses drawn on what is looked at."""

from simplebase.demo.drawing import draw

__all__ = ["draw"]
