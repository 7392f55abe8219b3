"""The folder of an exported page: what is fetched, what is written, and what is refused."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from artifacts import Artifacts
from model_hub import Hub, serving

from simplebase import KeypointDataset
from simplebase.cli.export_display import site_size
from simplebase.errors import (
    ArgumentError,
    DataError,
    DownloadError,
    OutputExistsError,
    ParityError,
    SimplebaseNote,
)
from simplebase.export import ExportedSite, Exporter, export_all, export_site
from simplebase.export.parity import Parity
from simplebase.export.web import fetch_litert_js, litert_js, site
from simplebase.export.web.content import CONTENT, DETECTOR_FILES
from simplebase.images import read_image
from simplebase.runtimes import load_runtime
from simplebase.zoo.fetching import RemoteFile

pytestmark = [
    pytest.mark.xdist_group("runtimes"),
    pytest.mark.filterwarnings("ignore:.*the page was not run"),
]

INDEX = b'import { createWasmLib } from "@litertjs/wasm-utils";\nstart();\n'
MAP = b"//# sourceMappingURL=index.js.map"
CODE = b"\0asm" + bytes(1000)


def tarball(files: dict[str, bytes]) -> bytes:
    """Of the structure of npm's."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def core(index: bytes = INDEX + MAP) -> bytes:
    scripts = {f"package/wasm/litert_wasm_{name}.js": b"script" for name in litert_js.VARIANTS}
    codes = {f"package/wasm/litert_wasm_{name}.wasm": CODE for name in litert_js.VARIANTS}
    others = {"package/README.md": b"read me", "package/../../outside": b"elsewhere"}
    return tarball({"package/dist/index.js": index, **others, **scripts, **codes})


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A registry with packages of LiteRT.js in small."""
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SIMPLEBASE_OFFLINE", raising=False)
    monkeypatch.delenv("SIMPLEBASE_MIRROR", raising=False)
    with serving() as hub:
        packages = {
            "LITERT_JS_CORE": core(),
            "LITERT_JS_WASM_UTILS": tarball({"package/dist/index.js": b"utils();\n" + MAP}),
        }
        for name, content in packages.items():
            published: RemoteFile = getattr(litert_js, name)
            hub.files[f"/{published.name}"] = content
            file = replace(
                published,
                urls=(f"{hub.address}/{published.name}",),
                sha256=sha256(content).hexdigest(),
                size=len(content),
            )
            monkeypatch.setattr(litert_js, name, file)
        yield hub


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "find_chromium", lambda: None)


@pytest.fixture(scope="module")
def exporter(small: Artifacts, figures: KeypointDataset) -> Exporter:
    return Exporter(small.path("model.keras"), figures)


def exported(exporter: Exporter, folder: Path, **options: object) -> ExportedSite:
    return export_site(exporter, folder, announce=lambda line: None, **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("hub", "no_browser")
def test_a_folder_has_the_page_the_model_and_the_runtime(
    exporter: Exporter, tmp_path: Path
) -> None:
    folder = tmp_path / "a & b"
    with pytest.warns(UserWarning, match="the page was not run, because neither Chromium"):
        done = exported(exporter, folder)
    assert done.browser is None and done.parity.heatmap_max is not None
    names = {path.name for path in folder.iterdir()}
    assert names == set(CONTENT) - set(DETECTOR_FILES)
    assert "<title>a &amp; b</title>" in (folder / "index.html").read_text()
    # Anything that opens a model opens this one.
    load_runtime(folder / "model.tflite")
    described = json.loads((folder / "model.tflite.json").read_text())
    assert described["web"]["bytes"] == (folder / "model.tflite").stat().st_size
    assert len(described["web"]["colours"]) == len(described["skeleton"]["links"])
    height, width = read_image(folder / "poster.jpg").shape[:2]
    assert 32 <= min(height, width) <= max(height, width) <= 640
    report = json.loads((tmp_path / "a & b.parity.json").read_text())
    assert report["passed"] and report["browser"] is None
    ours = [path for path in folder.iterdir() if path.suffix in (".js", ".html", ".css")]
    assert sum(path.stat().st_size for path in ours) < 100_000


@pytest.mark.usefixtures("hub", "no_browser")
def test_what_is_there_is_replaced_only_when_asked_to(exporter: Exporter, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    exported(exporter, folder)
    with pytest.raises(OutputExistsError, match="--overwrite"):
        exported(exporter, folder)
    (folder / "CNAME").write_text("my own")
    with pytest.raises(OutputExistsError, match="holds CNAME, which --overwrite would remove"):
        exported(exporter, folder, overwrite=True)
    (folder / "CNAME").unlink()
    exported(exporter, folder, overwrite=True, title="Cows")
    assert "<h1>Cows</h1>" in (folder / "index.html").read_text()


@pytest.mark.usefixtures("hub")
def test_a_page_that_answers_otherwise_is_kept_apart(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared(*arguments: object) -> tuple[Parity, str]:
        raise ParityError("the page fails in the browser: no such function", None)

    monkeypatch.setattr(site, "_in_browser", compared)
    expected = (
        r"the results of site \(in the browser\) differ from those of the model: the page fails"
    )
    for _ in range(2):
        with pytest.raises(ParityError, match=expected):
            exported(exporter, tmp_path / "site")
        assert not (tmp_path / "site").exists()
        assert (tmp_path / "site.rejected" / "index.html").exists()
    report = json.loads((tmp_path / "site.rejected.parity.json").read_text())
    assert report == {
        "passed": False,
        "faults": ["the page fails in the browser: no such function"],
    }
    monkeypatch.setattr(site, "_in_browser", lambda *arguments: (None, "Chrome 1"))
    exported(exporter, tmp_path / "site")
    assert not (tmp_path / "site.rejected").exists()


def test_a_quantization_that_browsers_are_slow_at_is_refused(
    exporter: Exporter, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match="float16, none, int8. Received: 'dynamic'"):
        exported(exporter, tmp_path / "site", quantization="dynamic")


def test_the_packages_are_fetched_once_and_named_before(hub: Hub, tmp_path: Path) -> None:
    lines: list[str] = []
    for _ in range(2):
        packages = fetch_litert_js(announce=lines.append, progress=None)
    assert len(lines) == 2 and len(hub.asked) == 2
    assert "Fetching litert-js: litertjs-core-" in lines[0] and "Apache-2.0" in lines[0]
    litert_js.write_litert_js(tmp_path / "litert", *packages)
    written = {path.name: path.read_bytes() for path in (tmp_path / "litert").iterdir()}
    assert len(written) == 3 + 2 * len(litert_js.VARIANTS)
    assert b'from "./wasm-utils.js"' in written["index.js"] and MAP not in written["index.js"]
    assert written["wasm-utils.js"] == b"utils();\n"
    assert gzip.decompress(written["litert_wasm_internal.wasm.gz"]) == CODE
    assert b"Apache License" in written["NOTICE.txt"]


def test_without_a_network_the_way_out_is_named(
    exporter: Exporter, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEBASE_OFFLINE", "1")
    with pytest.raises(DownloadError, match="`simplebase models get litert-js`"):
        exported(exporter, tmp_path / "site")
    assert not (tmp_path / "site").exists() and hub.asked == []


@pytest.mark.usefixtures("hub", "no_browser")
def test_all_formats_include_the_page_where_litert_js_was_fetched(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simplebase.export.all_formats.THREADS", ())
    monkeypatch.setattr(exporter, "prepare", lambda: None)
    # Nothing is downloaded unasked.
    [missing] = export_all(exporter, [], site=tmp_path / "m_web")
    assert missing.state == "not installed" and not (tmp_path / "m_web").exists()
    assert "`simplebase models get litert-js`" in missing.problem
    fetch_litert_js(announce=lambda line: None, progress=None)
    with pytest.warns(SimplebaseNote, match=r"m_web: poster.jpg is from .*; replace it before you"):
        [done] = export_all(exporter, [], site=tmp_path / "m_web")
    assert done.state == "passed" and done.settings.title == "web float16"
    assert done.size == sum(p.stat().st_size for p in done.path.rglob("*") if p.is_file())
    assert "<h1>m</h1>" in (tmp_path / "m_web" / "index.html").read_text()
    assert done.to_config()["format"] == "web"


@pytest.mark.usefixtures("hub", "no_browser")
def test_the_size_of_a_folder_and_of_its_parts_is_told(exporter: Exporter, tmp_path: Path) -> None:
    sizes = exported(exporter, tmp_path / "site").sizes
    files = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert sum(sizes.values()) == sum(path.stat().st_size for path in files)
    assert list(sizes) == ["model", "LiteRT.js", "page", "poster"] and sizes["page"] < 100_000
    [line] = site_size({"model": 5_478_286, "LiteRT.js": 9_459_988, "page": 70_123})
    assert line.startswith("15.0 MB: model 5.5, LiteRT.js 9.5, page 0.07.")
    [_, hint] = site_size({"model": 10_850_000, "LiteRT.js": 9_459_988})
    assert hint.startswith("more than 16 MB") and "--quantize float16" in hint


def test_another_version_of_the_package_is_refused(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "core.tgz"
    for content, message in (
        (core(b"start();"), "does not import wasm-utils as expected"),
        (tarball({"package/dist/index.js": INDEX}), "lacks package/wasm/litert_wasm_compat"),
        (b"no archive", "is damaged, or not a .tar.gz"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            litert_js.write_litert_js(tmp_path / "litert", path, path)
