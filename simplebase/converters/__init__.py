"""Converts foreign datasets to ours, and ours to foreign formats."""

from simplebase.converters.animal_pose import read_animal_pose
from simplebase.converters.coco import read_coco
from simplebase.converters.conversion import Conversion, ConversionReport, write_dataset
from simplebase.converters.cvat.reader import read_cvat
from simplebase.converters.cvat.writer import to_cvat
from simplebase.converters.datumaro.reader import read_datumaro
from simplebase.converters.deeplabcut.lightning_pose import read_lightning_pose
from simplebase.converters.deeplabcut.reader import read_deeplabcut
from simplebase.converters.deeplabcut.writer import to_deeplabcut
from simplebase.converters.label_studio.reader import read_label_studio
from simplebase.converters.labelme import read_labelme
from simplebase.converters.lsp import read_lsp
from simplebase.converters.mpii import read_mpii
from simplebase.converters.pose_outputs.reader import read_pose_outputs
from simplebase.converters.pts import read_pts
from simplebase.converters.sleap.reader import read_sleap
from simplebase.converters.to_coco import to_coco
from simplebase.converters.to_labelme import to_labelme
from simplebase.converters.via.reader import read_via
from simplebase.converters.yolo.reader import read_yolo
from simplebase.converters.yolo.writer import to_yolo

__all__ = [
    "Conversion",
    "ConversionReport",
    "read_animal_pose",
    "read_coco",
    "read_cvat",
    "read_datumaro",
    "read_deeplabcut",
    "read_label_studio",
    "read_labelme",
    "read_lightning_pose",
    "read_lsp",
    "read_mpii",
    "read_pose_outputs",
    "read_pts",
    "read_sleap",
    "read_via",
    "read_yolo",
    "to_coco",
    "to_cvat",
    "to_deeplabcut",
    "to_labelme",
    "to_yolo",
    "write_dataset",
]
