"""What a model file says of itself, so that its user need not."""

from dataclasses import dataclass
from typing import Any

from simplebase.codec import HeatmapCodec
from simplebase.errors import DataError
from simplebase.geometry import Crop, Size
from simplebase.skeletons import Skeleton


@dataclass(frozen=True)
class ModelMetadata:
    """Everything that evaluation, demo and export need besides the network.

    Args:
        preset: name of the preset that the model was made from.
        input_size: `(H, W)` in pixels.
        crop: how the object is cut out of an image.
        codec: how heatmaps become keypoints.
        skeleton: names, flip pairs and links of the `K` keypoints.
    """

    preset: str
    input_size: Size
    crop: Crop
    codec: HeatmapCodec
    skeleton: Skeleton

    def to_config(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {
            "preset": self.preset,
            "input_size": list(self.input_size),
            "crop": self.crop.to_config(),
            "codec": self.codec.to_config(),
            "skeleton": self.skeleton.to_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ModelMetadata":
        """The inverse of `to_config`.

        Raises:
            DataError: a field is missing or of another kind.
        """
        try:
            height, width = config["input_size"]
            return cls(
                preset=config["preset"],
                input_size=(height, width),
                crop=Crop(**config["crop"]),
                codec=HeatmapCodec(input_size=(height, width), **config["codec"]),
                skeleton=Skeleton.from_config(config["skeleton"]),
            )
        except (KeyError, TypeError) as error:
            raise DataError(
                f"the model's metadata is incomplete or damaged ({error!r})."
            ) from error
