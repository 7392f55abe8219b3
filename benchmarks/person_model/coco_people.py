"""COCO's people with the keypoints of LSP, and crops of images without people.

python benchmarks/person_model/coco_people.py COCO ANNOTATIONS REFERENCE OUTPUT

COCO is a dataset folder of `simplebase convert coco`, ANNOTATIONS the file that it was made from,
and REFERENCE a folder with LSP's keypoints. Neck and head top are not labelled. People with fewer
than six of the twelve limb keypoints, or smaller than 60 pixels, are left out.

An image of ANNOTATIONS without a person gives three random crops. All their keypoints are labelled
far outside of the image, which a recipe with `outside_keypoints: absent` learns as "not here".
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from clean_labels import read, write
from conventions import LIMBS

SMALLEST, FEWEST = 60, 6
CROPS = 3
ABSENT = [-9999.0, -9999.0, 2.0]


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description="Make LSP's keypoints of COCO's.")
    parser.add_argument("coco", type=Path)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    people = [person for record in read(options.coco) for person in limbs_only(record)]
    crops = crops_without_people(json.loads(options.annotations.read_text()))
    write(people + crops, options.reference, options.output)
    (options.output / "images").unlink()
    (options.output / "images").symlink_to((options.coco / "images").resolve())
    print(f"{options.output}: {len(people)} people, {len(crops)} crops without people")


def limbs_only(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The record with LSP's keypoints, if it is of use."""
    joints = [record["joint_self"][index] for index in LIMBS] + [[0.0, 0.0, 0.0]] * 2
    labelled = sum(joint[2] > 0 for joint in joints)
    if record["isValidation"] or labelled < FEWEST or record["scale_provided"] * 200 < SMALLEST:
        return []
    kept = ("dataset", "isValidation", "img_paths", "objpos", "scale_provided", "origin")
    return [{key: record[key] for key in kept} | {"joint_self": joints}]


def crops_without_people(annotations: dict[str, Any]) -> list[dict[str, Any]]:
    """Records of random squares of the images in which nobody is annotated."""
    rng = np.random.default_rng(0)
    with_people = {entry["image_id"] for entry in annotations["annotations"]}
    records = []
    for image in annotations["images"]:
        if image["id"] in with_people:
            continue
        size = np.array([image["width"], image["height"]])
        for _ in range(CROPS):
            side = rng.uniform(0.4, 1.0) * size.min()
            middle = [round(float(value), 1) for value in rng.uniform(side / 2, size - side / 2)]
            records.append(
                {
                    "dataset": "COCO",
                    "isValidation": 0.0,
                    "img_paths": image["file_name"],
                    "objpos": middle,
                    "joint_self": [ABSENT] * (len(LIMBS) + 2),
                    "scale_provided": round(float(side) / 200, 4),
                    "origin": 0,
                }
            )
    return records


if __name__ == "__main__":
    main()
