"""The documentation site: it builds without a warning and loads nothing from elsewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command_pages import command_overview, command_pages
from preset_tables import preset_tables
from repository_links import with_links_of_the_site

import simplebase
from simplebase.cli.commands import _MODULES
from simplebase.metadata import ModelMetadata
from simplebase.presets import load_preset, preset_names
from simplebase.skeletons import load_skeleton

pytest.importorskip("mkdocs", reason='pip install "simplebase[docs]"')

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.xdist_group("site")


class Elements(HTMLParser):
    """The elements of a page, and the text of its paragraphs."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.paragraphs: list[str] = []
        self._inside = False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "p":
            self.paragraphs.append("")
        self._inside = tag == "p" or (self._inside and tag in ("a", "code", "em", "strong"))

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "p"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.paragraphs[-1] += data

    def loaded(self) -> list[str]:
        """Addresses of what a browser loads for the page, not of what it links to."""
        found = []
        for tag, attributes in self.elements:
            if tag == "link" and attributes.get("rel") not in ("canonical", "next", "prev"):
                found.append(attributes.get("href"))
            elif tag != "a":
                found += [attributes.get(name) for name in ("src", "srcset", "poster", "data")]
        return [address for address in found if address]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def pages(site: Path) -> list[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) > 50
    return found


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    elsewhere = re.compile(r"(?:https?:)?//")
    for page in pages(site):
        elements = Elements(page)
        assert [each for each in elements.loaded() if elsewhere.match(each)] == [], page
        # Material's script asks other servers for what these two are.
        classes = " ".join(each.get("class") or "" for _, each in elements.elements).split()
        parts = [each.get("data-md-component") for _, each in elements.elements]
        assert "mermaid" not in classes and "source" not in parts, page
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""", text), sheet


def test_lists_are_lists(site: Path) -> None:
    # GitHub begins a list right below a paragraph, MkDocs only after an empty line.
    lost = re.compile(r"^(?:[-*] |\d\. |\|)", re.MULTILINE)
    found = [
        (page.name, paragraph)
        for page in pages(site)
        for paragraph in Elements(page).paragraphs
        if lost.search(paragraph)
    ]
    assert found == []


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    named = {
        each.get("id")
        for page in (site / "reference" / "api").glob("*.html")
        for _, each in Elements(page).elements
    }
    # The errors stand together, under the name of their module.
    named |= {str(name).replace("simplebase.errors.", "simplebase.") for name in named}
    assert [name for name in simplebase.__all__ if f"simplebase.{name}" not in named] == []


def test_every_command_has_a_page_with_its_options(site: Path) -> None:
    made = command_pages()
    assert [Path(page).stem for page in made] == list(_MODULES)
    assert all((site / page).with_suffix(".html").is_file() for page in made)
    train = made["reference/cli/train.md"]
    assert "| `--batch-size N` |" in train and "**Options**" in train
    assert "\\[default: the preset's\\] |\n" in train
    assert "```sh\nsimplebase train --preset mobilenetv2_upsample_lite\n" in train
    convert = made["reference/cli/convert.md"]
    assert "## convert coco\n" in convert
    assert "[docs/datasets/skeletons.md](../../datasets/skeletons.md)" in convert
    assert "[`train`](train.md)" in command_overview()


def test_every_preset_is_in_the_tables() -> None:
    tables = preset_tables()
    assert [name for name in preset_names() if f"| `{name}` |" not in tables] == []
    small = load_preset("mobilenetv2_upsample_lite")
    assert f"| 256x256 | 2.70 | 1.68 | {small.description} |" in tables


def test_the_keys_of_a_models_metadata_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "reference" / "files.md").read_text(encoding="utf-8")
    keys = re.findall(r"^\| `(\w+)` \|", page.partition("## The metadata of a model")[2], re.M)
    preset = load_preset("mobilenetv2_upsample_lite")
    metadata = ModelMetadata.from_preset(preset, load_skeleton("coco"))
    assert keys == [*metadata.to_config(), "version", "sha256"]


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("index.md", "[a](docs/web.md#speed)", "[a](web.md#speed)"),
        ("index.md", "![a](docs/person.jpg)", "![a](person.jpg)"),
        ("index.md", "[a](CITATION.cff)", "a"),
        ("project/contributing.md", "[a](README.md#start)", "[a](../index.md#start)"),
        ("reliability.md", "[a](../SECURITY.md)", "[a](project/security.md)"),
        ("tutorials/phone.md", "[a](../../deploy/README.md)", "[a](../cpp.md)"),
        ("tutorials/index.md", "[a](first_model.ipynb)", "[a](notebook.md)"),
        ("web.md", "[a](https://x.org/docs/a.md) [b](#speed)", None),
        ("web.md", "```sh\necho [a](../README.md)\n```", None),
        ("index.md", "[docs/demo.md](docs/demo.md)", "[The demo](demo.md)"),
        ("cpp.md", "[[a] b](tests/x.cpp)", "[a] b"),
    ],
)
def test_a_link_of_the_repository_is_one_of_the_site(
    page: str, link: str, expected: str | None
) -> None:
    assert with_links_of_the_site(link, page) == (link if expected is None else expected)
