"""Dataset folders from dataset folders: merged, split anew, or a part of one."""

from simplebase.converters.combining.merging import merge_folders

__all__ = ["merge_folders"]
