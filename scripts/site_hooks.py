"""Hooks of mkdocs: pages of the repository that are not in docs/ become pages of the site, and links to them lead there.

README.md is the home page. Links are written for readers of the repository (`../checkpoints/light-1/MODEL_CARD.md`) and rewritten
for the site; a link to a file that exists in neither place stays as it is, and fails the strict build.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
HOME = "index.md"
MOVED = {"README.md": HOME}  # path in the repository → path in the site
FILE_NAME = re.compile(r"\[(?:docs/)?([a-z-]+)\.md\]\(")  # as the text of a link
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the home page and every file outside of docs/ that a page links to, and those that these link to."""
    files.append(File.generated(config, HOME, content=(ROOT / "README.md").read_text(encoding="utf-8")))
    waiting = [(file.src_uri, file.content_string) for file in files if file.is_documentation_page()]
    waiting += [("CHANGELOG.md", ""), ("SECURITY.md", "")]  # of the navigation
    for name in ("CHANGELOG.md", "SECURITY.md"):
        waiting.append((name, _added(files, config, name)))
    while waiting:
        page, text = waiting.pop()
        for path in _outside(page, text):
            if files.get_file_from_path(path) is None and (ROOT / path).is_file():
                waiting.append((path, _added(files, config, path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between places in the repository → links between places in the site."""
    here = page.file.src_uri

    def moved(link: re.Match[str]) -> str:
        before, target, anchor, after = link.groups()
        path = None if ":" in target else _site_path(here, target)
        if path is None or files.get_file_from_path(path) is None:
            return link.group(0)
        return f"{before}{relpath(path, str(PurePosixPath(here).parent))}{anchor or ''}{after}"

    return LINK.sub(moved, FILE_NAME.sub(lambda link: f"[{link.group(1).replace('-', ' ')}](", markdown))


def _added(files: Files, config: MkDocsConfig, path: str) -> str:
    """Adds a file of the repository at its path; its text, where it is a page."""
    if path.endswith(".md"):
        text = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, path, content=text))
        return text
    files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return ""


def _outside(page: str, text: str) -> Iterator[str]:
    """Paths of files that a page links to and docs/ does not have."""
    for _, target, _, _ in LINK.findall(text):
        path = None if ":" in target else _site_path(page, target)
        if path is not None and not (ROOT / "docs" / path).exists():
            yield path


def _site_path(page: str, target: str) -> str | None:
    """The place in the site of a link on a page; None for one that leaves the repository."""
    folder = PurePosixPath(_repository_path(page)).parent
    path = normpath(str(folder / target))
    if path.startswith(".."):
        return None
    return MOVED.get(path, path.removeprefix("docs/"))


def _repository_path(page: str) -> str:
    if page == HOME:
        return "README.md"
    return f"docs/{page}" if (ROOT / "docs" / page).exists() else page
