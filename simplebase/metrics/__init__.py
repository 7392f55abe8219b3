"""Metrics, as plain functions over NumPy arrays."""

from simplebase.metrics.arrays import rows_by_image
from simplebase.metrics.coco_ap import (
    COCO_FIGURES,
    CocoAP,
    check_ground_truth,
    coco_ap,
    keypoint_extent,
)
from simplebase.metrics.confidence import (
    Interval,
    bootstrap,
    bootstrap_mean,
    bootstrap_ratio,
    percentile_interval,
)
from simplebase.metrics.distance import (
    areas_under_curve,
    auc,
    distances,
    epe,
    mean_by_keypoint,
    nme,
)
from simplebase.metrics.error_kinds import ERROR_KINDS, error_kinds
from simplebase.metrics.oks import keypoint_similarity, match_by_oks, oks, oks_nms, oks_sigmas
from simplebase.metrics.pck import (
    box_normaliser,
    correct_keypoints,
    head_normaliser,
    pck,
    torso_normaliser,
    upstream_normaliser,
)
from simplebase.metrics.pckh import PCKH_THRESHOLDS, PCKh, pckh, pckh_correct
from simplebase.metrics.weighted_ap import (
    AREA_SUFFIXES,
    OKS_THRESHOLDS,
    RECALLS,
    ImageMatches,
    weighted_ap,
    weighted_curves,
)

__all__ = [
    "AREA_SUFFIXES",
    "COCO_FIGURES",
    "ERROR_KINDS",
    "OKS_THRESHOLDS",
    "PCKH_THRESHOLDS",
    "RECALLS",
    "CocoAP",
    "ImageMatches",
    "Interval",
    "PCKh",
    "areas_under_curve",
    "auc",
    "bootstrap",
    "bootstrap_mean",
    "bootstrap_ratio",
    "box_normaliser",
    "check_ground_truth",
    "coco_ap",
    "correct_keypoints",
    "distances",
    "epe",
    "error_kinds",
    "head_normaliser",
    "keypoint_extent",
    "keypoint_similarity",
    "match_by_oks",
    "mean_by_keypoint",
    "nme",
    "oks",
    "oks_nms",
    "oks_sigmas",
    "pck",
    "pckh",
    "pckh_correct",
    "percentile_interval",
    "rows_by_image",
    "torso_normaliser",
    "upstream_normaliser",
    "weighted_ap",
    "weighted_curves",
]
