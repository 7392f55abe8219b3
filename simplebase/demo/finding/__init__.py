"""Finds the objects of a frame: from given boxes, by a detector, or by tracking."""
