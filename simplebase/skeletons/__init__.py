"""Skeletons: keypoint names, flip pairs, links; built in, or from upstream's text files."""

from simplebase.skeletons.loader import load_skeleton, skeleton_names
from simplebase.skeletons.skeleton import Link, Skeleton
from simplebase.skeletons.textfiles import read_text_files, write_text_files

__all__ = [
    "Link",
    "Skeleton",
    "load_skeleton",
    "read_text_files",
    "skeleton_names",
    "write_text_files",
]
