"""What a model file says of itself, so that its user need not.

A `.keras` file holds it. Every other format has it in a sidecar: `model.tflite.json` belongs to
`model.tflite`, `model.json` to the SavedModel folder `model`. `.tflite` and `.onnx` hold it
besides, for the day that the sidecar is lost.
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
    # Its schema needs pydantic, which takes longer to import than a sidecar to read.
    from simplebase.presets.preset import Preset

# Of a sidecar. That of the most keypoints a skeleton may have takes a fifth of it.
_MOST_BYTES = 1 << 24

Output = Literal["heatmaps", "keypoints"]
OUTPUTS: dict[str, tuple[Output, ...]] = {
    "heatmaps": ("heatmaps",),
    "keypoints": ("keypoints",),
    "both": ("heatmaps", "keypoints"),
}

METADATA_KEY = "simplebase"
"""Under which files of other libraries' formats hold it, as `metadata_text`."""


_HASH = "sha256"
"""In a sidecar: of the file beside it."""


class Cost(NamedTuple):
    """What a network costs.

    Args:
        params: values that training can change.
        gflops: of one image, in units of 1e9, each multiply-add counted as two.
    """

    params: int
    gflops: float


@dataclass(frozen=True)
class ModelMetadata:
    """Everything that evaluation, demo and export need besides the network.

    Args:
        preset: name of the preset that the model was made from.
        input_size: `(H, W)` in pixels.
        crop: how the object is cut out of an image.
        codec: how heatmaps become keypoints.
        skeleton: names, flip pairs and links of the `K` keypoints.
        outputs: what the file answers with: `heatmaps` `(B, h, w, K)`, `keypoints` `(B, K, 3)` that
            it has decoded itself (x, y in input pixels, and score), or both.
        training_data: digest of the records that it was trained on, see `DatasetSettings`; None
            where that is not known.
        depth_range: which values of images of more than 8 bits became black and white in training;
            None where that was not chosen.
        min_score: the score, 0 to 1, below which a keypoint should not be shown, as measured for
            this model; None where it was not measured.
        cost: of the network that a file was exported from; None in a `.keras` file, whose network
            can be counted, and in files of older exports. It says nothing of what the model does,
            so metadata are equal without it.
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
        """What a model of `preset` for `skeleton` will say.

        Args:
            preset: a loaded preset.
            skeleton: of its keypoints.
            input_size: `(H, W)`, by default the preset's.

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
        """Plain values for a file."""
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
        """The inverse of `to_config`; other keys are left alone, and the last five may be missing.

        Raises:
            DataError: a field is missing or of another kind.
        """
        try:
            height, width = config["input_size"]
            if not all(type(side) is int and 0 < side <= LONGEST_SIDE for side in (height, width)):
                raise ValueError(f"input_size is two whole numbers from 1 to {LONGEST_SIDE}")
            if not isinstance(config["preset"], str):
                raise TypeError("preset is a name")
            training_data = config.get("training_data")
            if not isinstance(training_data, str | None):
                raise TypeError("training_data is a text or null")
            outputs = tuple(config.get("outputs", ("heatmaps",)))
            if outputs not in OUTPUTS.values():
                raise ValueError(f"outputs is one of {list(OUTPUTS.values())}")
            cost, depth_range = config.get("cost"), config.get("depth_range")
            if not (depth_range is None or isinstance(depth_range, str)):
                raise TypeError("depth_range is LOW,HIGH or file")
            min_score = config.get("min_score")
            if min_score is not None and not (
                type(min_score) in (int, float) and 0 <= min_score <= 1
            ):
                raise ValueError("min_score is a number from 0 to 1 or null")
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
    """The sidecar of a model file or folder: its name and `.json`."""
    path = Path(path)
    if path.name in ("", ".."):
        # `.` has no name of its own to append to.
        path = path.resolve()
    return path.with_name(f"{path.name}.json")


def metadata_text(metadata: ModelMetadata) -> str:
    """As a sidecar holds it, with the version of simplebase."""
    return json.dumps(metadata.to_config() | {"version": __version__}, indent=2)


def read_metadata(path: str | os.PathLike[str], embedded: str | None = None) -> ModelMetadata:
    """The metadata of a model file or folder from its sidecar.

    Args:
        path: the file or folder.
        embedded: what the file itself holds under `METADATA_KEY`; asked where there is no sidecar.

    Raises:
        MissingFileError: there is neither.
        DataError: it does not hold what `write_metadata` writes.
    """
    file = metadata_file(path)
    if not file.is_file():
        if embedded is not None:
            return _parsed(Path(path), embedded)
        raise MissingFileError(
            f"{file} does not exist: it says what {Path(path).name} does not say of itself (crop, "
            "codec, skeleton). `simplebase export` writes the two side by side; keep them together."
        )
    return _parsed(file, read_text(file, most_bytes=_MOST_BYTES))


def _parsed(file: Path, text: str) -> ModelMetadata:
    require_length(text, _MOST_BYTES, str(file))
    config = parse_json(text, str(file))
    try:
        return ModelMetadata.from_config(config)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error


def write_metadata(
    path: str | os.PathLike[str], metadata: ModelMetadata, *, overwrite: bool = False
) -> None:
    """Writes the sidecar of a model file or folder; that of a file has the file's SHA-256.

    Raises:
        OutputExistsError: it exists, and `overwrite` is False.
    """
    text = metadata_text(metadata)
    if Path(path).is_file():
        text = json.dumps(json.loads(text) | {_HASH: file_sha256(path)}, indent=2)
    write_text(metadata_file(path), f"{text}\n", overwrite=overwrite)


def require_unchanged(path: str | os.PathLike[str]) -> None:
    """Refuses a file that is not the one that its sidecar was written for.

    Sidecars of earlier versions have no hash; their files are not checked.

    Raises:
        DataError: the hash is another one.
    """
    sidecar = metadata_file(path)
    expected = parse_json(read_text(sidecar, most_bytes=_MOST_BYTES), str(sidecar)).get(_HASH)
    if expected is not None and expected != file_sha256(path):
        raise DataError(
            f"{path} cannot be opened: it is damaged, or not the file that {sidecar.name} was "
            f"written for. Export it again, or remove {_HASH!r} from {sidecar.name} if you changed "
            "the file yourself."
        )
