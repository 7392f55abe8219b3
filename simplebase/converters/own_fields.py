"""Stores fields without an equivalent in COCO under an extra key, so that nothing is lost.

An annotation of `to-coco` has under `OWN_KEY`: `index` of the record, `dataset`, `objpos`,
`scale_provided`, `headboxes` if there are any, `absent` (names of the fields that COCO needs but
the record did not have), and `image_id`, `annotation_id` if the record's own could not be used.
"""

from typing import Any

import numpy as np

from simplebase.data import expect
from simplebase.data.coco_categories import OWN_KEY
from simplebase.data.records import Records, make_record
from simplebase.errors import DataError


def collect_own_fields(
    records: Records, index: int, dataset: str, *, image_id: int, annotation_id: int
) -> dict[str, Any]:
    """Returns the extra fields of record `index`.

    Args:
        records: all records of a dataset.
        index: index of the record.
        dataset: name of the dataset.
        image_id: id of the image in the COCO file.
        annotation_id: id of the annotation in the COCO file.
    """
    absent = [
        name
        for name, missing in (
            ("bbox", np.isnan(records.boxes[index]).any()),
            ("area", np.isnan(records.areas[index])),
            ("image_id", records.image_ids[index] == -1),
            ("annotation_id", records.annotation_ids[index] == -1),
        )
        if missing
    ]
    kept: dict[str, Any] = {
        "index": index,
        "dataset": dataset,
        "objpos": records.centers[index].tolist(),
        "scale_provided": float(records.scales[index]),
        "absent": absent,
    }
    if not np.isnan(records.headboxes[index]).any():
        kept["headboxes"] = records.headboxes[index].tolist()
    for name, own, given in (
        ("image_id", records.image_ids[index], image_id),
        ("annotation_id", records.annotation_ids[index], annotation_id),
    ):
        if name not in absent and own != given:
            kept[name] = int(own)
    return kept


def restore_record(
    annotation: dict[str, Any], path: str, keypoints: np.ndarray, validation: bool, where: str
) -> tuple[int, dict[str, Any]]:
    """Restores a record from the extra fields of an annotation; returns also its index.

    Raises:
        DataError: an extra field is damaged.
    """
    kept = expect.mapping(annotation[OWN_KEY], f"{where}.{OWN_KEY}")
    absent = expect.items(kept.get("absent"), f"{where}.{OWN_KEY}.absent")
    own_ids = {
        "image_id": kept.get("image_id", annotation.get("image_id")),
        "annotation_id": kept.get("annotation_id", annotation.get("id")),
    }
    scale = expect.number(kept.get("scale_provided"), f"{where}.{OWN_KEY}.scale_provided")
    if scale <= 0:
        raise DataError(f"{where}.{OWN_KEY}.scale_provided must be above 0. Received: {scale}.")
    headbox = kept.get("headboxes")
    record = make_record(
        dataset=expect.text(kept.get("dataset"), f"{where}.{OWN_KEY}.dataset"),
        validation=validation,
        path=path,
        center=expect.numbers(kept.get("objpos"), 2, f"{where}.{OWN_KEY}.objpos"),
        scale=scale,
        keypoints=keypoints,
        headbox=None
        if headbox is None
        else expect.numbers(headbox, 4, f"{where}.{OWN_KEY}.headboxes"),
        box=None
        if "bbox" in absent
        else expect.numbers(annotation.get("bbox"), 4, f"{where}.bbox"),
        area=None if "area" in absent else expect.number(annotation.get("area"), f"{where}.area"),
        **{
            name: None if name in absent else expect.integer(value, f"{where}.{name}")
            for name, value in own_ids.items()
        },
    )
    return expect.integer(kept.get("index"), f"{where}.{OWN_KEY}.index"), record
