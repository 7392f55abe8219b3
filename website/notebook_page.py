"""A Jupyter notebook as a Markdown page: its text, its code and what the code printed and drew."""

import json
from collections.abc import Iterator
from typing import Any


def notebook_page(text: str) -> str:
    """Markdown of a notebook, with the pictures of its outputs inside.

    Args:
        text: the JSON of an `.ipynb` file of format 4.
    """
    return "\n".join(line for cell in json.loads(text)["cells"] for line in _cell(cell))


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield from (source, "")
        return
    yield from ("```python", source, "```", "")
    for output in cell["outputs"]:
        yield from _output(output)


def _output(output: dict[str, Any]) -> Iterator[str]:
    data = output.get("data", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            picture = "".join("".join(data[kind]).split())
            yield from (f"![Output of the cell above](data:{kind};base64,{picture})", "")
            return
    printed = output.get("text") or data.get("text/plain") or ""
    yield from ("```text", "".join(printed).rstrip(), "```", "")
