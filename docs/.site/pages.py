"""Site build hook: pages that live at the top of the repository, and links that lead to them.

CONTRIBUTING.md, SECURITY.md and their like stay where forges look for them. The site has a page
for each, and a relative link works in both places.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[2]
# Page of the site -> file of the repository.
OUTSIDE: Final = {
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "threat-model.md": "SECURITY.md",
    "deploy.md": "deploy/README.md",
}
_PAGE_OF: Final = {file: page for page, file in OUTSIDE.items()}
_LINK: Final = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside the docs folder."""
    for page, file in OUTSIDE.items():
        content = (ROOT / file).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Rewrite links between files of the repository as links between pages of the site."""
    uri = page.file.src_uri
    folder = posixpath.dirname(OUTSIDE.get(uri, f"docs/{uri}"))

    def rewritten(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        if target in _PAGE_OF:
            target = _PAGE_OF[target]
        elif target.startswith("docs/"):
            target = target.removeprefix("docs/")
        else:
            return link[0]
        relative = posixpath.relpath(target, posixpath.dirname(uri) or ".")
        return f"]({relative}{link[2] or ''})"

    return _LINK.sub(rewritten, markdown)
