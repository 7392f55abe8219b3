"""Converts foreign weights to a `.keras` file: a whole model, or a backbone to train from."""

import gc
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from simplebase.backbones import BACKBONES, Backbone, load_backbone
from simplebase.converters.weights.checkpoint import Checkpoint
from simplebase.converters.weights.conversion_settings import ConversionSettings, choose_settings
from simplebase.converters.weights.filling import fill_backbone, fill_head
from simplebase.converters.weights.reading import read_checkpoint
from simplebase.converters.weights.recognition import Recognised, recognise
from simplebase.cost import count_params
from simplebase.errors import ArgumentError, DataError, first_line
from simplebase.estimator import SimpleBaseline, load_model
from simplebase.files import replacing, require_output
from simplebase.geometry import Size
from simplebase.heads import HEADS
from simplebase.presets import Preset
from simplebase.skeletons import Skeleton

_CHECK_SEED = 0

_Built = TypeVar("_Built")


@dataclass(frozen=True)
class WeightsReport:
    """The result of a conversion.

    Args:
        source: the file's format and origin.
        kind: `model`, or `backbone` if the file has no head.
        preset: name of the preset, or of the network for a backbone.
        arguments: arguments of the backbone's constructor that differ from its defaults.
        input_size: `(H, W)`.
        num_keypoints: `K`; 0 for a backbone.
        skeleton: name of the skeleton; empty for a backbone.
        normalisation: normalisation of the input.
        crop: padding and shift of the crop; empty for a backbone.
        codec: stride, sigma and alignment of the heatmaps; empty for a backbone.
        params: number of parameters without BatchNorm's running statistics.
        tensors: number of tensors in the file.
        used: number of tensors that the model uses.
        left_out: other content of the file, with the number of items.
        lowest: lowest output of the model on the images of the check.
        highest: highest output.
        notes: assumptions that were made.
    """

    source: str
    kind: str
    preset: str
    arguments: dict[str, Any]
    input_size: Size
    num_keypoints: int
    skeleton: str
    normalisation: str
    crop: dict[str, Any]
    codec: dict[str, Any]
    params: int
    tensors: int
    used: int
    left_out: dict[str, int]
    lowest: float
    highest: float
    notes: tuple[str, ...]

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for a JSON file."""
        return asdict(self)


def convert_weights(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    preset: str | os.PathLike[str] | Preset | None = None,
    input_size: Size | None = None,
    skeleton: Skeleton | None = None,
    normalisation: str | None = None,
    overwrite: bool = False,
) -> WeightsReport:
    """Converts weights of the tf.keras project, of Simple Baselines, of MMPose, or of a backbone.

    Args:
        source: `.h5`, `.pth`, `.pth.tar` or `.safetensors`, see docs/weights.md.
        output: the `.keras` file to write.
        preset: name or path of the preset that the file must match. Its values for padding, stride,
            epsilon, crop and codec take precedence over those of the original code.
        input_size: `(H, W)`. By default from the file, its name, or the origin's usual size.
        skeleton: the keypoints. By default from the file, or by their number.
        normalisation: normalisation of the input, if it differs from that of the original code.
        overwrite: replace `output` if it exists.

    Raises:
        ArgumentError: `output` does not end in `.keras`, or an argument does not match the file.
        MissingFileError: `source` does not exist.
        DataError: it is damaged, names code, has an unknown architecture or unused tensors, or its
            network returns NaN or infinite values in the check.
        OutputExistsError: `output` exists and `overwrite` is off.
    """
    if not os.fspath(output).endswith(".keras"):
        raise ArgumentError(f"{os.fspath(output)}: the output must end in .keras.")
    require_output(output, overwrite=overwrite)
    checkpoint = read_checkpoint(source)
    recognised = recognise(checkpoint)
    settings = choose_settings(
        checkpoint,
        recognised,
        preset=preset,
        input_size=input_size,
        skeleton=skeleton,
        normalisation=normalisation,
    )
    built = _build(checkpoint, recognised, settings)
    with replacing(output, overwrite=overwrite) as partial:
        built.save(partial)
        # Networks have reference cycles, so without this there would be two in memory.
        del built
        gc.collect()
        model, answer = _checked(partial, settings, Path(source))
    return _report(checkpoint, recognised, settings, model, answer)


def _build(
    checkpoint: Checkpoint, recognised: Recognised, settings: ConversionSettings
) -> SimpleBaseline | Backbone:
    """Builds the network with the file's weights, using every tensor once."""
    tensors = checkpoint.tensors
    _count_classifier(checkpoint, recognised)
    backbone = _constructed(
        BACKBONES[recognised.backbone],
        checkpoint,
        input_size=settings.input_size,
        normalisation=settings.normalisation,
        **settings.backbone_arguments,
    )
    fill_backbone(backbone, recognised, checkpoint)
    if recognised.head is None or settings.metadata is None:
        tensors.require_all_used(backbone.name)
        return backbone
    found = recognised.head
    head = _constructed(
        HEADS[found.name],
        checkpoint,
        input_shape=backbone.output_shape[1:],
        num_keypoints=found.num_keypoints,
        channels=found.channels,
        kernel_size=found.kernel_size,
        **settings.head_arguments,
    )
    fill_head(head, found, checkpoint)
    tensors.require_all_used(f"{recognised.backbone} with the head {found.name}")
    return SimpleBaseline(backbone, head, settings.metadata)


def _constructed(
    network: Callable[..., _Built], checkpoint: Checkpoint, **arguments: Any
) -> _Built:
    """Builds a backbone or head with the widths of the file's tensors.

    Raises:
        DataError: these widths are not possible.
    """
    try:
        return network(**arguments)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"{checkpoint.path}: no network fits the widths of its tensors ({first_line(error)})."
        ) from error


def _count_classifier(checkpoint: Checkpoint, recognised: Recognised) -> None:
    """Ignores a classifier's tensors, which keypoint models do not need, and counts them."""
    if recognised.head is not None:
        return
    tensors, prefixes = checkpoint.tensors, recognised.network.classifier
    names = [name for name in tensors.names if prefixes and name.startswith(prefixes)]
    if count := tensors.ignore(names):
        checkpoint.left_out["the classifier's tensors"] = count


def _checked(
    path: Path, settings: ConversionSettings, source: Path
) -> tuple[SimpleBaseline | Backbone, np.ndarray]:
    """Returns the network of the written file, and its output on noise of different brightness.

    Raises:
        DataError: the output has NaN or infinite values, or a wrong shape.
    """
    model = load_model(path) if settings.metadata is not None else load_backbone(path)
    assert model is not None, "the written file contains the model"
    height, width = settings.input_size
    noise = np.random.default_rng(_CHECK_SEED)
    images: np.ndarray = noise.integers(0, 256, (2, height, width, 3)).astype(np.float32)
    if settings.metadata is None:
        # A backbone's own input is already normalised.
        images = (images - np.float32(127.5)) / np.float32(64)
    answer = np.asarray(model(images, training=False))
    if not np.isfinite(answer).all():
        raise DataError(f"{source}: the converted network returns NaN or infinite values.")
    if settings.metadata is not None:
        expected = (2, height // 4, width // 4, settings.metadata.skeleton.num_keypoints)
        if answer.shape != expected:
            raise DataError(
                f"{source}: heatmaps (B, h, w, K) of the converted network are {answer.shape}, "
                f"but {expected} was expected."
            )
    return model, answer


def _report(
    checkpoint: Checkpoint,
    recognised: Recognised,
    settings: ConversionSettings,
    model: SimpleBaseline | Backbone,
    answer: np.ndarray,
) -> WeightsReport:
    tensors, metadata = checkpoint.tensors, settings.metadata
    counters = sum(name.endswith("num_batches_tracked") for name in tensors.names)
    left_out = dict(checkpoint.left_out)
    if counters:
        left_out["counters of batches"] = counters
    not_used = counters + left_out.get("the classifier's tensors", 0)
    return WeightsReport(
        source=f"{checkpoint.container}: {recognised.origin.title}",
        kind="backbone" if metadata is None else "model",
        preset=recognised.backbone if metadata is None else metadata.preset,
        arguments=settings.backbone_arguments,
        input_size=settings.input_size,
        num_keypoints=0 if metadata is None else metadata.skeleton.num_keypoints,
        skeleton="" if metadata is None else metadata.skeleton.name,
        normalisation=model.normalisation,
        crop={} if metadata is None else metadata.crop.to_config(),
        codec={} if metadata is None else metadata.codec.to_config(),
        params=count_params(model),
        tensors=len(tensors.names),
        used=len(tensors.names) - not_used,
        left_out=left_out,
        lowest=float(answer.min()),
        highest=float(answer.max()),
        notes=settings.notes,
    )
