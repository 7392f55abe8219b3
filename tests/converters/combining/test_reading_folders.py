"""Dataset folders as the sources of others."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from conversion_checks import damaged, readable_or_refused, write_image
from hypothesis import given, settings

from simplebase.converters.combining import merge_folders
from simplebase.data.records import make_record
from simplebase.skeletons import Skeleton

RECORDS = [
    make_record(
        dataset="set",
        validation=False,
        path=path,
        center=(1, 2),
        scale=0.1,
        keypoints=np.ones((1, 3)),
        box=(1, 2, 3, 4),
        image_id=index,
    )
    for index, path in enumerate(("a.png", "b/a.png"))
]


@given(damaged(RECORDS))
@settings(deadline=None, max_examples=40)
def test_damaged_annotations_are_refused_with_our_errors(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / "sound", Path(name) / "damaged"]
        for folder in folders:
            write_image(folder / "images" / "a.png", 2, 2)
            write_image(folder / "images" / "b" / "a.png", 2, 2)
        (folders[0] / "annotations.json").write_text(json.dumps(RECORDS))
        (folders[1] / "annotations.json").write_bytes(content)
        one = Skeleton("one", ("one",))
        readable_or_refused(lambda: merge_folders(folders, skeleton=one), Path(name) / "out")


def test_neither_tensorflow_nor_keras_is_imported(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    program = (
        "import sys\n"
        "sys.modules.update(tensorflow=None, keras=None)\n"
        "from simplebase.cli import main\n"
        "main()"
    )
    arguments = ["data", "split", make_folder("a"), tmp_path / "out", "--val-split", "0.5"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True)
    assert done.returncode == 0, done.stderr
