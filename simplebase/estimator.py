"""SimpleBaseline: normalisation, backbone and head as one model."""

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import keras

from simplebase.backbones import BackboneWeights, NamedWeights
from simplebase.backbones.building import build_backbone
from simplebase.codec import HeatmapCodec
from simplebase.dtypes import DTYPES, build_with, dtypes_config
from simplebase.errors import ArgumentError, DataError, SimplebaseNote
from simplebase.files import require_file
from simplebase.freezing import FROZEN, freeze_layers, frozen_config
from simplebase.geometry import Crop, Size
from simplebase.heads import Head
from simplebase.heads.building import build_head
from simplebase.images import DepthRange
from simplebase.keras_file import read_keras_file
from simplebase.metadata import ModelMetadata
from simplebase.normalisation import NORMALISATIONS, Normalisation
from simplebase.presets import Preset
from simplebase.presets.loader import as_preset
from simplebase.skeletons import Skeleton
from simplebase.skeletons.matching import match_keypoints
from simplebase.transfer import (
    TRAINED_WITH,
    as_trained,
    copy_head,
    copy_layers,
    prediction_layer,
)


@keras.saving.register_keras_serializable(package="simplebase")
class SimpleBaseline(keras.Model):
    """Predicts one heatmap per keypoint of an object (Xiao et al., 2018, https://arxiv.org/abs/1804.06208).

    Args:
        backbone: maps normalised images `(B, H, W, 3)` to features; one of ours or any
            `keras.Model`.
        head: maps the features to heatmaps `(B, H/4, W/4, K)`; one of ours or any `keras.Model`.
        metadata: the settings that are stored in the model file.
        normalisation: the normalisation that the backbone's weights expect, a name of
            `simplebase.normalisation`. The default is the one that the backbone family was trained
            with on ImageNet. Required for a backbone that is not ours.

    A backbone or head that is not ours has to be serialisable by Keras. Functional models are. A
    subclass needs `get_config` and has to be registered
    (`keras.saving.register_keras_serializable`) before a file with it is loaded.

    Raises:
        ArgumentError: the shapes of backbone, head and metadata do not match, or `normalisation`
            is missing or unknown.

    Input: `(B, H, W, 3)` RGB 0..255, any float type or uint8.
    Output: `(B, H/4, W/4, K)` float32.
    """

    def __init__(
        self,
        backbone: keras.Model,
        head: keras.Model,
        metadata: ModelMetadata,
        normalisation: str | None = None,
        name: str = "simple_baseline",
        **kwargs: Any,
    ) -> None:
        normalisation = normalisation or getattr(backbone, "normalisation", None)
        if normalisation is None:
            raise ArgumentError(
                f"backbone {backbone.name!r} does not name the normalisation that its weights "
                f"expect. Pass normalisation, one of {', '.join(NORMALISATIONS)}."
            )

        # === Layers ===
        normalise = Normalisation(normalisation, name="normalisation")

        # === Functional graph ===
        images = keras.Input((*metadata.input_size, 3), name="images")
        heatmaps = head(backbone(normalise(images)))
        expected = (*metadata.codec.heatmap_size, metadata.skeleton.num_keypoints)
        if heatmaps.shape[1:] != expected:
            raise ArgumentError(
                f"backbone and head return heatmaps (h, w, K) of {heatmaps.shape[1:]}, but the "
                f"metadata requires {expected}."
            )
        super().__init__(inputs=images, outputs=heatmaps, name=name, **kwargs)

        # === Config ===
        self.backbone = backbone
        self.head = head
        self.metadata = metadata
        self.normalisation = normalise.mode

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the frozen layers and the dtype policies."""
        parts = {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "head": keras.saving.serialize_keras_object(self.head),
        }
        for part in parts.values():
            part["config"].pop(FROZEN, None)  # stored once, for the whole model, below
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
            preset: a preset's name, the path of a YAML file, or a loaded preset.
            num_keypoints: `K`; not needed with `skeleton`.
            skeleton: the keypoints. The default is `K` numbered keypoints.
            input_size: `(H, W)`, each a multiple of 32. The default is the preset's.
            backbone_weights: `auto` (ImageNet weights if they can be downloaded, else random
                weights and a warning), `imagenet` (ImageNet weights or an error), `none` (random
                weights), the path of a weights file, or the name of a pretrained backbone, such as
                `ghostnet`.
            normalisation: the normalisation that `backbone_weights` expect. Only needed for a
                weights file whose normalisation differs from the family's ImageNet weights; a
                converted backbone stores its own.
            weights: a whole model to start from: a `.keras` file or the name of a pretrained model.
                If its skeleton differs, keypoints are matched by name, see `copy_weights`.
            training_data: digest of the records that the model will be trained on, stored in its
                metadata.
            depth_range: how images of more than 8 bits are read, stored in the metadata.

        A `.keras` file stores the padding, the position of the stride and the BatchNorm epsilon
        that its weights were trained with. These apply unless the preset sets them.

        Raises:
            ArgumentError: the preset is unknown, a size is invalid, or ImageNet weights were
                required and cannot be downloaded.
            MissingFileError: a file does not exist.
            DataError: a weights file does not match the model.
        """
        if weights is not None and (backbone_weights != "auto" or normalisation is not None):
            raise ArgumentError(
                "weights is a whole model, with its own backbone weights and normalisation. "
                "Leave out backbone_weights and normalisation."
            )
        preset = as_preset(preset)
        metadata = replace(
            _metadata(preset, num_keypoints, skeleton, input_size),
            training_data=training_data,
            depth_range=depth_range,
        )
        source = None if weights is None else cls.from_pretrained(weights)
        start = _backbone_file(backbone_weights) if source is None else "none"
        backbone = build_backbone(preset.backbone, metadata.input_size, start)
        if source is not None:
            backbone = as_trained(backbone, source.backbone, preset.backbone)
        features = backbone.output_shape[1:]
        head = Head.from_preset(preset, metadata.skeleton.num_keypoints, features)
        if source is not None:
            normalisation = source.normalisation
            head = as_trained(head, source.head, preset.head)
        model = cls(backbone, head, metadata, normalisation)
        if source is not None and weights is not None:
            model.copy_weights(source, Path(weights).name)
        return model

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike[str]) -> "SimpleBaseline":
        """Opens a pretrained model by name, such as `person`, or a `.keras` file.

        A pretrained model is downloaded and converted at its first use, see `simplebase.zoo`.

        Raises:
            MissingFileError: no file and no pretrained model has this name.
            DownloadError: the model cannot be downloaded.
            DataError: the file is not a model.
        """
        # Imported here: the zoo imports this module, because it converts downloads to this class.
        from simplebase.zoo import model_file

        return load_model(model_file(name))

    @classmethod
    def from_backbone(
        cls,
        backbone: keras.Model,
        skeleton: Skeleton,
        *,
        head: str | keras.Model = "upsample_lite",
        normalisation: str | None = None,
        input_size: Size | None = None,
        crop: Crop | None = None,
        sigma: float = 2.0,
    ) -> "SimpleBaseline":
        """Builds a model on any backbone, such as one of `keras.applications`.

        Args:
            backbone: maps images `(B, H, W, 3)` to features. A head that is given by name needs
                features `(B, H/32, W/32, C)`.
            skeleton: the keypoints.
            head: a name in `simplebase.heads.HEADS`, or a model that maps the features to heatmaps
                `(B, H/4, W/4, K)`.
            normalisation: the normalisation that the backbone expects, a name of
                `simplebase.normalisation`; `none` if it takes RGB 0..255 unchanged. Not needed for
                a backbone of ours.
            input_size: `(H, W)`. The default is the backbone's own size, if that is fixed.
            crop: how the object is cut out. The default has a padding of 1.25.
            sigma: standard deviation of the heatmaps' Gaussians, in cells.

        Raises:
            ArgumentError: the backbone has no fixed size or a stride other than 32, the head is
                unknown, or the shapes of the parts do not match.
        """
        size = input_size or tuple(backbone.input_shape[1:3])
        if None in size:
            raise ArgumentError(
                f"backbone {backbone.name!r} takes images of any size. Pass input_size=(H, W)."
            )
        metadata = ModelMetadata(
            backbone.name, size, crop or Crop(), HeatmapCodec(size, sigma=sigma), skeleton
        )
        if isinstance(head, str):
            head = build_head(head, backbone, size, skeleton.num_keypoints)
        return cls(backbone, head, metadata, normalisation)

    def freeze(self, level: int) -> None:
        """Freezes layers, so that training does not change them.

        Replaces any earlier freezing. Frozen BatchNorms run in inference mode. A `.keras` file
        stores which layers are frozen.

        Args:
            level: 0 freezes nothing, 1 the backbone, 2 everything except the prediction layer.

        Raises:
            ArgumentError: `level` is not 0, 1 or 2.
        """
        if level not in (0, 1, 2):
            raise ArgumentError(
                "freeze level must be 0 (nothing), 1 (the backbone) or 2 (all but the prediction "
                f"layer). Received: {level!r}."
            )
        self.trainable = True
        self.backbone.trainable = level < 1
        predicting = prediction_layer(self.head)
        for layer in self.head.layers:
            layer.trainable = level < 2 or layer is predicting

    def copy_weights(self, source: "SimpleBaseline", source_name: str = "the given model") -> None:
        """Copies the weights of a model with the same backbone and head.

        Keypoints are matched by name, see `match_keypoints`. The prediction layer keeps its initial
        weights for keypoints without a match, and a `SimplebaseNote` lists them.

        Args:
            source: the trained model.
            source_name: name of `source` in the note.

        Raises:
            DataError: the backbones or heads differ.
        """
        match = match_keypoints(self.metadata.skeleton, source.metadata.skeleton)
        copy_layers(self.backbone, source.backbone)
        copy_head(self.head, source.head, match)
        if not match.identical:
            warnings.warn(match.sentence(source_name), SimplebaseNote, stacklevel=3)


def load_model(path: str | os.PathLike[str]) -> SimpleBaseline:
    """Loads a `.keras` file that simplebase wrote, without running any code in it.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: the file is not a model that simplebase wrote.
    """
    path = require_file(path, "the model")
    if path.suffix != ".keras":
        raise DataError(
            f"{path}: expected a .keras file. Convert files of other projects with `simplebase "
            "convert weights`. Exported files cannot be converted back."
        )
    model = read_keras_file(path)
    if not isinstance(model, SimpleBaseline):
        raise DataError(f"{path} contains a {type(model).__name__}, not a SimpleBaseline.")
    return model


def completed(preset: Preset, model: SimpleBaseline) -> Preset:
    """Returns `preset` with the settings that the weights of `model` were trained with."""
    parts = ((preset.backbone, model.backbone), (preset.head, model.head))
    backbone, head = (
        settings.model_copy(
            update={key: part.get_config()[key] for key in TRAINED_WITH & part.get_config().keys()}
        )
        for settings, part in parts
    )
    return preset.model_copy(update={"backbone": backbone, "head": head})


def _backbone_file(weights: BackboneWeights) -> BackboneWeights:
    """Returns `weights`, with a pretrained backbone's name replaced by its file."""
    if weights in get_args(NamedWeights):
        return weights
    from simplebase.zoo import model_file

    return model_file(weights, "backbone")


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
