"""The HTML of a report: its parts and their style."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from simplebase.images import encode_image

_QUALITY = 85
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --faint: #5b636d; --paper: #fff;
  --line: #d5dae0; --accent: #1b6ca8; --panel: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --faint: #9aa4ae; --paper: #14181c;
  --line: #343b43; --accent: #6db3e8; --panel: #1d2329; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p, figcaption { color: var(--faint); } a { color: var(--accent); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
table { overflow-wrap: normal; } td.number, th.number { text-align: right; white-space: nowrap; }
.scroll { overflow-x: auto; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; }
.card { background: var(--panel); border-radius: .5rem; padding: .75rem 1rem; }
.card b { display: block; font-size: 1.5rem; }
.bar { background: var(--panel); min-width: 4rem; } .bar i { background: var(--accent);
  display: block; height: .7rem; border-radius: .2rem; }
figure { margin: 0; } img { max-width: 100%; height: auto; border-radius: .4rem; }
pre { background: var(--panel); border-radius: .5rem; overflow-x: auto; padding: .75rem 1rem; }
svg { width: 100%; } svg text { fill: var(--faint); font-size: 13px; }
svg polyline { fill: none; stroke: var(--accent); stroke-width: 2.5; }
svg circle { fill: var(--accent); }
svg .beside polyline { stroke: var(--faint); stroke-dasharray: 6 4; }
svg .beside circle { fill: var(--faint); } svg .axis { fill: none; stroke: var(--line); }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """A whole HTML document; it loads nothing from anywhere."""
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body></html>\n"
    )
    # Records and file names may contain lone surrogates, which UTF-8 cannot encode.
    return text.encode("utf-8", "replace").decode()


def section(title: str, *parts: str) -> str:
    """Returns a section with a heading."""
    return f"<h2>{escape(title)}</h2>\n" + "\n".join(parts)


def paragraph(text: str) -> str:
    """Returns a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def listing(texts: Sequence[str]) -> str:
    """Returns a list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def cards(values: Mapping[str, str]) -> str:
    """Returns labelled figures side by side."""
    inner = "".join(
        f'<div class="card"><b>{escape(value)}</b>{escape(name)}</div>'
        for name, value in values.items()
    )
    return f'<div class="cards">{inner}</div>'


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> str:
    """Returns a table.

    Args:
        headings: headings of the columns.
        rows: texts of the cells.
        numbers: how many of the last columns contain numbers, which are aligned to the right.
    """

    def cell(tag: str, place: int, text: str) -> str:
        kind = ' class="number"' if place >= len(headings) - numbers else ""
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    head = "".join(cell("th", place, text) for place, text in enumerate(headings))
    body = "".join(
        "<tr>" + "".join(cell("td", place, text) for place, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def bars(headings: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]]) -> str:
    """Returns a table of fractions by name, with a bar for the first value of each row."""
    head = f"<th>{escape(headings[0])}</th><th></th>" + "".join(
        f'<th class="number">{escape(text)}</th>' for text in headings[1:]
    )
    body = "".join(
        f'<tr><td>{escape(name)}</td><td class="bar">'
        f'<i style="width: {100 * (values[0] or 0):.1f}%"></i></td>'
        + "".join(f'<td class="number">{fraction(value)}</td>' for value in values)
        + "</tr>"
        for name, values in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def picture(image: np.ndarray, caption: str) -> str:
    """Returns the image `(height, width, 3)` RGB uint8, embedded in the page."""
    data = base64.b64encode(encode_image(image, ".jpg", jpeg_quality=_QUALITY)).decode()
    text = escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/jpeg;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def commands(lines: Sequence[str]) -> str:
    """Returns command lines to copy."""
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def fraction(value: float | None) -> str:
    """Formats a fraction as `0.738`, or `n/a`."""
    return "n/a" if value is None else f"{value:.3f}"
