"""The documents: links lead somewhere, the map is true, the README is short."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.md")]
)
_FENCE = re.compile(r"^```.*?^```", re.M | re.S)
_COMMENT = re.compile(r"<!--.*?-->", re.S)


def prose(page: Path) -> str:
    """A page without its code blocks and comments."""
    return _COMMENT.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The names by which GitHub links to the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles]
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{target} does not exist"
        if heading:
            assert heading in anchors(file), f"{target}: {file.name} has no such heading"


def test_the_map_names_every_part_of_the_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = page.split("```")[1]
    # Two spaces of indentation, then the names of one line, before its description.
    lines = re.findall(r"^  (\S.*)$", tree, re.M)
    named = {name for line in lines for name in re.findall(r"([a-z0-9_]+)(?:/|\.py)", line)}
    package = ROOT / "simplebase"
    parts = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    parts |= {path.stem for path in package.glob("*.py") if not path.stem.startswith("__")}
    assert parts - named == set(), "add these to docs/architecture.md"
    assert {
        name for name in named if not [*package.rglob(f"{name}.py"), *package.rglob(name)]
    } == set()


def test_the_readme_is_short_and_has_its_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    commands = [line for line in lines if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert "simplebase train" in commands[0] and commands[1].endswith("&& pytest")


def test_the_guide_names_commits_and_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = re.findall(r"`((?:simplebase|tests|benchmarks)/[\w/.]+)`", text)
    assert len(files) > 8
    assert [file for file in files if not (ROOT / file).exists()] == []
    commits = re.findall(r"`([0-9a-f]{7})`", text)
    assert len(commits) > 4
    known = subprocess.run(
        ["git", "cat-file", "--batch-check"],
        input="".join(f"{commit}^{{commit}}\n" for commit in commits),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if known.returncode or (ROOT / ".git" / "shallow").exists():
        pytest.skip("not a clone with its history")
    assert [line for line in known.stdout.splitlines() if "commit" not in line.split()[1:2]] == []
