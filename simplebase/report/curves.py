"""Draws curves as SVG, in the colours of their page."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 640, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 12, 12, 26


class Curve(NamedTuple):
    """A value for each epoch.

    Attributes:
        epochs: at least one epoch, in ascending order.
        values: one value per epoch; None leaves it out.
        best: the epoch that gets a dot.
    """

    epochs: Sequence[int]
    values: Sequence[float | None]
    best: int | None = None

    @property
    def measured(self) -> dict[int, float]:
        """The values by epoch, without those that are None."""
        pairs = zip(self.epochs, self.values, strict=True)
        return {epoch: value for epoch, value in pairs if value is not None}


def draw_curves(title: str, *curves: Curve) -> str:
    """Returns an SVG element of curves over the same axes, which show the range of all of them.

    Args:
        title: description for screen readers.
        curves: the first is a solid line, the others are dashed and grey.
    """
    values = [value for curve in curves for value in curve.measured.values()]
    if not values:
        return f"<p>{escape(title)}: not measured.</p>"
    low, high = min(values), max(values)
    first = min(curve.epochs[0] for curve in curves)
    last = max(curve.epochs[-1] for curve in curves)

    def place(epoch: int, value: float) -> tuple[float, float]:
        across = (epoch - first) / ((last - first) or 1)
        up = (value - low) / ((high - low) or 1)
        x = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        return x, _TOP + (1 - up) * (_HEIGHT - _TOP - _BOTTOM)

    def line(curve: Curve, style: str) -> str:
        places = {epoch: place(epoch, value) for epoch, value in curve.measured.items()}
        # A line of one point would be invisible.
        dots = [curve.best] if len(places) != 1 else places.keys()
        marks = [places[epoch] for epoch in dots if epoch in places]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places.values())
        return f'<g class="{style}"><polyline points="{points}"/>' + (
            "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in marks) + "</g>"
        )

    styles = ["curve"] + ["beside"] * (len(curves) - 1)
    # The first curve lies on top of the others.
    lines = [line(*pair) for pair in zip(curves, styles, strict=True)][::-1]
    floor = _HEIGHT - _BOTTOM
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>'
        f'<path class="axis" d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - _RIGHT}"/>'
        f"{''.join(lines)}"
        f'<text x="{_LEFT - 6}" y="{_TOP + 5}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{_LEFT - 6}" y="{floor}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">epoch {first}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}" text-anchor="end">{last}</text></svg>'
    )
