"""Where an export goes: its file or folder, the files beside it, and a rejected one.

Does not import TensorFlow, so that commands can check their outputs before they load a model.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from simplebase.errors import ArgumentError, OutputExistsError
from simplebase.export.export_settings import FORMATS, ExportSettings
from simplebase.files import replacing, require_output
from simplebase.metadata import metadata_file

_SAVED_MODEL_MARKERS = ("saved_model.pb", "variables")
_SUFFIXES = {form.suffix for form in FORMATS.values()} | {".keras", ".h5"}


def parity_file(path: str | os.PathLike[str]) -> Path:
    """Returns the path of an exported file's comparison: its name and `.parity.json`."""
    path = Path(path)
    return path.with_name(f"{path.name}.parity.json")


def rejected_file(path: str | os.PathLike[str]) -> Path:
    """Returns the path where a rejected file is kept."""
    path = Path(path)
    return path.with_name(f"{path.name}.rejected")


@dataclass(frozen=True)
class Place:
    """The paths that one export writes.

    Args:
        path: the file or folder.
        besides: functions that return the paths of the files beside it, such as `parity_file`.
        markers: names that every folder of this kind contains; empty for a file.
        content: all names that such a folder may contain; None if they are not limited.
    """

    path: Path
    besides: tuple[Callable[[Path], Path], ...]
    markers: tuple[str, ...] = ()
    content: tuple[str, ...] | None = None

    @property
    def rejected(self) -> Path:
        """Where the export is kept if it is rejected."""
        return rejected_file(self.path)

    def require(self, *, overwrite: bool) -> None:
        """Checks that all paths may be written.

        Raises:
            OutputExistsError: a path exists and may not be replaced.
        """
        require_output(
            self.path,
            overwrite=overwrite,
            folder_markers=self.markers,
            folder_content=self.content,
        )
        for beside in self.besides:
            require_output(beside(self.path), overwrite=overwrite)
        if self.rejected.exists() and not parity_file(self.rejected).exists():
            raise OutputExistsError(
                f"{self.rejected} is not a rejected export, but one would be kept there. Move it "
                "away."
            )

    @contextmanager
    def replacing(self, *, overwrite: bool) -> Iterator[Path]:
        """Like `simplebase.files.replacing`, for the export and the files beside it."""
        with ExitStack() as stack:
            # The path that is entered last is moved first, so the export appears after all others.
            partial = stack.enter_context(
                replacing(
                    self.path,
                    overwrite=overwrite,
                    folder_markers=self.markers,
                    folder_content=self.content,
                )
            )
            targets = [
                stack.enter_context(replacing(beside(self.path), overwrite=overwrite))
                for beside in self.besides
            ]
            yield partial
            for beside, target in zip(self.besides, targets, strict=True):
                shutil.copyfile(beside(partial), target)

    def reject(self, partial: Path) -> None:
        """Moves a finished export and the files beside it to `rejected`."""
        self.remove_rejected()
        for beside in (Path, *self.besides):
            os.replace(beside(partial), beside(self.rejected))

    def remove_rejected(self) -> None:
        """Removes what an earlier export left at `rejected`, which `require` has checked."""
        if self.rejected.is_dir():
            shutil.rmtree(self.rejected)
        for beside in (Path, *self.besides):
            beside(self.rejected).unlink(missing_ok=True)


def file_place(output: str | os.PathLike[str], settings: ExportSettings) -> Place:
    """Returns the place of one exported file, or of a SavedModel's folder.

    Raises:
        ArgumentError: `output` does not have the format's suffix.
    """
    path = Path(output)
    suffix = FORMATS[settings.format].suffix
    if path.suffix.lower() != suffix and (suffix or path.suffix in _SUFFIXES):
        kind = f"ends in {suffix}" if suffix else "is a folder"
        raise ArgumentError(f"{path}: a {settings.format} export {kind}.")
    markers = () if suffix else _SAVED_MODEL_MARKERS
    return Place(path, (metadata_file, parity_file), markers)
