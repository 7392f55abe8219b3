"""Where the files of the repository are on the site, and the links between them."""

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "deploy/README.md": "cpp.md",
    "tests/README.md": "project/tests.md",
    "docs/tutorials/first_model.ipynb": "tutorials/notebook.md",
}
"""Pages that are not Markdown files in `docs/`: path in the repository to path on the site."""

_FENCE = re.compile(r"(^ *```.*?^ *```)", re.M | re.S)
_LINK = re.compile(r"(!?)\[((?:[^][]|\[[^]]*\])*)\]\(([^)\s]+)\)")
_ORIGINS = {page: file for file, page in PAGES.items()}


def with_links_of_the_site(markdown: str, page: str) -> str:
    """Text of a page with its links, which are those of the repository, as those of the site.

    A link to a file that the site does not have becomes its text. Where the text of a link is the
    name of a file, as `[web.md](web.md)`, it becomes the title of that page.

    Args:
        markdown: the text.
        page: path on the site, such as `project/security.md`.
    """
    origin = _ORIGINS.get(page, f"docs/{page}")

    def link(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        name, hash_, heading = target.partition("#")
        file = posixpath.normpath(posixpath.join(posixpath.dirname(origin), name))
        if file in PAGES:
            place = PAGES[file]
        elif file.startswith("docs/"):
            place = file.removeprefix("docs/")
        else:
            return text
        if re.fullmatch(r"[\w./]+\.md", text):
            text = _title(file)
        way = posixpath.relpath(place, posixpath.dirname(page) or ".")
        return f"{picture}[{text}]({way}{hash_}{heading})"

    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts)


def _title(file: str) -> str:
    """The first heading of a page, or its name if there is no such page in the repository."""
    path = ROOT / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    return heading[1] if heading else file
