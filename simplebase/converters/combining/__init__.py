"""Makes dataset folders from dataset folders: merges, splits and selects."""

from simplebase.converters.combining.merging import merge_folders
from simplebase.converters.combining.selecting import select_folder
from simplebase.converters.combining.splitting import split_folder

__all__ = ["merge_folders", "select_folder", "split_folder"]
