"""Skeletons: keypoint names, flip pairs and links, built in or from upstream's text files."""

from simplebase.skeletons.loader import load_skeleton, skeleton_names
from simplebase.skeletons.sides import coloured_link, pairs_by_name
from simplebase.skeletons.skeleton import Link, Skeleton
from simplebase.skeletons.textfiles import read_text_files, write_text_files

__all__ = [
    "Link",
    "Skeleton",
    "coloured_link",
    "load_skeleton",
    "pairs_by_name",
    "read_text_files",
    "skeleton_names",
    "write_text_files",
]
