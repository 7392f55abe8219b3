"""The notebook of the tutorials: it runs from top to bottom, and is a page of the site."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from notebook_page import notebook_page

nbformat = pytest.importorskip("nbformat", reason='pip install "simplebase[docs]"')
nbclient = pytest.importorskip("nbclient", reason='pip install "simplebase[docs]"')

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "tutorials" / "first_model.ipynb"


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", python_path.rstrip(os.pathsep))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    kept = [pictures(cell) for cell in notebook.cells]
    train_shortly(notebook)
    resources = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, timeout=600, resources=resources)
    # Its `execute` leaves an event loop open, about which a later test would fail.
    asyncio.run(client.async_execute())
    assert (tmp_path / "figures.tflite").is_file()
    # The file holds the outputs of an earlier run, which the site shows.
    assert [pictures(cell) for cell in notebook.cells] == kept and sum(kept) == 3


def train_shortly(notebook: Any) -> None:
    """Replaces the ten epochs by one and the 120 figures by 60; no test needs good results."""
    text = nbformat.writes(notebook)
    for old, new in ((r"\"total_epoch\": 10", r"\"total_epoch\": 1"), ("count=120", "count=60")):
        assert text.count(old) == 1, f"the notebook has no {old} to make smaller"
        text = text.replace(old, new)
    notebook.cells = nbformat.reads(text, as_version=4).cells


def pictures(cell: Any) -> int:
    """How many pictures a cell has drawn."""
    return sum("image/jpeg" in output.get("data", {}) for output in cell.get("outputs", ()))


def test_its_page_shows_text_code_and_what_the_code_gave() -> None:
    page = notebook_page(
        """{"cells": [
        {"cell_type": "markdown", "source": ["# Title\\n", "Text"]},
        {"cell_type": "code", "source": ["print(1)"], "outputs": [
            {"output_type": "stream", "name": "stdout", "text": ["1\\n"]},
            {"output_type": "display_data", "data": {"image/png": "iVBO\\n", "text/plain": ["x"]}},
            {"output_type": "execute_result", "data": {"text/plain": ["2"]}}
        ]}]}"""
    )
    assert page == (
        "# Title\nText\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n"
        "![Output of the cell above](data:image/png;base64,iVBO)\n\n```text\n2\n```\n"
    )
