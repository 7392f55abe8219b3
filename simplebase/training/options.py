"""The options of `simplebase.train`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import AfterValidator, Field, ValidationError

from simplebase.backbones import NamedWeights
from simplebase.data.pipeline.cache import CacheMode
from simplebase.errors import ArgumentError
from simplebase.geometry import Size
from simplebase.presets import Recipe
from simplebase.presets.preset import YamlSettings, first_problem
from simplebase.training.unlabelled.images import UnlabelledImages

MAX_SEED = 2**32 - 1
START = ("backbone_weights", "normalisation", "weights")
"""Options that choose the initial weights of a training run."""


def _absolute(weights: str | os.PathLike[str]) -> str:
    """Makes a file's path absolute, for resuming from another folder; keeps names of models."""
    from simplebase.zoo import is_known

    named = weights in get_args(NamedWeights) or (
        is_known(os.fspath(weights)) and not Path(weights).exists()
    )
    return str(weights) if named else str(Path(weights).absolute())


_WeightsFile = Annotated[str | Path, AfterValidator(_absolute)]


class TrainingOptions(YamlSettings):
    """The options of a training run, which its `config.yaml` stores.

    Args:
        recipe: a recipe's name, the path of a YAML file, or a loaded recipe. The default is the
            preset's recipe.
        input_size: `(H, W)`. The default is the recipe's, else the preset's.
        backbone_weights: `auto`, `imagenet`, `none`, a file, or the name of a pretrained backbone,
            see `SimpleBaseline.from_preset`.
        normalisation: the normalisation that `backbone_weights` expect, see
            `SimpleBaseline.from_preset`.
        weights: a whole model to start from: a `.keras` file or the name of a pretrained model.
        mixed_precision: compute in 16 bits, see `simplebase.training.precision`.
        deterministic: sum in a fixed order, so that runs are reproducible, see
            `make_deterministic`.
        cache: keep decoded canvases for the next epochs, see `BatchSource`.
        save_every_steps: also save the state within an epoch, every so many steps, for `resume`.
        unlabelled_images: images to learn from without labels, see docs/unlabelled.md.
        teacher: a model whose keypoints are learnt: a file of any format or the name of a
            pretrained model. It also labels the images of the train split. Without one, `method` of
            the recipe's `unlabelled` says who teaches.
        seed: seed of weights, order and augmentation. The same seed gives the same run on one
            machine.

    Raises:
        ArgumentError: an option is unknown, or its value is invalid.
    """

    recipe: str | Path | Recipe | None = None
    input_size: Size | None = None
    backbone_weights: _WeightsFile = "auto"
    normalisation: str | None = None
    weights: _WeightsFile | None = None
    mixed_precision: bool = False
    deterministic: bool = False
    cache: CacheMode = "none"
    save_every_steps: int | None = Field(None, ge=1)
    unlabelled_images: UnlabelledImages | None = None
    teacher: _WeightsFile | None = None
    seed: int = Field(0, ge=0, le=MAX_SEED)

    if not TYPE_CHECKING:  # Type checkers derive the signature from the fields.

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                if type(self) is not TrainingOptions:
                    # The code that reads a file adds the file's name to the error.
                    raise
                key, problem = first_problem(error, TrainingOptions)
                raise ArgumentError(f"{key}: {problem}") from error
