"""What `eval` prints of hand-made scores."""

import numpy as np
import pytest
from rich.console import Console

from simplebase.cli import evaluation_display
from simplebase.cli.evaluation_display import print_evaluations
from simplebase.evaluation import Detections, Evaluation, Figure, Scores


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Lines of cells that were printed in so many columns."""

    def lines(evaluations: dict[str, Evaluation], width: int = 80) -> list[list[str]]:
        console = Console(width=width)
        monkeypatch.setattr(evaluation_display, "console", console)
        print_evaluations(evaluations, images=12, normaliser="upstream")
        output = capsys.readouterr().out.splitlines()
        assert max(map(len, output)) <= width
        return [line.split() for line in output if line.strip() and "──" not in line]

    return lines


def figure(name: str, value: float | None, low: float = 0.0, high: float = 0.0) -> Figure:
    """A figure whose interval is from `low` to `high`, half of its samples each."""
    return Figure(name, value, None if value is None else np.array([low] * 50 + [high] * 50))


def evaluation(scores: Scores, results: int = 12) -> Evaluation:
    return Evaluation(Detections(*(np.zeros(results) for _ in range(4))), None, (scores,), 12)


def pckh(value: float, groups: float) -> Scores:
    names = ("PCKh@0.5", "PCKh@0.1")
    figures = (figure(names[0], value, value - 0.1, value + 0.1), figure(names[1], 0.25, 0.2, 0.3))
    parts = {"Head": (groups, 0.01), "Ankle": (groups / 2, 0.02)}
    return Scores("pckh", figures, names, parts, leading=2, grouped=True)


def test_mpiis_table_of_two_models_and_how_much_they_differ(printed) -> None:
    lines = printed({"a.keras": evaluation(pckh(0.5, 0.8)), "b.keras": evaluation(pckh(0.7, 0.9))})
    assert lines == [
        ["pckh"],
        ["PCKh@0.5", "95", "%", "CI", "vs.", "first", "95", "%", "CI"],
        ["a.keras", "0.500", "0.400", "to", "0.600"],
        ["b.keras", "0.700", "0.600", "to", "0.800", "+0.2000", "+0.2000", "to", "+0.2000"],
        ["PCKh@0.1", "95", "%", "CI", "vs.", "first", "95", "%", "CI"],
        ["a.keras", "0.250", "0.200", "to", "0.300"],
        ["b.keras", "0.250", "0.200", "to", "0.300", "+0.0000", "+0.0000", "to", "+0.0000"],
        ["Head", "Ankle", "Mean"],
        ["a.keras", "0.800", "0.400", "0.500"],
        ["b.keras", "0.900", "0.450", "0.700"],
        ["12", "labelled", "objects", "in", "12", "images"],
    ]


def test_mpiis_table_of_one_model(printed) -> None:
    assert printed({"a.keras": evaluation(pckh(0.5, 0.8))}) == [
        ["a.keras:", "pckh"],
        ["PCKh@0.5", "PCKh@0.1"],
        ["Head", "0.800", "0.010"],
        ["Ankle", "0.400", "0.020"],
        ["Mean", "0.500", "0.250"],
        ["95", "%", "CI", "from", "0.400", "0.200"],
        ["to", "0.600", "0.300"],
        ["12", "labelled", "objects", "in", "12", "images"],
    ]


def test_the_normaliser_is_told_where_one_is_used(printed) -> None:
    scores = Scores("nme", (figure("NME", 0.5, 0.4, 0.6),), unit="normalisers")
    *_, last = printed({"a.keras": evaluation(scores)})
    assert last[-2:] == ["normaliser", "upstream"]


def test_a_model_that_found_nothing_stands_beside_one_that_did(printed) -> None:
    def errors(value: float | None, found: float) -> Scores:
        figures = (figure("EPE", value, 2.0, 4.0), figure("EPE found", found))
        return Scores("epe", figures, ("EPE", "EPE found"), {}, unit="px")

    lines = printed({"a": evaluation(errors(3, 1), 12), "b": evaluation(errors(None, 0), 7)})
    assert lines == [
        ["epe,", "in", "px"],
        ["EPE", "95", "%", "CI", "vs.", "first", "95", "%", "CI"],
        ["a", "3.00", "2.00", "to", "4.00"],
        ["b", "n/a", "n/a"],
        ["EPE", "found"],
        ["a", "1.00"],
        ["b", "0.00"],
        ["12", "labelled", "objects", "in", "12", "images"],
        ["b:", "7", "results"],
    ]


@pytest.mark.parametrize("width", [80, 140])
def test_the_ten_figures_of_coco_fit_a_terminal(printed, width: int) -> None:
    names = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
    scores = Scores("coco-ap", tuple(figure(name, 0.5, 0.4, 0.6) for name in names))
    lines = printed(dict.fromkeys(("model_int8.tflite", "b.onnx"), evaluation(scores)), width)
    assert lines[4] == list(names[1:])
    assert lines[5] == ["model_int8.tflite"] + ["0.500"] * 9


def test_of_few_images_there_is_no_empty_interval_and_the_title_stays_whole(printed) -> None:
    scores = Scores("coco-ap", (Figure("AP", 0.5),))
    [title, *rows] = printed({"keypoints_of_valid.json": evaluation(scores)})
    assert title == ["keypoints_of_valid.json:", "coco-ap"]
    assert rows[0] == ["AP", "0.500"]
    parts = Scores("pck", (Figure("PCK@0.5", 0.5),), ("PCK@0.5",), {"nose": (0.5,)})
    assert printed({"a.json": evaluation(parts)})[1:4] == [
        ["PCK@0.5"],
        ["nose", "0.500"],
        ["all", "0.500"],
    ]
