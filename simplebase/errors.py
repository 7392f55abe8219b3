"""The errors that simplebase raises on bad input, all in one place.

```
SimplebaseError
├── ArgumentError       (ValueError)         a value that a caller chose, such as a preset name
├── DataError           (ValueError)         the content of a file: a record, an image, ...
├── DownloadError       (RuntimeError)       a file that cannot be fetched, or not be kept
├── InUseError          (RuntimeError)       a folder that another process is writing
├── MissingFileError    (FileNotFoundError)  a file or folder that is not there
├── MissingPackageError (ImportError)        an optional package that is not installed
├── OutOfMemoryError    (MemoryError)        a device without memory for a batch of images
├── OutputExistsError   (FileExistsError)    an output that would have to be overwritten
├── ParityError         (RuntimeError)       an exported file that does not answer as its model
└── TrainingError       (RuntimeError)       a training that cannot go on
    └── TrainingStopped                      one that a signal stopped, and that can be resumed
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
    """A value chosen by the caller is not one of those that work."""

    exit_code = 2


class DataError(SimplebaseError, ValueError):
    """A file was found and read, but what it holds is wrong."""


class DownloadError(SimplebaseError, RuntimeError):
    """A published file cannot be fetched, is not the one that was published, or cannot be kept."""


class InUseError(SimplebaseError, RuntimeError):
    """Another process is writing what this one would write."""


class MissingFileError(SimplebaseError, FileNotFoundError):
    """A file or folder that is needed does not exist."""


class MissingPackageError(SimplebaseError, ImportError):
    """A package is needed that only an extra of simplebase brings."""


class OutOfMemoryError(SimplebaseError, MemoryError):
    """A device has too little memory for a batch of images.

    Args:
        device: its name, such as `GPU:0`.
        batch_size: images in the batch.
        advice: what to do.
    """

    def __init__(self, device: str, batch_size: int, advice: str) -> None:
        super().__init__(f"out of memory on {device} at batch size {batch_size}: {advice}.")
        self.device, self.batch_size, self.advice = device, batch_size, advice

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets it come back from another process."""
        return type(self), (self.device, self.batch_size, self.advice)


class OutputExistsError(SimplebaseError, FileExistsError):
    """An output exists and overwriting was not asked for."""


class ParityError(SimplebaseError, RuntimeError):
    """An exported file does not answer as its model does.

    Args:
        message: what differs, and where the file is kept.
        parity: the comparison, a `simplebase.export.Parity`.
    """

    def __init__(self, message: str, parity: Any) -> None:
        super().__init__(message)
        self.parity = parity


class TrainingError(SimplebaseError, RuntimeError):
    """A training run cannot start or go on."""


class TrainingStopped(TrainingError):
    """A training run was stopped and can be resumed.

    Args:
        message: where it stopped, and how to go on.
        exit_code: 128 and the number of the signal that stopped it; 1 if another worker did.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class _Shown(reprlib.Repr):
    """`repr` of bounded length and time: a value from a file may be a billion items long."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlevel = 3

    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to write numbers of thousands of digits.
        return super().repr_int(value, level) if value.bit_length() < 1000 else "a huge number"


_SHOWN = _Shown()

# Of a library's message that ours quotes: some hold a whole model's configuration.
_LONGEST_SENTENCE = 500


def shown(value: object) -> str:
    """`value` as a message shows it: like `repr`, but never longer than about a line."""
    return cut(_SHOWN.repr(value))


def cut(text: str, most: int = 200) -> str:
    """`text`, or its first `most` characters and `...`."""
    return text if len(text) <= most else f"{text[:most]}..."


def listed(names: Iterable[object], most: int = 20) -> str:
    """`a, b, c`; of more than `most` names the first ones and how many there are."""
    texts = [str(name) for name in names]
    more = f", ... ({len(texts)} in all)" if len(texts) > most else ""
    return ", ".join(cut(text, 60) for text in texts[:most]) + more


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 image`, `2 images`, `1,000 images`: a count with its noun; `plural` if it is irregular."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def first_line(error: Exception) -> str:
    """What `error` says, without the paragraphs that Keras and TensorFlow add."""
    return cut(next(iter(str(error).splitlines()), type(error).__name__), _LONGEST_SENTENCE)


def os_sentence(error: OSError) -> str:
    """What the operating system says of which file, without its error number."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror}."


def one_line(error: Exception) -> str:
    """What `error` says, as one line: YAML's errors draw the place on lines of their own."""
    return cut(" ".join(str(error).split()), _LONGEST_SENTENCE)


class SimplebaseWarning(UserWarning):
    """Something that the user should know but that stops nothing."""


class SimplebaseNote(SimplebaseWarning):
    """What the user may want to know of something that went as it should."""
