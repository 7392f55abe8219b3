"""Builds a dataset folder from Leeds Sports Pose and its extension, to train on real people.

    python benchmarks/lsp_dataset.py ../shared/data /tmp/people

LSP (Johnson & Everingham, BMVC 2010): `joints.mat` is (3, 14, N); its third row is 1 where a joint
is *hidden*. LSP-extended (CVPR 2011): (14, 3, N); its third column is 1 where a joint is
*labelled*, and the coordinates of the others are junk. The last 300 LSP images are held out.
"""

import argparse
from pathlib import Path

import numpy as np
import scipy.io

from simplebase.data.dataset import ANNOTATIONS, IMAGES
from simplebase.files import replacing, write_json
from simplebase.skeletons import load_skeleton, write_text_files

HELD_OUT = 300


def lsp_keypoints(folder: Path) -> np.ndarray:
    """`(N, 14, 3)` x, y, visibility of LSP."""
    joints = scipy.io.loadmat(folder / "joints.mat")["joints"].transpose(2, 1, 0).copy()
    joints[..., 2] = np.where(joints[..., 2] == 1, 1, 2)
    return joints


def lspet_keypoints(folder: Path) -> np.ndarray:
    """`(N, 14, 3)` x, y, visibility of LSP-extended."""
    joints = scipy.io.loadmat(folder / "joints.mat")["joints"].transpose(2, 0, 1).copy()
    joints[..., 2] = np.where(joints[..., 2] == 1, 2, 0)
    return joints


def record(name: str, keypoints: np.ndarray, validation: bool) -> dict[str, object]:
    """One record, the box of its labelled keypoints taken for the person."""
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    low, high = labelled.min(axis=0), labelled.max(axis=0)
    keypoints = np.where(keypoints[:, 2:] > 0, keypoints, 0)
    return {
        "dataset": "LSP",
        "isValidation": float(validation),
        "img_paths": name,
        "objpos": ((low + high) / 2).round(3).tolist(),
        "joint_self": keypoints.round(3).tolist(),
        # The keypoints end inside the body: the person is a little larger than their box.
        "scale_provided": round(float(1.1 * (high - low).max()) / 200, 5),
        "origin": 0,
    }


def main() -> None:
    """Builds the folder; images are linked, not copied."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", type=Path, help="folder that holds lsp/ and lspet/")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    records = []
    with replacing(arguments.output) as partial:
        (partial / IMAGES).mkdir(parents=True)
        for prefix, reader, pattern in (
            ("lsp", lsp_keypoints, "im{:04d}.jpg"),
            ("lspet", lspet_keypoints, "im{:05d}.jpg"),
        ):
            folder = arguments.source.resolve() / prefix
            keypoints = reader(folder)
            for index, person in enumerate(keypoints, start=1):
                image = folder / "images" / pattern.format(index)
                if image.exists():
                    name = f"{prefix}_{image.name}"
                    (partial / IMAGES / name).symlink_to(image)
                    held_out = prefix == "lsp" and index > len(keypoints) - HELD_OUT
                    records.append(record(name, person, held_out))
        write_json(partial / ANNOTATIONS, records)
        write_text_files(load_skeleton("lsp"), partial)
    held_out_count = sum(each["isValidation"] == 1 for each in records)
    print(f"{arguments.output}: {len(records)} records, {held_out_count} held out")


if __name__ == "__main__":
    main()
