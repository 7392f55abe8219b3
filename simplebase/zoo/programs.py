"""Published programs that exports include, fetched like models.

Google publishes LiteRT.js as npm packages. `models get litert-js` fetches them in advance.
"""

from simplebase.zoo.remote import RemoteFile

LITERT_JS_VERSION = "2.5.3"
"""Version of both packages: `core` needs the same version of `wasm-utils`."""

_REGISTRY = "https://registry.npmjs.org/@litertjs"
_LICENCE = "Apache-2.0"


def _package(name: str, sha256: str, size: int) -> RemoteFile:
    return RemoteFile(
        name=f"litertjs-{name}-{LITERT_JS_VERSION}.tgz",
        urls=(f"{_REGISTRY}/{name}/-/{name}-{LITERT_JS_VERSION}.tgz",),
        sha256=sha256,
        model="litert-js",
        licence=_LICENCE,
        size=size,
    )


LITERT_JS_CORE = _package(
    "core", "a97660833e9e7e1063c95e12016718881240b14f7438728a2f62785e912d30fd", 11_817_097
)
LITERT_JS_WASM_UTILS = _package(
    "wasm-utils", "ce2a1f8379c067be49e59752e5a7f40db6be09f6e497f0f11e59f17b515366a7", 4_698
)

PROGRAMS: dict[str, tuple[RemoteFile, ...]] = {
    "litert-js": (LITERT_JS_CORE, LITERT_JS_WASM_UTILS),
}
"""The files of each program, by its name in `simplebase models get`."""
