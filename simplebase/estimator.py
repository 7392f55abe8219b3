"""SimpleBaseline: normalisation, backbone and head as one model."""

import os
import warnings
from dataclasses import replace
from typing import Any

import keras

from simplebase.backbones import Backbone, BackboneWeights
from simplebase.backbones.building import build_backbone
from simplebase.dtypes import DTYPES, build_with, dtypes_config
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.files import require_file
from simplebase.freezing import FROZEN, freeze_layers, frozen_config
from simplebase.geometry import Size
from simplebase.heads import PREDICTION_LAYER, Head
from simplebase.images import DepthRange
from simplebase.keras_file import read_keras_file
from simplebase.metadata import ModelMetadata
from simplebase.normalisation import Normalisation
from simplebase.presets import Preset
from simplebase.presets.loader import as_preset
from simplebase.skeletons import Skeleton
from simplebase.transfer import TRAINED_WITH, as_trained, copy_layers


@keras.saving.register_keras_serializable(package="simplebase")
class SimpleBaseline(keras.Model):
    """A heatmap for each keypoint of one object (Xiao et al., 2018, https://arxiv.org/abs/1804.06208).

    Args:
        backbone: `(B, H, W, 3)` normalised to features.
        head: features to `(B, H/4, W/4, K)`.
        metadata: what the model file says of itself.
        normalisation: what the backbone's weights expect, a name of `simplebase.normalisation`; by
            default what the backbone's family was trained with on ImageNet.

    Input `(B, H, W, 3)` RGB 0..255, any float or uint8; output `(B, H/4, W/4, K)` float32.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: keras.Model,
        metadata: ModelMetadata,
        normalisation: str | None = None,
        name: str = "simple_baseline",
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        normalise = Normalisation(normalisation or backbone.normalisation, name="normalisation")

        # === Functional graph ===
        images = keras.Input((*metadata.input_size, 3), name="images")
        heatmaps = head(backbone(normalise(images)))
        expected = (*metadata.codec.heatmap_size, metadata.skeleton.num_keypoints)
        if heatmaps.shape[1:] != expected:
            raise ArgumentError(
                f"backbone and head give heatmaps (h, w, K) of {heatmaps.shape[1:]}, but the "
                f"metadata says {expected}."
            )
        super().__init__(inputs=images, outputs=heatmaps, name=name, **kwargs)

        # === Config ===
        self.backbone = backbone
        self.head = head
        self.metadata = metadata
        self.normalisation = normalise.mode

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain values, what is frozen, and dtype policies."""
        parts = {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "head": keras.saving.serialize_keras_object(self.head),
        }
        for part in parts.values():
            part["config"].pop(FROZEN, None)  # said once, below
        return {
            **parts,
            "metadata": self.metadata.to_config(),
            "normalisation": self.normalisation,
            "name": self.name,
            **frozen_config(self),
            **dtypes_config(self),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "SimpleBaseline":
        """Builds the model that `get_config` describes."""
        config = dict(config)
        frozen, dtypes = config.pop(FROZEN, []), config.pop(DTYPES, {})
        for part in ("backbone", "head"):
            config[part] = keras.saving.deserialize_keras_object(config[part], custom_objects)
        config["metadata"] = ModelMetadata.from_config(config["metadata"])
        model = build_with(dtypes, lambda: cls(**config))
        freeze_layers(model, frozen)
        return model

    @classmethod
    def from_preset(
        cls,
        preset: str | os.PathLike[str] | Preset,
        num_keypoints: int | None = None,
        *,
        skeleton: Skeleton | None = None,
        input_size: Size | None = None,
        backbone_weights: BackboneWeights = "auto",
        normalisation: str | None = None,
        weights: str | os.PathLike[str] | None = None,
        training_data: str | None = None,
        depth_range: DepthRange | None = None,
    ) -> "SimpleBaseline":
        """Builds the model of a preset.

        Args:
            preset: a name, the path of a YAML, or a loaded preset.
            num_keypoints: `K`; not needed with `skeleton`.
            skeleton: the keypoints; by default `K` numbered ones.
            input_size: `(H, W)`, each a multiple of 32; by default the preset's.
            backbone_weights: `auto`: ImageNet weights if they can be had, else a warning;
                `imagenet`: or an error; `none`: random weights; else the path of a weights file.
            normalisation: what the weights of `backbone_weights` expect, where it is not what the
                family was trained with on ImageNet, or what a converted backbone says of itself.
            weights: a whole model to start from, `.keras`. If it has another number of keypoints,
                the last layer starts anew, and a warning says so.
            training_data: digest of the records it is to be trained on, for its metadata.
            depth_range: how images of more than 8 bits are read, for its metadata.

        Weights of a `.keras` file say how they were trained: padding, place of the stride and
        BatchNorm's epsilon are theirs where the preset does not name them.

        Raises:
            ArgumentError: an unknown preset, a wrong size, or ImageNet weights that cannot be had.
            MissingFileError: a path is not a file.
            DataError: a file does not fit.
        """
        if weights is not None and (backbone_weights != "auto" or normalisation is not None):
            raise ArgumentError(
                "weights is a whole model: it brings its own backbone weights and normalisation. "
                "Leave out backbone_weights and normalisation."
            )
        preset = as_preset(preset)
        metadata = replace(
            _metadata(preset, num_keypoints, skeleton, input_size),
            training_data=training_data,
            depth_range=depth_range,
        )
        source = None if weights is None else load_model(weights)
        start = backbone_weights if source is None else "none"
        backbone = build_backbone(preset.backbone, metadata.input_size, start)
        if source is not None:
            backbone = as_trained(backbone, source.backbone, preset.backbone)
        features = backbone.output_shape[1:]
        head = Head.from_preset(preset, metadata.skeleton.num_keypoints, features)
        if source is not None:
            normalisation = source.normalisation
            head = as_trained(head, source.head, preset.head)
        model = cls(backbone, head, metadata, normalisation)
        if source is not None:
            model.copy_weights(source)
        return model

    def freeze(self, level: int) -> None:
        """Chooses what training leaves as it is; frozen BatchNorms run in inference mode.

        It replaces what was frozen before. A `.keras` file keeps it.

        Args:
            level: 0 nothing, 1 the backbone, 2 all but the prediction layer.

        Raises:
            ArgumentError: another level.
        """
        if level not in (0, 1, 2):
            raise ArgumentError(
                "freeze level is 0 (nothing), 1 (the backbone) or 2 (all but the prediction "
                f"layer). Received: {level!r}."
            )
        self.trainable = True
        self.backbone.trainable = level < 1
        for layer in self.head.layers:
            layer.trainable = level < 2 or layer.name == PREDICTION_LAYER

    def copy_weights(self, source: "SimpleBaseline") -> None:
        """Takes the weights of a model of the same backbone and head.

        With another number of keypoints the last layer keeps its random start, and a warning says
        so.

        Raises:
            DataError: backbone or head differ.
        """
        copy_layers(self.backbone, source.backbone)
        copy_layers(self.head, source.head)
        if self.head.num_keypoints != source.head.num_keypoints:
            warnings.warn(
                f"the weights have {source.head.num_keypoints} keypoints, this model has "
                f"{self.head.num_keypoints}: its last layer starts anew.",
                SimplebaseWarning,
                stacklevel=3,
            )


def load_model(path: str | os.PathLike[str]) -> SimpleBaseline:
    """Loads a `.keras` file that simplebase wrote, without running any code in it.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not such a file.
    """
    path = require_file(path, "the model")
    if path.suffix != ".keras":
        raise DataError(
            f"{path}: a model that simplebase saved ends in .keras. Files of other projects become "
            "one by `simplebase convert weights`; what was exported stays what it is."
        )
    model = read_keras_file(path)
    if not isinstance(model, SimpleBaseline):
        raise DataError(f"{path} holds a {type(model).__name__}, not a SimpleBaseline.")
    return model


def completed(preset: Preset, model: SimpleBaseline) -> Preset:
    """`preset` that names how the weights of `model` were trained, so that it builds the same."""
    parts = ((preset.backbone, model.backbone), (preset.head, model.head))
    backbone, head = (
        settings.model_copy(
            update={key: part.get_config()[key] for key in TRAINED_WITH & part.get_config().keys()}
        )
        for settings, part in parts
    )
    return preset.model_copy(update={"backbone": backbone, "head": head})


def _metadata(
    preset: Preset,
    num_keypoints: int | None,
    skeleton: Skeleton | None,
    input_size: Size | None,
) -> ModelMetadata:
    if skeleton is None:
        if num_keypoints is None or num_keypoints < 1:
            raise ArgumentError(
                f"from_preset needs a skeleton or num_keypoints. Received: {num_keypoints!r}."
            )
        names = tuple(f"keypoint_{index}" for index in range(num_keypoints))
        skeleton = Skeleton("unnamed", names)
    elif num_keypoints not in (None, skeleton.num_keypoints):
        raise ArgumentError(
            f"skeleton {skeleton.name!r} has {skeleton.num_keypoints} keypoints, but num_keypoints "
            f"is {num_keypoints}."
        )
    return ModelMetadata.from_preset(preset, skeleton, input_size)
