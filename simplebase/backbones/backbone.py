"""What every backbone has: a normalisation, and ways to start from ImageNet."""

import os
from collections.abc import Callable
from typing import Any, ClassVar

import keras

from simplebase.errors import ArgumentError, DataError
from simplebase.files import require_file


class Backbone(keras.Model):
    """Base of the backbone families: `(B, H, W, 3)` normalised to `(B, H/32, W/32, C)`.

    Class attributes:
        normalisation: what its ImageNet weights expect, a name of `simplebase.normalisation`.
        application: the constructor in `keras.applications` of the same network, whose layers have
            the same names and order; `None` where Keras has no such network.
    """

    normalisation: ClassVar[str]
    application: ClassVar[Callable[..., keras.Model] | None] = None

    def application_arguments(self) -> dict[str, Any]:
        """Arguments that make `application` build a network of this one's size."""
        return {"input_shape": tuple(self.input_shape[1:])}

    def load_imagenet(self) -> None:
        """Fetches the ImageNet weights of `keras.applications` (cached by Keras) and takes them.

        Raises:
            ArgumentError: none are published for this network, or they cannot be had here.
        """
        if self.application is None:
            raise ArgumentError(f"keras.applications has no ImageNet weights for {self.name}.")
        try:
            self._copy_from(self._build_application(weights="imagenet", include_top=False))
        except Exception as error:  # Keras reports a failed download by a bare Exception.
            raise ArgumentError(
                f"the ImageNet weights of {self.name} could not be fetched "
                f"({str(error).splitlines()[0]})."
            ) from error

    def load_file(self, path: str | os.PathLike[str]) -> None:
        """Takes the weights of a file: of `application`, with or without its classifier, or ours.

        Raises:
            MissingFileError: `path` is not a file.
            DataError: the file does not fit.
        """
        path = require_file(path, "the backbone weights file")
        failures = []
        for load in (self._load_own, self._load_headless, self._load_classifier):
            try:
                return load(path)
            except Exception as error:  # Keras raises many kinds on a file of another model.
                failures.append(f"{error}".splitlines()[0])
        raise DataError(f"{path} does not hold weights that fit {self.name}: {failures[-1]}")

    def _load_own(self, path: os.PathLike[str]) -> None:
        self.load_weights(path)

    def _load_headless(self, path: os.PathLike[str]) -> None:
        self._load_application(path, include_top=False)

    def _load_classifier(self, path: os.PathLike[str]) -> None:
        self._load_application(path, include_top=True)

    def _load_application(self, path: os.PathLike[str], *, include_top: bool) -> None:
        source = self._build_application(weights=None, include_top=include_top)
        source.load_weights(path)
        self._copy_from(source)

    def _build_application(self, **arguments: Any) -> keras.Model:
        application = type(self).application
        if application is None:
            raise DataError(f"the file is not one that a {type(self).__name__} has written.")
        return application(**self.application_arguments(), **arguments)

    def _copy_from(self, source: keras.Model) -> None:
        for layer in self.layers:
            if layer.weights:
                layer.set_weights(source.get_layer(layer.name).get_weights())
