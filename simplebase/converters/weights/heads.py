"""Recognises the head in a file by the kinds and shapes of its last layers."""

from dataclasses import dataclass

from simplebase.converters.weights.checkpoint import Checkpoint
from simplebase.errors import DataError

BLOCKS = 3
"""Each doubles the resolution: from stride 32 of the backbone to stride 4 of the heatmaps."""

_MODULES = 2 * BLOCKS + 1


@dataclass(frozen=True)
class RecognisedHead:
    """A head in a file.

    Args:
        name: a name of `simplebase.heads.HEADS`.
        channels: channels of its blocks.
        kernel_size: kernel size of its blocks' convolutions.
        num_keypoints: `K`.
        convolutions: modules of the three blocks, in order.
        batch_norms: modules of the three BatchNorms, in order.
        prediction: module of the last layer.
    """

    name: str
    channels: tuple[int, ...]
    kernel_size: int
    num_keypoints: int
    convolutions: tuple[str, ...]
    batch_norms: tuple[str, ...]
    prediction: str


def find_torch_head(checkpoint: Checkpoint, prefix: str) -> RecognisedHead | None:
    """Finds the transposed convolutions of the official code or MMPose; None without a head.

    Raises:
        DataError: there is a head of another kind.
    """
    tensors, path = checkpoint.tensors, checkpoint.path
    marks = [name for name in tensors.names if name.startswith(f"{prefix}deconv_layers.")]
    last = f"{prefix}final_layer.weight"
    if not marks and last not in tensors:
        return None
    kernels = [name for name in marks if name.endswith(".weight") and len(tensors.shape(name)) == 4]
    shapes = [tensors.shape(name) for name in kernels]
    if len(kernels) != BLOCKS or any(shape[2:] != (4, 4) for shape in shapes):
        sizes = ", ".join("x".join(map(str, shape[2:])) for shape in shapes) or "none"
        raise DataError(
            f"{path}: the head has {len(kernels)} transposed convolutions ({sizes}). Only "
            "heads with three 4x4 transposed convolutions are supported."
        )
    return RecognisedHead(
        name="deconv",
        channels=tuple(shape[1] for shape in shapes),
        kernel_size=4,
        num_keypoints=tensors.shape(last, 4)[0],
        convolutions=tuple(f"{prefix}deconv_layers.{3 * block}" for block in range(BLOCKS)),
        batch_norms=tuple(f"{prefix}deconv_layers.{3 * block + 1}" for block in range(BLOCKS)),
        prediction=f"{prefix}final_layer",
    )


def find_keras2_head(checkpoint: Checkpoint) -> RecognisedHead | None:
    """Finds a head of the tf.keras project in the last seven layers; None if they are no head.

    Keras numbers layers by their count in a process, so names cannot be used.
    """
    if len(checkpoint.layers) < _MODULES:
        return None
    *blocks, prediction = checkpoint.layers[-_MODULES:]
    convolutions, norms = blocks[::2], blocks[1::2]
    tensors = checkpoint.tensors
    predicts = tensors.shape(f"{prediction}/kernel") if f"{prediction}/kernel" in tensors else ()
    if len(predicts) != 4 or predicts[:2] != (1, 1) or f"{prediction}/bias" not in tensors:
        return None
    if not all(f"{norm}/moving_mean" in tensors for norm in norms):
        return None
    kinds = [
        _kind(layer, checkpoint, norm) for layer, norm in zip(convolutions, norms, strict=True)
    ]
    names = {kind[0] for kind in kinds if kind}
    sizes = {kind[1] for kind in kinds if kind}
    if None in kinds or len(names) != 1 or len(sizes) != 1:
        return None
    return RecognisedHead(
        name=names.pop(),
        channels=tuple(_channels(norm, checkpoint) for norm in norms),
        kernel_size=sizes.pop(),
        num_keypoints=predicts[3],
        convolutions=tuple(convolutions),
        batch_norms=tuple(norms),
        prediction=prediction,
    )


def _channels(norm: str, checkpoint: Checkpoint) -> int:
    return checkpoint.tensors.shape(f"{norm}/moving_mean", 1)[0]


def _kind(layer: str, checkpoint: Checkpoint, norm: str) -> tuple[str, int] | None:
    """Returns the head and kernel size of an upsampling convolution."""
    tensors, channels = checkpoint.tensors, _channels(norm, checkpoint)
    if f"{layer}/pointwise_kernel" in tensors:
        return "upsample_lite", tensors.shape(f"{layer}/depthwise_kernel", 4)[0]
    if f"{layer}/kernel" not in tensors or len(tensors.shape(f"{layer}/kernel")) != 4:
        return None
    size, _, third, fourth = tensors.shape(f"{layer}/kernel")
    if size == 1:
        return None
    # Transposed convolutions have their output channels on the third axis. If there are as many
    # input channels, the official kernel size decides: 4 is even, unlike those after upsampling.
    transposed = third == channels and (fourth != channels or size % 2 == 0)
    return ("deconv" if transposed else "upsample"), size
