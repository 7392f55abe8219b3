"""What MkDocs calls while it builds the site: pages that are made, and links of the repository."""

from pathlib import Path
from typing import Any

from command_pages import FOLDER, command_overview, command_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from notebook_page import notebook_page
from preset_tables import preset_tables
from repository_links import PAGES, with_links_of_the_site

ROOT = Path(__file__).parents[1]
_COMMANDS = f"{FOLDER}/index.md"
_MADE_PARTS = {
    _COMMANDS: ("<!-- commands -->", command_overview),
    "reference/presets.md": ("<!-- presets -->", preset_tables),
}
"""Pages with a part that is made from the program, where this comment stands."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are not Markdown files in `docs/`."""
    commands = command_pages()
    for page, text in commands.items():
        files.append(File.generated(config, page, content=text))
    for file, page in PAGES.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        text = notebook_page(text) if file.endswith(".ipynb") else text
        files.append(File.generated(config, page, content=text))
    _add_commands(config.nav, list(commands))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fills in what is made, and turns links of the repository into those of the site."""
    path = page.file.src_uri
    if path == "index.md":
        # There is nothing beside it.
        page.meta["hide"] = ["navigation"]
    markdown = with_links_of_the_site(markdown, path)
    if path in _MADE_PARTS:
        comment, make = _MADE_PARTS[path]
        markdown = markdown.replace(comment, make())
    return markdown


def _add_commands(nav: Any, pages: list[str]) -> None:
    """Puts the pages of the commands behind their overview in the navigation."""
    for entry in nav:
        for members in entry.values() if isinstance(entry, dict) else ():
            if isinstance(members, list):
                if _COMMANDS in members:
                    members[members.index(_COMMANDS) + 1 :] = pages
                _add_commands(members, pages)
