"""Writes the miniatures: networks of a fraction of the width, by torch, with their heatmaps.

python tests/converters/weights/miniatures/make.py          (torch is needed, here only)

Each stays under 1 MB: ResNet-50 at a sixteenth of its width, 101 and 152 at a 32nd (an eighth of
ResNet-50 alone has 1.5 MB), MobileNetV2 at an eighth. `NAME.npz` holds `images` (uint8 RGB,
B x H x W x 3) and `heatmaps` (float32, B x h x w x K).
"""

import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from pictures import imagenet_input, odd_images, official_input  # noqa: E402
from torch_networks import (  # noqa: E402
    MMPoseMobileNetV2,
    MMPoseModel,
    PoseResNet,
    ResNet,
    randomised,
)

from simplebase.skeletons import load_skeleton  # noqa: E402

SIZE = (96, 64)


def main() -> None:
    """Writes four checkpoints, each in another wrapping."""
    narrow = (8, 8, 8)
    resnet50 = PoseResNet(50, keypoints=16, stem=4, channels=(16, 16, 16))
    resnet101 = MMPoseModel(ResNet(101, stem=2), keypoints=17, channels=narrow)
    resnet152 = PoseResNet(152, keypoints=17, stem=2, channels=narrow)
    mobilenet = MMPoseModel(MMPoseMobileNetV2(1 / 8), 5, (4, 4, 4), head="keypoint_head")

    randomised(resnet50, 50)
    write("official_resnet50", resnet50, official_input, resnet50.state_dict())

    randomised(resnet101, 101)
    # As MMPose 1.x has it, NumPy arrays and all.
    coco = load_skeleton("coco")
    described = {
        "dataset_name": "coco",
        "num_keypoints": coco.num_keypoints,
        "keypoint_id2name": dict(enumerate(coco.keypoints)),
        "flip_indices": coco.horizontal_permutation.tolist(),
        "sigmas": np.array(coco.sigmas),
    }
    meta = {"mmpose_version": "1.3.1", "epoch": 210, "dataset_meta": described}
    checkpoint = {"meta": meta, "state_dict": resnet101.state_dict()}
    write("mmpose1_resnet101", resnet101, imagenet_input, checkpoint)

    randomised(resnet152, 152)
    # As the official training writes it, under DataParallel.
    state = {f"module.{name}": tensor for name, tensor in resnet152.state_dict().items()}
    checkpoint = {"epoch": 140, "model": "pose_resnet", "state_dict": state, "perf": 0.7}
    write("official_resnet152", resnet152, official_input, checkpoint)

    randomised(mobilenet, 2)
    checkpoint = {"meta": {"mmpose_version": "0.29.0"}, "state_dict": mobilenet.state_dict()}
    write("mmpose0_mobilenetv2", mobilenet, imagenet_input, checkpoint)


def write(name: str, model: torch.nn.Module, prepare, checkpoint: object) -> None:
    """`NAME.pth`, and `NAME.npz` with what `model` answers to two images."""
    torch.save(checkpoint, HERE / f"{name}.pth")
    images = odd_images(SIZE)
    with torch.no_grad():
        heatmaps = model(torch.from_numpy(prepare(images))).numpy().transpose(0, 2, 3, 1)
    np.savez_compressed(HERE / f"{name}.npz", images=images, heatmaps=heatmaps)
    size = (HERE / f"{name}.pth").stat().st_size
    print(
        f"{name}: {size / 1e6:.2f} MB, heatmaps from {heatmaps.min():.2f} to {heatmaps.max():.2f}"
    )


if __name__ == "__main__":
    main()
