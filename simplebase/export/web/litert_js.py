"""Fetches LiteRT.js for a page: a few files of two npm packages.

On one thread, LiteRT.js ran `mobilenetv2_upsample_lite` at 128x128 in 0.6 of the time of ONNX
Runtime Web 1.30. It started in a third of the time, and its code is two thirds as large
(docs/web.md).
"""

import gzip
from pathlib import Path

from simplebase.errors import DataError
from simplebase.files.inflation import read_tarball
from simplebase.progress import ProgressBar
from simplebase.zoo.fetching import Announce, fetch
from simplebase.zoo.programs import LITERT_JS_CORE, LITERT_JS_VERSION, LITERT_JS_WASM_UTILS

VARIANTS = ("internal", "compat_internal", "threaded_internal")
"""Variants for browsers with relaxed SIMD, for those without, and for pages with threads."""

COMPRESSION = 6
"""Level of gzip. 9 takes three times as long for 0.5 % less."""

_CORE, _WASM_UTILS = "package/dist/index.js", "package/dist/index.js"
_IMPORT = b'from "@litertjs/wasm-utils"'
_OWN_IMPORT = b'from "./wasm-utils.js"'
_CHANGED = b"/* Changed by simplebase: the import of wasm-utils names its file. */\n"
_SOURCE_MAP = b"//# sourceMappingURL="

_NOTICE = f"""\
The files in this folder are LiteRT.js {LITERT_JS_VERSION}, packages @litertjs/core and
@litertjs/wasm-utils of npm, https://github.com/google-ai-edge/LiteRT
Copyright Google LLC. Licensed under the Apache License, Version 2.0:
http://www.apache.org/licenses/LICENSE-2.0

simplebase changed index.js, which names the file of wasm-utils, took the lines away that point to
source maps, and compressed the .wasm files. Nothing else was changed.
"""


def fetch_litert_js(
    *, offline: bool = False, announce: Announce, progress: ProgressBar | None
) -> tuple[Path, Path]:
    """Returns the two packages in the cache, after fetching those that are missing.

    Args:
        offline: do not download them.
        announce: is called with one line before a package is downloaded.
        progress: opens a progress bar for a download.

    Raises:
        DownloadError: a package cannot be downloaded or stored.
    """
    core, utils = (
        fetch(file, offline=offline, announce=announce, progress=progress)
        for file in (LITERT_JS_CORE, LITERT_JS_WASM_UTILS)
    )
    return core, utils


def write_litert_js(folder: Path, core: Path, utils: Path) -> None:
    """Writes the files that a page needs to a new folder.

    These are `index.js`, `wasm-utils.js` and, for each of `VARIANTS`, a script and its code. The
    code is compressed, because static hosts send `.wasm` uncompressed, which takes three times as
    long.

    Raises:
        DataError: a package does not have the content of this version.
    """
    wasm = {f"package/wasm/litert_wasm_{variant}.{end}" for variant in VARIANTS for end in _ENDS}
    files = read_tarball(core, {_CORE, *wasm})
    index = files.pop(_CORE)
    if index.count(_IMPORT) != 1:
        raise DataError(f"{core}: its index.js does not import wasm-utils as expected.")
    folder.mkdir()
    index = _CHANGED + index.replace(_IMPORT, _OWN_IMPORT)
    (folder / "index.js").write_bytes(_without_source_map(index))
    (folder / "wasm-utils.js").write_bytes(
        _without_source_map(read_tarball(utils, {_WASM_UTILS})[_WASM_UTILS])
    )
    for name, content in files.items():
        path = folder / Path(name).name
        if path.suffix == ".wasm":
            # Without a time stamp, so that the file is always the same.
            packed = gzip.compress(content, compresslevel=COMPRESSION, mtime=0)
            path.with_name(f"{path.name}.gz").write_bytes(packed)
        else:
            path.write_bytes(content)
    (folder / "NOTICE.txt").write_text(_NOTICE, encoding="utf-8")


_ENDS = ("js", "wasm")


def _without_source_map(script: bytes) -> bytes:
    """Removes the last line, which makes developer tools request the source map."""
    return script.rpartition(_SOURCE_MAP)[0] if _SOURCE_MAP in script else script
