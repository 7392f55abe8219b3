"""Each block of docs/keras.md runs as it stands."""

import os
import re
import warnings
from pathlib import Path

import pytest
from tiny_runs import one_layer_network

from simplebase.errors import SimplebaseWarning

PAGE = Path(__file__).parents[1] / "docs" / "keras.md"
_SECTIONS = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
BLOCKS = {
    section.splitlines()[0]: block
    for section in _SECTIONS
    for block in re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
}
WRITTEN = {
    "Train with `fit`": ["best.keras", "figures.keras"],
    "Your own data": ["dots.keras"],
    "Unlabelled images": ["figures.keras"],
    "Your own loop": [],
    "Your own backbone": ["mobilenet.keras"],
    "Your own head": ["shuffled.keras"],
}


def test_every_section_has_one_block() -> None:
    assert list(BLOCKS) == list(WRITTEN)
    assert len(BLOCKS) == PAGE.read_text("utf-8").count("```python")


@pytest.mark.parametrize("title", BLOCKS)
def test_the_block_runs(
    title: str, figures_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    os.symlink(figures_folder, tmp_path / "data" / "figures")
    monkeypatch.chdir(tmp_path)
    # A network of one layer stands for the preset's, which takes most of a minute to trace.
    with one_layer_network(), warnings.catch_warnings():
        # It has no ImageNet weights.
        warnings.simplefilter("ignore", SimplebaseWarning)
        exec(compile(BLOCKS[title], title, "exec"), {"__name__": "page"})
    written = sorted(path.name for path in tmp_path.glob("*.keras"))
    assert written == WRITTEN[title]
