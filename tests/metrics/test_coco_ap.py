"""AP against pycocotools called by hand, and with weights against images that are there twice."""

import copy
import dataclasses
import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from coco_people import PERSON, SIGMAS, by_hand, disturbed, made_up_people

from simplebase import load_skeleton
from simplebase.data.coco_format import coco_ground_truth
from simplebase.errors import ArgumentError, DataError
from simplebase.metrics import (
    COCO_FIGURES,
    OKS_THRESHOLDS,
    RECALLS,
    bootstrap,
    coco_ap,
    percentile_interval,
    weighted_ap,
    weighted_curves,
)
from simplebase.metrics.oks import FALLBACK_SIGMA


@pytest.fixture(scope="module")
def real_people(shared):
    """The 128 annotated training images of COCO, as their file has them."""
    return json.loads(
        (shared / "data/coco/annotations/person_keypoints_train2017.json").read_text()
    )


def same_as_by_hand(truth, results):
    ours, theirs = coco_ap(truth, results, PERSON), by_hand(truth, results)
    expected = [None if value == -1 else value for value in theirs.stats]
    assert list(ours.figures) == list(COCO_FIGURES)
    assert list(ours.figures.values()) == expected
    precision = theirs.eval["precision"][:, :, 0, 0, 0]
    np.testing.assert_array_equal(ours.precision, np.where(precision == -1, np.nan, precision))
    # Weights of 1 change nothing.
    weighted = weighted_ap(ours.matches, np.ones(len(truth["images"])))
    for name in COCO_FIGURES:
        assert weighted[name] == pytest.approx(ours.figures[name], abs=1e-9)
    curves, _ = weighted_curves(ours.matches["all"], np.ones(len(truth["images"])))
    np.testing.assert_allclose(curves, precision, atol=1e-9)
    return ours


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_exactly_those_of_pycocotools(seed):
    truth = made_up_people(images=30, seed=seed)
    ours = same_as_by_hand(truth, disturbed(truth, seed))
    assert 0.1 < ours.figures["AP"] < 0.9
    assert None not in ours.figures.values()


def test_figures_of_real_people_are_exactly_those_of_pycocotools(real_people):
    ours = same_as_by_hand(real_people, disturbed(real_people))
    assert 0.1 < ours.figures["AP"] < 0.9


def boxed(results, box):
    """The results with `box(index)` as `bbox`, where that is not None."""
    return [
        {**each, "bbox": box(index)} if box(index) is not None else each
        for index, each in enumerate(results)
    ]


@pytest.mark.parametrize(
    "box",
    [
        # Tiny, medium and large in turn: 25, 2500 and 40000 square pixels.
        lambda index: [10, 20, *[(5, 5), (50, 50), (200, 200)][index % 3]],
        lambda index: [],
        # The first has none: the areas are those of all keypoints.
        lambda index: [0, 0, 200, 200] if index else None,
        lambda index: [0, 0, 200, 200] if index else [],
    ],
    ids=["all", "empty", "all but the first", "the first empty"],
)
def test_areas_of_results_with_boxes_are_those_of_pycocotools(box):
    truth = made_up_people(images=30, seed=2)
    results = [{**each, "area": 7.0} for each in disturbed(truth, 2)]
    ours = same_as_by_hand(truth, boxed(results, box))
    plain = coco_ap(truth, results, PERSON)
    first = box(0)
    assert (ours.figures["APM"] == plain.figures["APM"]) == (not first)
    assert ours.figures["AP"] == plain.figures["AP"]


@pytest.mark.parametrize("lack", [None, []])
def test_a_result_without_a_box_among_others_has_the_area_of_its_keypoints(lack):
    """pycocotools itself fails on such a file."""
    truth = made_up_people(images=30, seed=2)
    results = disturbed(truth, 2)
    some = boxed(results, lambda index: [0, 0, 200, 200] if index % 2 == 0 else lack)
    filled = [each if each.get("bbox") else {**each, "bbox": extent(each)} for each in some]
    assert coco_ap(truth, some, PERSON).figures == same_as_by_hand(truth, filled).figures


def extent(each):
    x, y = each["keypoints"][0::3], each["keypoints"][1::3]
    return [min(x), min(y), max(x) - min(x), max(y) - min(y)]


def test_more_than_20_detections_an_image_do_not_count():
    truth = made_up_people(images=3, seed=1)
    results = [each for seed in range(30) for each in disturbed(truth, seed)]
    assert len(results) > 100
    same_as_by_hand(truth, results)


def test_the_labels_themselves_are_perfect(figures):
    mpii = load_skeleton("mpii")
    truth = coco_ground_truth(figures.records, mpii)
    results = [{**each, "score": 1.0} for each in truth["annotations"]]
    ours = coco_ap(truth, results, mpii)
    # Recalls end at 1, which is reached; no drawn figure need be of medium size.
    assert ours.figures["AP"] == ours.figures["AR"] == pytest.approx(1)


def test_a_skeleton_without_sigmas_gets_the_same_for_all_and_says_so():
    mpii = load_skeleton("mpii")
    truth = made_up_people(images=20, num_keypoints=16)
    results = disturbed(truth)
    ours = coco_ap(truth, results, mpii)
    assert not ours.own_sigmas
    np.testing.assert_array_equal(ours.sigmas, np.full(16, FALLBACK_SIGMA))
    theirs = by_hand(truth, results, np.full(16, FALLBACK_SIGMA))
    assert ours.figures["AP"] == theirs.stats[0]


def test_nothing_of_the_callers_is_changed_or_printed(capsys):
    truth = made_up_people()
    # pycocotools would take these for captions, and write into them.
    results = [{**each, "caption": "a person", "bbox": [0, 0, 1, 1]} for each in disturbed(truth)]
    before = copy.deepcopy((truth, results))
    ours = coco_ap(truth, results, PERSON)
    assert (truth, results) == before
    assert capsys.readouterr() == ("", "")
    with pytest.raises(dataclasses.FrozenInstanceError):
        ours.figures = {}  # type: ignore[misc]


def test_nothing_found_is_zero():
    ours = coco_ap(made_up_people(), [], PERSON)
    assert set(ours.figures.values()) == {0.0}
    assert set(weighted_ap(ours.matches, np.ones(12)).values()) == {0.0}


def test_where_nothing_is_labelled_there_are_no_figures():
    truth = made_up_people()
    results = disturbed(truth)
    for each in truth["annotations"]:
        each["num_keypoints"] = 0
    ours = coco_ap(truth, results, PERSON)
    assert set(ours.figures.values()) == {None}
    assert np.isnan(ours.precision).all()
    assert np.isnan(list(weighted_ap(ours.matches, np.ones(12)).values())).all()
    json.dumps(ours.figures, allow_nan=False)


def test_curves_never_rise_with_recall():
    truth = made_up_people(images=30)
    ours = coco_ap(truth, disturbed(truth), PERSON)
    assert ours.precision.shape == (len(OKS_THRESHOLDS), len(RECALLS)) == (10, 101)
    assert (np.diff(ours.precision, axis=1) <= 0).all()


def duplicated(truth, results, counts):
    """Each image as often as `counts` says, with its objects and detections, under new ids."""
    images, objects, found = [], [], []
    for image, count in zip(truth["images"], counts, strict=True):
        for _ in range(count):
            new = {"image_id": len(images) + 1}
            images.append({"id": len(images) + 1})
            for each in truth["annotations"]:
                if each["image_id"] == image["id"]:
                    objects.append({**each, **new, "id": len(objects) + 1})
            found += [{**each, **new} for each in results if each["image_id"] == image["id"]]
    return {**truth, "images": images, "annotations": objects}, found


@pytest.mark.parametrize("seed", range(5))
def test_a_weight_is_as_many_images(seed):
    truth = made_up_people(images=20, seed=seed)
    results = disturbed(truth, seed)
    weights = np.random.default_rng(seed).multinomial(20, np.full(20, 1 / 20))
    ours = weighted_ap(coco_ap(truth, results, PERSON).matches, weights)
    theirs = by_hand(*duplicated(truth, results, weights)).stats
    expected = dict(zip(COCO_FIGURES, theirs, strict=True))
    for name in COCO_FIGURES:
        assert ours[name] == pytest.approx(expected[name], abs=1e-9)


def test_equal_weights_are_no_weights():
    truth = made_up_people(images=20)
    matches = coco_ap(truth, disturbed(truth), PERSON).matches
    once, thrice = (weighted_ap(matches, np.full(20, weight)) for weight in (1, 3))
    assert once == pytest.approx(thrice, abs=1e-12)


def test_weights_are_one_an_image():
    truth = made_up_people(images=20)
    matches = coco_ap(truth, [], PERSON).matches
    with pytest.raises(ArgumentError, match=r"weights has the shape \(20,\). Received: \(3,\)"):
        weighted_ap(matches, np.ones(3))


def test_matches_are_of_images_in_the_order_of_their_ids():
    truth = made_up_people(images=5)
    truth["images"].reverse()
    matches = coco_ap(truth, disturbed(truth), PERSON).matches["all"]
    np.testing.assert_array_equal(matches.image_ids, [3, 4, 5, 6, 7])
    for row, image in enumerate(matches.image_ids):
        counted = [
            each
            for each in truth["annotations"]
            if each["image_id"] == image and each["num_keypoints"] and not each["iscrowd"]
        ]
        assert matches.objects[row] == len(counted)


def test_intervals_of_the_figures_are_around_them():
    truth = made_up_people(images=60)
    ours = coco_ap(truth, disturbed(truth), PERSON)
    samples = bootstrap(partial(weighted_ap, ours.matches), 60, resamples=200)
    assert set(samples) == set(COCO_FIGURES)
    for name, values in samples.items():
        low, high = percentile_interval(values)
        assert low < ours.figures[name] < high
        assert 0.02 < high - low < 0.4


def test_neither_pycocotools_nor_tensorflow_is_imported_before_it_is_needed():
    code = (
        "import sys, simplebase.metrics\n"
        "print({'tensorflow', 'keras', 'pycocotools'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def one_result(**change):
    return lambda truth, results: results[1].update(change)


@pytest.mark.parametrize(
    "damage, message",
    [
        (one_result(image_id=99), "result 1: the ground truth has no image 99. Check that both"),
        (one_result(category_id=2), "result 1: the category of the ground truth is 1. Received: 2"),
        (one_result(keypoints=[0, 0, 0]), "keypoints, so 51 numbers are expected. Received: 3"),
        (one_result(keypoints=[np.nan] * 51), "result 1: keypoints and score must be finite"),
        (one_result(bbox=[1, 2, 3]), r"result 1: expected bbox x, y, .* Received: \[1, 2, 3\]"),
        (one_result(bbox=[1, 2, 3, np.nan]), "result 1: expected bbox x, y, width, height"),
        (one_result(score=np.inf), "result 1: keypoints and score must be finite"),
        (lambda truth, results: results[0].pop("score"), "result 0 has no 'score'; a result has"),
        (lambda truth, results: truth.pop("images"), "has no list 'images'"),
        (lambda truth, results: truth["images"].clear(), "has no images"),
        (
            lambda truth, results: truth["images"].append({"id": 3, "file_name": "b.jpg"}),
            r"image id 3 twice, for '3\.jpg' and 'b\.jpg'",
        ),
        (lambda truth, results: truth["images"][1].pop("id"), "image 1 .* has no 'id'"),
        (lambda truth, results: truth["categories"].append({"name": "cow"}), "person, cow"),
        (lambda truth, results: truth["categories"].clear(), "one category. Received: none"),
        (lambda truth, results: truth["annotations"][2].pop("area"), "annotation 2 .* no 'area'"),
        (lambda truth, results: truth["annotations"][2].update(id=0), "unique and not 0"),
        (lambda truth, results: truth["annotations"][2].update(id=1), "unique and not 0"),
        (
            lambda truth, results: truth["annotations"][2].update(keypoints=[1, 2, 2]),
            "annotation 2 of the ground truth: skeleton 'coco' has 17 keypoints",
        ),
    ],
)
def test_what_is_not_cocos_format_is_refused(damage, message):
    truth = made_up_people()
    results = disturbed(truth)
    damage(truth, results)
    with pytest.raises(DataError, match=message):
        coco_ap(truth, results, PERSON)


def test_an_image_that_is_listed_twice_counts_once():
    truth = made_up_people()
    results = disturbed(truth)
    once = coco_ap(truth, results, PERSON).figures
    truth["images"].append(dict(truth["images"][0]))
    assert coco_ap(truth, results, PERSON).figures == once


def test_coco_sigmas_are_those_of_pycocotools():
    from pycocotools.cocoeval import Params

    np.testing.assert_allclose(SIGMAS, Params("keypoints").kpt_oks_sigmas, rtol=1e-12)
