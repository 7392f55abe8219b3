"""The errors that simplebase raises on bad input, all in one place.

```
SimplebaseError
├── ArgumentError       (ValueError)         a value that a caller chose, such as a preset name
├── DataError           (ValueError)         the content of a file: a record, an image, ...
├── DownloadError       (RuntimeError)       a file that cannot be downloaded or stored
├── InUseError          (RuntimeError)       a folder that another process is writing
├── MissingFileError    (FileNotFoundError)  a file or folder that does not exist
├── MissingPackageError (ImportError)        an optional package that is not installed
├── OutOfMemoryError    (MemoryError)        a device without memory for a batch of images
├── OutputExistsError   (FileExistsError)    an output that would have to be overwritten
├── ParityError         (RuntimeError)       an exported file whose results differ from its model's
└── TrainingError       (RuntimeError)       a training run that cannot start or continue
    └── TrainingStopped                      a training run that was stopped and can be resumed
```

Each message is complete: what was expected, what came, where, and what to do. The command line
prints it as it is and exits with `exit_code`.
"""

import os
import reprlib
from collections.abc import Iterable
from typing import Any


class SimplebaseError(Exception):
    """Base of all errors that a user's input can cause."""

    exit_code = 1


class ArgumentError(SimplebaseError, ValueError):
    """A value that the caller chose is invalid."""

    exit_code = 2


class DataError(SimplebaseError, ValueError):
    """A file was found and read, but its content is wrong."""


class DownloadError(SimplebaseError, RuntimeError):
    """A published file cannot be downloaded, has another hash, or cannot be stored."""


class InUseError(SimplebaseError, RuntimeError):
    """Another process is writing to the same place."""


class MissingFileError(SimplebaseError, FileNotFoundError):
    """A file or folder that is needed does not exist."""


class MissingPackageError(SimplebaseError, ImportError):
    """An optional package is needed that is not installed."""


class OutOfMemoryError(SimplebaseError, MemoryError):
    """A device has too little memory for a batch of images.

    Args:
        device: the device's name, such as `GPU:0`.
        batch_size: images in the batch.
        advice: what to do.
    """

    def __init__(self, device: str, batch_size: int, advice: str) -> None:
        super().__init__(f"out of memory on {device} at batch size {batch_size}: {advice}.")
        self.device, self.batch_size, self.advice = device, batch_size, advice

    def __reduce__(self) -> tuple[Any, ...]:
        """Makes the error picklable, so that it can be passed between processes."""
        return type(self), (self.device, self.batch_size, self.advice)


class OutputExistsError(SimplebaseError, FileExistsError):
    """An output exists, and overwriting it was not requested."""


class ParityError(SimplebaseError, RuntimeError):
    """The results of an exported file differ from those of its model.

    Args:
        message: what differs, and where the rejected file is.
        parity: the comparison, a `simplebase.export.Parity`.
    """

    def __init__(self, message: str, parity: Any) -> None:
        super().__init__(message)
        self.parity = parity


class TrainingError(SimplebaseError, RuntimeError):
    """A training run cannot start or continue."""


class TrainingStopped(TrainingError):
    """A training run was stopped and can be resumed.

    Args:
        message: where it stopped, and how to resume it.
        exit_code: 128 plus the number of the signal that stopped it; 1 if another worker did.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class _Shown(reprlib.Repr):
    """A `repr` of bounded length and time: a value from a file may have a billion items."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlevel = 3

    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to write numbers of thousands of digits.
        return super().repr_int(value, level) if value.bit_length() < 1000 else "a huge number"


_SHOWN = _Shown()

# Longest quotation of a library's message: some contain a model's whole configuration.
_LONGEST_SENTENCE = 500


def shown(value: object) -> str:
    """Returns `value` for a message: its `repr`, shortened to about a line."""
    return cut(_SHOWN.repr(value))


def cut(text: str, most: int = 200) -> str:
    """Returns `text`, or its first `most` characters and `...` if it is longer."""
    return text if len(text) <= most else f"{text[:most]}..."


def listed(names: Iterable[object], most: int = 20) -> str:
    """Returns `a, b, c`; for more than `most` names, the first ones and the total number."""
    texts = [str(name) for name in names]
    more = f", ... ({len(texts)} in all)" if len(texts) > most else ""
    return ", ".join(cut(text, 60) for text in texts[:most]) + more


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Returns a count with its noun, such as `1 image` or `1,000 images`.

    Pass `plural` if it is irregular.
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def first_line(error: Exception) -> str:
    """Returns the first line of an error, without the paragraphs that Keras and TensorFlow add."""
    return cut(next(iter(str(error).splitlines()), type(error).__name__), _LONGEST_SENTENCE)


def os_sentence(error: OSError) -> str:
    """Returns the file and the operating system's message, without the error number."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror}."


def one_line(error: Exception) -> str:
    """Returns the text of `error` as one line. Errors of YAML have several lines."""
    return cut(" ".join(str(error).split()), _LONGEST_SENTENCE)


class SimplebaseWarning(UserWarning):
    """Something that the user should know but that does not stop the work."""


class SimplebaseNote(SimplebaseWarning):
    """Information about something that worked as expected."""
