"""Frames whose labels would teach a model most."""

from simplebase.suggesting.suggestions import Suggestions, suggest_frames

__all__ = ["Suggestions", "suggest_frames"]
