"""The files of a dataset while it is being packed.

They are written to `.OUT.packing`, which becomes `OUT` when it is complete. While a process packs,
`.OUT.packing.lock` names it. Only files that packing writes are ever removed, and never through a
link.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

import numpy as np
import tensorflow as tf

from simplebase.data.packed.location import MANIFEST, join, unfinished
from simplebase.data.packed.manifest import (
    PACKING,
    RECORDS,
    Manifest,
    Shard,
    checksum,
    read_manifest,
    read_text,
    write_columns,
)
from simplebase.data.records import Records
from simplebase.errors import DataError, MissingFileError, OutputExistsError, SimplebaseError
from simplebase.files.locks import locked

_OUR_FILES = re.compile(
    r"(manifest\.json|packing\.json|records\.npz|(train|val)-\d{5,}\.tfrecord)(\.partial)?"
)


class Packing:
    """Writes shards, which appear only when complete, and lists them in `packing.json`.

    Args:
        output: the final folder or address.
        fingerprint: fingerprint of data and settings, which must be the same to resume.
    """

    def __init__(self, output: str, fingerprint: str) -> None:
        # A link is kept, and its target is replaced.
        self.output = output if "://" in output else os.path.realpath(output)
        self.folder = unfinished(self.output)
        self.fingerprint = fingerprint
        self.shards: list[Shard] = []
        self._opened = False

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Locks the output against other processes. Only folders, not addresses, have locks.

        If packing ends before its first shard, nothing is left, because there is nothing to resume.

        Raises:
            InUseError: another process packs to this output.
            DataError: the output cannot be written.
        """
        with ExitStack() as stack:
            if "://" not in self.output:
                with self._writing():
                    tf.io.gfile.makedirs(os.path.dirname(self.output))
                    stack.enter_context(
                        locked(f"{self.folder}.lock", self.output, "choose another path")
                    )
            try:
                yield
            except BaseException:
                if self._opened and not self.shards:
                    _remove(self.folder)
                raise

    def open(self, overwrite: bool) -> None:
        """Creates the folder, or resumes a packing of the same data and settings.

        Raises:
            OutputExistsError: the output may not be replaced, or a different packing was stopped.
            DataError: the output cannot be written.
        """
        with self._writing():
            _require_replaceable(self.output, overwrite)
            if tf.io.gfile.exists(self.folder) and not self._resume():
                if not overwrite:
                    raise OutputExistsError(
                        f"{self.folder} contains an unfinished packing of other data or settings. "
                        "Remove it, choose another path, or pass --overwrite."
                    )
                _remove(self.folder)
            tf.io.gfile.makedirs(self.folder)
            self._save()
        self._opened = True

    def _resume(self) -> bool:
        """Takes over the shards of an unfinished packing of the same data and settings."""
        try:
            content = json.loads(read_text(join(self.folder, PACKING)))
            if content["fingerprint"] != self.fingerprint:
                return False
            shards = [Shard(**shard) for shard in content["shards"]]
        except (KeyError, RecursionError, TypeError, ValueError, tf.errors.OpError):
            return False
        for shard in shards:
            path = join(self.folder, shard.name)
            if not tf.io.gfile.exists(path) or tf.io.gfile.stat(path).length != shard.bytes:
                break
            self.shards.append(shard)
        return True

    def add(self, name: str, examples: Iterator[bytes], count: int) -> None:
        """Writes one shard.

        Raises:
            DataError: the disk is full, or an error of `examples`. Earlier shards are kept.
        """
        path = join(self.folder, name)
        with self._writing():
            try:
                with tf.io.TFRecordWriter(f"{path}.partial") as writer:
                    for example in examples:
                        writer.write(example)
                size = tf.io.gfile.stat(f"{path}.partial").length
                digest = checksum(f"{path}.partial")
                tf.io.gfile.rename(f"{path}.partial", path, overwrite=True)
            finally:
                if tf.io.gfile.exists(f"{path}.partial"):
                    tf.io.gfile.remove(f"{path}.partial")
            self.shards.append(Shard(name, count, size, digest))
            self._save()

    def finish(self, manifest: Manifest, records: Records, matrices: np.ndarray) -> None:
        """Writes the table and the manifest, and moves all files into place."""
        with self._writing():
            write_columns(join(self.folder, RECORDS), records, matrices)
            self._write(MANIFEST, manifest.to_json())
            if tf.io.gfile.exists(self.output):
                _remove(self.output)
            _move(self.folder, self.output)

    def _save(self) -> None:
        state = {"fingerprint": self.fingerprint, "shards": [asdict(s) for s in self.shards]}
        self._write(PACKING, json.dumps(state, indent=1) + "\n")

    def _write(self, name: str, text: str) -> None:
        path = join(self.folder, name)
        with tf.io.gfile.GFile(f"{path}.partial", "wb") as file:
            file.write(text.encode())
        tf.io.gfile.rename(f"{path}.partial", path, overwrite=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns write errors into a message that says how far the packing is."""
        try:
            yield
        except SimplebaseError:  # an error of an image, or already worded
            raise
        except (tf.errors.OpError, OSError) as error:
            reason = error.message if isinstance(error, tf.errors.OpError) else str(error)
            if not self._opened:
                raise DataError(f"{self.output} cannot be written: {reason}.") from error
            raise DataError(
                f"{self.output}: packing stopped after {len(self.shards)} shards: {reason}. Is "
                "the disk full? Run the same command again to continue."
            ) from error


def _require_replaceable(output: str, overwrite: bool) -> None:
    """Raises an error unless the output is a packed dataset without other files."""
    if not tf.io.gfile.exists(output):
        return
    is_folder = tf.io.gfile.isdir(output)
    names = tf.io.gfile.listdir(output) if is_folder else [os.path.basename(output)]
    if not names:
        return
    foreign = [name for name in names if not is_folder or not _OUR_FILES.fullmatch(name)]
    if not foreign and not _is_packed(output):
        foreign = names
    if foreign:
        raise OutputExistsError(
            f"{output} contains files that are not part of a packed dataset ({foreign[0]}), so it "
            "is not replaced. Choose another path."
        )
    if tf.io.gfile.exists(join(output, MANIFEST)) and not overwrite:
        raise OutputExistsError(f"{output} exists. Choose another path, or pass --overwrite.")


def _is_packed(output: str) -> bool:
    """Returns whether it has our manifest, or was just being moved into place."""
    try:
        read_manifest(output)
    except DataError:
        return False
    except MissingFileError:
        return bool(tf.io.gfile.exists(unfinished(output)))
    return True


def _move(folder: str, output: str) -> None:
    """Moves the files one by one, because not every file system can rename a folder.

    The manifest comes last, so that an incomplete folder is not mistaken for a dataset.
    """
    tf.io.gfile.makedirs(output)
    names = [name for name in tf.io.gfile.listdir(folder) if name != PACKING]
    for name in sorted(names, key=lambda name: name == MANIFEST):
        tf.io.gfile.rename(join(folder, name), join(output, name), overwrite=True)
    tf.io.gfile.rmtree(folder)


def _remove(folder: str) -> None:
    """Removes a packing's files, and the folder if nothing else is in it."""
    for name in tf.io.gfile.listdir(folder):
        if _OUR_FILES.fullmatch(name):
            tf.io.gfile.remove(join(folder, name))
    if rest := tf.io.gfile.listdir(folder):
        raise OutputExistsError(f"{folder} contains other files ({rest[0]}). Move them away.")
    tf.io.gfile.rmtree(folder)
