"""Frames that a model is unsure of, with its keypoints as labels to correct."""

from simplebase.suggesting.suggestions import Suggestions, suggest_frames

__all__ = ["Suggestions", "suggest_frames"]
