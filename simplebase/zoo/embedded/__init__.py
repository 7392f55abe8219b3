"""Models that are part of the package and need no network.

```
NAME/
├── NAME.tflite          the int8 file to run with LiteRT, without TensorFlow
├── NAME.tflite.json     its metadata, as for any export
├── NAME.npz             the weights in 8 bits, from which the `.keras` is made, see `compact`
└── NAME.yaml            sizes and hashes of the files, and properties of the network
```

`benchmarks/person_model_pack.py` writes all four. The texts about a model are in its row in
`../rows/embedded.yaml`.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from simplebase.errors import DataError
from simplebase.files import file_sha256

PERSON = "person-mini"
"""The default model of the demo and of `simplebase.load`."""

NAMES = (PERSON,)


@dataclass(frozen=True)
class EmbeddedFile:
    """A file of the package.

    Args:
        path: its installed path.
        bytes: its size.
        sha256: all 64 hex digits.
    """

    path: Path
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def digest(self) -> str:
        """The hex digits of its hash, as for `RemoteFile`."""
        return self.sha256

    def checked(self) -> Path:
        """Returns the path of the file after verifying its hash.

        Raises:
            DataError: it is missing or was changed.
        """
        if not self.path.is_file() or file_sha256(self.path) != self.sha256:
            state = "was changed" if self.path.is_file() else "is missing"
            raise DataError(
                f"{self.path} {state}: the installation of simplebase is damaged. Install it "
                "again: pip install --force-reinstall --no-deps simplebase"
            )
        return self.path


@dataclass(frozen=True)
class EmbeddedModel:
    """The two files of a model.

    Args:
        weights: the file from which its `.keras` is made.
        runnable: the file that can be run directly.
    """

    weights: EmbeddedFile
    runnable: EmbeddedFile


def folder_of(name: str) -> Path:
    """Returns the folder of the model `name`."""
    return Path(__file__).parent / name


def runnable_file(name: str) -> Path | None:
    """Returns the file of an embedded model that runs without TensorFlow.

    Returns:
        None if `name` is not an embedded model, or if TensorFlow has to run it because LiteRT is
        not installed. If neither is installed, the file, because opening it says what to install.
    """
    if name not in NAMES:
        return None
    if find_spec("ai_edge_litert") is None and find_spec("tensorflow") is not None:
        return None
    return folder_of(name) / f"{name}.tflite"
