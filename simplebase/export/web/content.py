"""The names of the files in an exported folder."""

import os
from pathlib import Path

from simplebase.export.places import Place, parity_file

MODEL, POSTER, INDEX, LITERT = "model.tflite", "poster.jpg", "index.html", "litert"
PAGE = ("style.css", "page.js", "pose.js")
DETECTOR_MODEL, DETECTOR_SCRIPT = DETECTOR_FILES = ("detector.tflite", "detector.js")
"""Files of a page that has a detector."""

MARKERS = (INDEX, "pose.js", MODEL)
"""Files of every exported folder. A folder without them is not replaced."""

CONTENT = (*MARKERS, *PAGE, f"{MODEL}.json", POSTER, LITERT, *DETECTOR_FILES)


def site_place(output: str | os.PathLike[str]) -> Place:
    """Returns the place of an exported folder."""
    return Place(Path(output), (parity_file,), MARKERS, CONTENT)
