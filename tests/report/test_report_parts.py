"""The parts of a report: confused sides, curves, HTML."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np

from simplebase.report import page
from simplebase.report.curves import Curve, draw_curves
from simplebase.report.sides import confused_sides

NAMES = ("nose", "left_hand", "right_hand")
PAIR = (("left_hand", "right_hand"),)
LABELS = np.array([[50, 10, 2], [20, 50, 2], [80, 50, 2]], float)
HEIGHT = 100.0


def count(predicted: list, labelled: np.ndarray = LABELS) -> tuple[int, int, int]:
    (found,) = confused_sides(
        np.array([predicted], float), labelled[None], np.array([HEIGHT]), NAMES, PAIR
    )
    return found.counted, found.confused, found.objects


def test_a_hand_at_the_other_label_is_confused() -> None:
    assert count([[50, 10], [22, 50], [78, 50]]) == (2, 0, 0)
    assert count([[50, 10], [75, 50], [78, 50]]) == (2, 1, 0)
    assert count([[50, 10], [79, 50], [21, 50]]) == (2, 2, 1)


def test_a_hand_at_neither_label_does_not_count() -> None:
    assert count([[50, 10], [50, 90], [78, 50]]) == (1, 0, 0)
    assert count([[50, 10], [20, 79], [20, 81]]) == (1, 0, 0)  # 29 and 31 from the left label


def test_what_is_not_found_or_not_labelled_does_not_count() -> None:
    assert count([[50, 10], [np.nan, np.nan], [21, 50]]) == (1, 1, 0)
    unlabelled = LABELS.copy()
    unlabelled[1, 2] = 0
    assert count([[50, 10], [79, 50], [21, 50]], unlabelled) == (0, 0, 0)


def test_hands_that_touch_say_nothing_about_sides() -> None:
    touching = LABELS.copy()
    touching[2, :2] = touching[1, :2] + (9, 0)  # less than a tenth of the height
    assert count([[50, 10], [29, 50], [20, 50]], touching) == (0, 0, 0)
    touching[2, 0] += 1
    assert count([[50, 10], [30, 50], [20, 50]], touching) == (2, 2, 1)


def test_a_share_of_nothing_is_none() -> None:
    (found,) = confused_sides(
        np.full((1, 3, 2), np.nan), LABELS[None], np.array([HEIGHT]), NAMES, PAIR
    )
    assert found.share is None


def drawn(*curves: Curve) -> ElementTree.Element:
    return ElementTree.fromstring(draw_curves("val PCK", *curves))


def lines(svg: ElementTree.Element) -> list[list[tuple[float, ...]]]:
    """The points x, y of each line."""
    return [
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        for line in svg.findall(".//polyline")
    ]


def test_a_curve_runs_from_corner_to_corner_and_marks_the_best() -> None:
    svg = drawn(Curve([1, 2, 3], [0.0, 0.5, 1.0], best=3))
    (((x0, y0), (x1, y1), (x2, y2)),) = lines(svg)
    assert x1 == (x0 + x2) / 2 and y1 == (y0 + y2) / 2 and y0 > y2
    (dot,) = svg.findall(".//circle")
    assert (float(dot.attrib["cx"]), float(dot.attrib["cy"])) == (x2, y2)
    assert [text.text for text in svg.findall("text")] == ["1", "0", "epoch 1", "3"]


def test_a_curve_leaves_gaps_out_and_says_if_there_is_nothing() -> None:
    assert len(drawn(Curve([1, 2], [None, 0.25])).findall(".//circle")) == 1
    assert "not measured" in draw_curves("val PCK", Curve([1, 2], [None, None]))


def test_two_curves_share_the_axes() -> None:
    svg = drawn(Curve([1, 2], [0.4, 0.5]), Curve([1, 2, 3], [0.1, 0.3, 0.5], best=3))
    # The first is drawn last, on top.
    (_, (xb, yb), (xc, yc)), (_, (x2, y2)) = lines(svg)
    assert x2 == xb < xc
    assert y2 == yc < yb
    assert [text.text for text in svg.findall("text")] == ["0.5", "0.1", "epoch 1", "3"]


def test_texts_of_a_run_are_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    parts = [
        page.paragraph(hostile),
        page.cards({hostile: hostile}),
        page.table((hostile,), [(hostile,)]),
        page.bars((hostile, hostile), [(hostile, (0.5,))]),
        page.picture(np.zeros((4, 4, 3), np.uint8), f'"{hostile}'),
        page.commands([hostile]),
    ]
    text = page.page(hostile, [page.section(hostile, *parts)])
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="(?!data:)', text) and "url(" not in text
