"""The metadata of a model file: everything that is needed to use the model.

A `.keras` file contains them. For every other format they are in a sidecar file:
`model.tflite.json` belongs to `model.tflite`, and `model.json` to the SavedModel folder `model`.
`.tflite` and `.onnx` files also contain a copy, which is used if the sidecar is lost.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from simplebase.codec import HeatmapCodec
from simplebase.errors import ArgumentError, DataError, MissingFileError, cut
from simplebase.files import file_sha256, parse_json, read_text, require_length, write_text
from simplebase.geometry import LONGEST_SIDE, Crop, Size
from simplebase.images.depth import DepthRange
from simplebase.skeletons import Skeleton
from simplebase.version import __version__

if TYPE_CHECKING:
    # The preset's schema imports pydantic, which takes longer than reading a sidecar.
    from simplebase.presets.preset import Preset

# Upper bound of a sidecar. With the most keypoints that are allowed, one takes a fifth of it.
_MOST_BYTES = 1 << 24

Output = Literal["heatmaps", "keypoints"]
OUTPUTS: dict[str, tuple[Output, ...]] = {
    "heatmaps": ("heatmaps",),
    "keypoints": ("keypoints",),
    "both": ("heatmaps", "keypoints"),
}

METADATA_KEY = "simplebase"
"""The key under which `.tflite` and `.onnx` files contain `metadata_text`."""


_HASH = "sha256"
"""The sidecar's key for the SHA-256 of the file beside it."""


class Cost(NamedTuple):
    """The cost of a network.

    Args:
        params: number of trainable values.
        gflops: operations per image in units of 1e9; each multiply-add counts as two.
    """

    params: int
    gflops: float


@dataclass(frozen=True)
class ModelMetadata:
    """Everything that evaluation, demo and export need in addition to the network.

    Args:
        preset: name of the preset that the model was made from.
        input_size: `(H, W)` in pixels.
        crop: how the object is cut out of an image.
        codec: how heatmaps are converted to keypoints.
        skeleton: names, flip pairs and links of the `K` keypoints.
        outputs: what the model returns: `heatmaps` `(B, h, w, K)`, `keypoints` `(B, K, 3)` that it
            decodes itself (x, y in input pixels, and score), or both.
        training_data: digest of the records that it was trained on, see `DatasetSettings`; None if
            unknown.
        depth_range: which values of images of more than 8 bits became black and white in training;
            None if no range was chosen.
        min_score: the score, 0 to 1, below which a keypoint should not be shown, as measured for
            this model; None if it was not measured.
        cost: cost of the network that a file was exported from; None in a `.keras` file, whose
            network can be counted, and in files of older exports. Ignored when metadata are
            compared, because it does not affect the results.
    """

    preset: str
    input_size: Size
    crop: Crop
    codec: HeatmapCodec
    skeleton: Skeleton
    outputs: tuple[Output, ...] = ("heatmaps",)
    training_data: str | None = None
    depth_range: DepthRange | None = None
    min_score: float | None = None
    cost: Cost | None = field(default=None, compare=False)

    @classmethod
    def from_preset(
        cls,
        preset: "Preset",
        skeleton: Skeleton,
        input_size: Size | None = None,
    ) -> "ModelMetadata":
        """Returns the metadata of a new model of `preset` for `skeleton`.

        Args:
            preset: a loaded preset.
            skeleton: the skeleton of its keypoints.
            input_size: `(H, W)`. The default is the preset's.

        Raises:
            ArgumentError: a side of `input_size` is not a multiple of 32.
        """
        size = preset.checked_size(input_size)
        codec = HeatmapCodec(
            input_size=size,
            sigma=preset.codec.sigma,
            alignment=preset.codec.alignment,
            blur_kernel=preset.codec.blur_kernel,
        )
        return cls(preset.name, size, Crop(**preset.crop.model_dump()), codec, skeleton)

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for a file."""
        return {
            "preset": self.preset,
            "input_size": list(self.input_size),
            "crop": self.crop.to_config(),
            "codec": self.codec.to_config(),
            "skeleton": self.skeleton.to_config(),
            "outputs": list(self.outputs),
            "training_data": self.training_data,
            "depth_range": None if self.depth_range is None else str(self.depth_range),
            "min_score": self.min_score,
            "cost": None if self.cost is None else self.cost._asdict(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ModelMetadata":
        """Returns the metadata that `to_config` wrote.

        Unknown keys are ignored, and the last five fields may be missing.

        Raises:
            DataError: a field is missing or invalid.
        """
        try:
            height, width = config["input_size"]
            if not all(type(side) is int and 0 < side <= LONGEST_SIDE for side in (height, width)):
                raise ValueError(f"input_size must be two whole numbers from 1 to {LONGEST_SIDE}")
            if not isinstance(config["preset"], str):
                raise TypeError("preset must be a string")
            training_data = config.get("training_data")
            if not isinstance(training_data, str | None):
                raise TypeError("training_data must be a string or null")
            outputs = tuple(config.get("outputs", ("heatmaps",)))
            if outputs not in OUTPUTS.values():
                raise ValueError(f"outputs must be one of {list(OUTPUTS.values())}")
            cost, depth_range = config.get("cost"), config.get("depth_range")
            if not (depth_range is None or isinstance(depth_range, str)):
                raise TypeError("depth_range must be LOW,HIGH or file")
            min_score = config.get("min_score")
            if min_score is not None and not (
                type(min_score) in (int, float) and 0 <= min_score <= 1
            ):
                raise ValueError("min_score must be a number from 0 to 1 or null")
            return cls(
                preset=config["preset"],
                input_size=(height, width),
                crop=Crop(**config["crop"]),
                codec=HeatmapCodec(input_size=(height, width), **config["codec"]),
                skeleton=Skeleton.from_config(config["skeleton"]),
                outputs=outputs,
                training_data=training_data,
                depth_range=None if depth_range is None else DepthRange.parse(depth_range),
                min_score=None if min_score is None else float(min_score),
                cost=None if cost is None else Cost(int(cost["params"]), float(cost["gflops"])),
            )
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            ours = isinstance(error, ArgumentError)
            problem = str(error).rstrip(".") if ours else repr(error)
            raise DataError(
                f"the model's metadata is incomplete or damaged ({cut(problem)})."
            ) from error


def metadata_file(path: str | os.PathLike[str]) -> Path:
    """Returns the path of a model's sidecar: the name of the file or folder and `.json`."""
    path = Path(path)
    if path.name in ("", ".."):
        # `.` and `..` have no name to which `.json` can be appended.
        path = path.resolve()
    return path.with_name(f"{path.name}.json")


def metadata_text(metadata: ModelMetadata) -> str:
    """Returns the metadata as JSON, with the version of simplebase."""
    return json.dumps(metadata.to_config() | {"version": __version__}, indent=2)


def read_metadata(path: str | os.PathLike[str], embedded: str | None = None) -> ModelMetadata:
    """Reads the metadata of a model file or folder from its sidecar.

    Args:
        path: the file or folder.
        embedded: the file's own copy, stored under `METADATA_KEY`; used if there is no sidecar.

    Raises:
        MissingFileError: there is no sidecar and no copy.
        DataError: the content is not what `write_metadata` writes.
    """
    file = metadata_file(path)
    if not file.is_file():
        if embedded is not None:
            return _parsed(Path(path), embedded)
        raise MissingFileError(
            f"{file} does not exist. It contains the settings that {Path(path).name} needs (crop, "
            "codec, skeleton). `simplebase export` writes the two side by side; keep them together."
        )
    return _parsed(file, read_text(file, most_bytes=_MOST_BYTES))


def _parsed(file: Path, text: str) -> ModelMetadata:
    require_length(text, _MOST_BYTES, str(file))
    return metadata_in(file, parse_json(text, str(file)))


def metadata_in(file: Path, config: dict[str, Any]) -> ModelMetadata:
    """Returns the metadata that `file` has as `config`.

    Raises:
        DataError: a field is missing or invalid; the message names the file.
    """
    try:
        return ModelMetadata.from_config(config)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error


def write_metadata(
    path: str | os.PathLike[str], metadata: ModelMetadata, *, overwrite: bool = False
) -> None:
    """Writes the sidecar of a model file or folder.

    A file's sidecar includes the SHA-256 of the file.

    Raises:
        OutputExistsError: the sidecar exists, and `overwrite` is False.
    """
    text = metadata_text(metadata)
    if Path(path).is_file():
        text = json.dumps(json.loads(text) | {_HASH: file_sha256(path)}, indent=2)
    write_text(metadata_file(path), f"{text}\n", overwrite=overwrite)


def require_unchanged(path: str | os.PathLike[str]) -> None:
    """Checks that a file is the one for which its sidecar was written.

    A file is not checked if its sidecar has no hash, as in earlier versions.

    Raises:
        DataError: the hash differs.
    """
    sidecar = metadata_file(path)
    expected = parse_json(read_text(sidecar, most_bytes=_MOST_BYTES), str(sidecar)).get(_HASH)
    if expected is not None and expected != file_sha256(path):
        raise DataError(
            f"{path} cannot be opened: it is damaged, or not the file that {sidecar.name} was "
            f"written for. Export it again, or remove {_HASH!r} from {sidecar.name} if you changed "
            "the file yourself."
        )
