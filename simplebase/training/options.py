"""How a model is trained: the options of `simplebase.train`."""

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
"""Options that say which weights a training begins with."""


def _absolute(weights: str | os.PathLike[str]) -> str:
    """A file's path from the root: the run may be resumed from another folder. Names stay."""
    from simplebase.zoo import is_known

    named = weights in get_args(NamedWeights) or (
        is_known(os.fspath(weights)) and not Path(weights).exists()
    )
    return str(weights) if named else str(Path(weights).absolute())


_WeightsFile = Annotated[str | Path, AfterValidator(_absolute)]


class TrainingOptions(YamlSettings):
    """How a model is trained; a run's `config.yaml` repeats them.

    Args:
        recipe: a name, the path of a YAML, or a loaded recipe; by default the preset's.
        input_size: `(H, W)`; by default the recipe's, else the preset's.
        backbone_weights: `auto`, `imagenet`, `none`, a file or the name of a pretrained backbone,
            see `SimpleBaseline.from_preset`.
        normalisation: what `backbone_weights` expects, see `SimpleBaseline.from_preset`.
        weights: a whole model to start from, `.keras`, or the name of a pretrained one.
        mixed_precision: compute in 16 bit, see `simplebase.training.precision`.
        deterministic: add up in the same order always, see `make_deterministic`.
        cache: whether decoded canvases are kept for the next epochs, see `BatchSource`.
        save_every_steps: save the state within an epoch too, for `resume`.
        unlabelled_images: to learn from without labels, see docs/unlabelled.md.
        teacher: a model whose keypoints are learnt, a file of any format or the name of a
            pretrained one; by default the average of the weights that are trained. It labels the
            images of the train split too.
        seed: of weights, order and augmentation: the same seed gives the same run on one machine.

    Raises:
        ArgumentError: an unknown option, or a value that it does not take.
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

    if not TYPE_CHECKING:  # Type checkers make the signature from the fields.

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                if type(self) is not TrainingOptions:
                    # Whoever reads a file says which one it is.
                    raise
                key, problem = first_problem(error, TrainingOptions)
                raise ArgumentError(f"{key}: {problem}") from error
