"""Chooses and writes frames of videos that are worth labelling."""

from simplebase.data.frames.extracting import Extraction, extract_frames

__all__ = ["Extraction", "extract_frames"]
