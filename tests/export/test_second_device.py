"""Exports are compared on the processor, wherever TensorFlow would compute by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_model_and_files_answer_on_the_processor_in_float32(tmp_path: Path) -> None:
    """A GPU would answer in TF32, and a mixed policy in 16 bit: good exports would be refused."""
    script = Path(__file__).with_name("second_device.py")
    paths = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    done = subprocess.run(
        [sys.executable, script, tmp_path],
        env=os.environ | {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    processor = "/job:localhost/replica:0/task:0/device:CPU:0"
    assert found["model"] == found["file"] == [processor]
    assert found["dtypes"] == ["float32"]
    # Whoever has a GPU lets the exported file compute there.
    assert found["bound"] == [""]
