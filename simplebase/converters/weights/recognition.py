"""Recognises a weights file: its origin, network, number of keypoints and training settings."""

from dataclasses import dataclass
from typing import Any

from simplebase.codec import Alignment
from simplebase.converters.weights.checkpoint import Checkpoint, shortened
from simplebase.converters.weights.heads import RecognisedHead, find_keras2_head, find_torch_head
from simplebase.converters.weights.networks import Network, find_network
from simplebase.errors import DataError, counted

_TORCH = {"padding": "symmetric"}


@dataclass(frozen=True)
class Origin:
    """The code that trained a file, and its settings.

    Args:
        title: its name in messages.
        normalisation: normalisation of the input; None for that of the family's ImageNet weights.
        sigma: sigma of the target Gaussians, in heatmap cells.
        alignment: see `HeatmapCodec`.
        always_shifts: whether crops are shifted down for every dataset, not only for MPII.
    """

    title: str
    normalisation: str | None
    sigma: float = 2.0
    alignment: Alignment = "corner"
    always_shifts: bool = False


OFFICIAL = Origin("Simple Baselines, official PyTorch code", "torch_bgr")
MMPOSE = Origin("MMPose, top-down heatmaps", "torch")
UPSTREAM = Origin("the tf.keras project", "upstream", 1.0, "upstream", always_shifts=True)
IMAGENET_TORCH = Origin("a PyTorch backbone", "torch")
IMAGENET_KERAS = Origin("a Keras 2 backbone", None)


@dataclass(frozen=True)
class Recognised:
    """The recognised properties of a file.

    Args:
        origin: the code that trained it.
        network: the backbone in that project's files.
        prefix: start of the names of the backbone's tensors.
        backbone: name in `simplebase.backbones.BACKBONES`.
        arguments: arguments of that backbone's constructor without `input_size`.
        head: its head; None for a backbone alone.
        head_arguments: `bn_epsilon` of the head, if it is not our own.
    """

    origin: Origin
    network: Network
    prefix: str
    backbone: str
    arguments: dict[str, Any]
    head: RecognisedHead | None
    head_arguments: dict[str, Any]


def recognise(checkpoint: Checkpoint) -> Recognised:
    """Recognises a file by the names and shapes of its tensors.

    Raises:
        DataError: the network is not supported.
    """
    torch = checkpoint.layout == "torch"
    names = checkpoint.tensors.names
    prefix = "backbone." if torch and any(n.startswith("backbone.") for n in names) else ""
    network = find_network(checkpoint.tensors, checkpoint.layout, prefix)
    if network is None:
        raise DataError(
            f"{checkpoint.path} has {counted(len(names), 'tensor')} ({shortened(names)}), which "
            "belong to no supported network. docs/weights.md lists the supported ones."
        )
    if torch:
        head = find_torch_head(checkpoint, _head_prefix(names))
    else:
        head = find_keras2_head(checkpoint)
    origin = _origin(torch, prefix, head)
    arguments = network.arguments(checkpoint.tensors, prefix) | _as_trained(
        checkpoint, network, head
    )
    depth = arguments.get("depth")
    return Recognised(
        origin=origin,
        network=network,
        prefix=prefix,
        backbone=f"resnet{depth}" if depth else network.family,
        arguments={key: value for key, value in arguments.items() if key != "depth"},
        head=head,
        head_arguments=_head_epsilon(checkpoint, head),
    )


def _head_prefix(names: list[str]) -> str:
    """Returns the prefix: `keypoint_head.` (MMPose 0.x), `head.` (1.x), or none (official code)."""
    for prefix in ("keypoint_head.", "head."):
        if any(name.startswith(prefix) for name in names):
            return prefix
    return ""


def _origin(torch: bool, prefix: str, head: RecognisedHead | None) -> Origin:
    if head is None:
        return IMAGENET_TORCH if torch else IMAGENET_KERAS
    if not torch:
        return UPSTREAM
    return MMPOSE if prefix else OFFICIAL


def _as_trained(
    checkpoint: Checkpoint, network: Network, head: RecognisedHead | None
) -> dict[str, Any]:
    """Returns padding, position of the stride and epsilon of the backbone."""
    if checkpoint.layout == "torch":
        stride = {"stride_in": "3x3"} if network.family == "resnet" else {}
        return {**_TORCH, **stride, "bn_epsilon": network.bn_epsilon}
    own = head.batch_norms if head else ()
    epsilon = _shared_epsilon(
        checkpoint, [layer for layer in checkpoint.epsilons if layer not in own]
    )
    return {} if epsilon is None else {"bn_epsilon": epsilon}


def _head_epsilon(checkpoint: Checkpoint, head: RecognisedHead | None) -> dict[str, Any]:
    if head is None:
        return {}
    if checkpoint.layout == "torch":
        return {"bn_epsilon": 1e-5}
    epsilon = _shared_epsilon(checkpoint, list(head.batch_norms))
    return {} if epsilon is None else {"bn_epsilon": epsilon}


def _shared_epsilon(checkpoint: Checkpoint, layers: list[str]) -> float | None:
    """Returns the epsilon of these BatchNorms; None if the file does not state it."""
    found = {checkpoint.epsilons[layer] for layer in layers if layer in checkpoint.epsilons}
    if len(found) > 1:
        raise DataError(
            f"{checkpoint.path}: its BatchNorms have different epsilons ({sorted(found)}), but all "
            "of a backbone, and all of a head, must have the same one."
        )
    return found.pop() if found else None
