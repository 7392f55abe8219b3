"""Draws a curve as SVG, in the colours of its page."""

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 640, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 12, 12, 26


def draw_curve(
    title: str, epochs: Sequence[int], values: Sequence[float | None], *, best: int | None = None
) -> str:
    """Returns an SVG element of `values` over `epochs`, with their ranges at the axes.

    Args:
        title: description for screen readers.
        epochs: at least one epoch, in ascending order.
        values: one value per epoch; None leaves a gap.
        best: the epoch that gets a dot.
    """
    measured = [value for value in values if value is not None]
    if not measured:
        return f"<p>{escape(title)}: not measured.</p>"
    low, high = min(measured), max(measured)
    first, last = epochs[0], epochs[-1]

    def place(epoch: int, value: float) -> tuple[float, float]:
        across = (epoch - first) / ((last - first) or 1)
        up = (value - low) / ((high - low) or 1)
        x = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        return x, _TOP + (1 - up) * (_HEIGHT - _TOP - _BOTTOM)

    points = [
        place(epoch, value)
        for epoch, value in zip(epochs, values, strict=True)
        if value is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = points if len(points) == 1 else []
    if best is not None and (value := dict(zip(epochs, values, strict=True)).get(best)) is not None:
        dots = [place(best, value)]
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in dots)
    floor = _HEIGHT - _BOTTOM
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>'
        f'<path class="axis" d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - _RIGHT}"/>'
        f'<polyline points="{line}"/>{marks}'
        f'<text x="{_LEFT - 6}" y="{_TOP + 5}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{_LEFT - 6}" y="{floor}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">epoch {first}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}" text-anchor="end">{last}</text></svg>'
    )
