"""The documents as a site: make docs. Sphinx with MyST reads them as they lie in the repository."""

import re
from pathlib import Path

from pygments.lexers.special import TextLexer

ROOT = Path(__file__).resolve().parents[2]

project = "LittleHorse in Go"
html_title = project
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

extensions = ["myst_parser"]
myst_heading_anchors = 4
source_suffix = {".md": "markdown"}
root_doc = "docs/README"
include_patterns = ["docs/**.md", "examples/**.md", "README.md", "CHANGELOG.md", "test/conformance/testdata/README.md"]
exclude_patterns = [".*", "**/.*", "**/node_modules", "**/target", "bin", "internal", "lhpb", "proto", "sdk", "web", "lh-data"]
# Headings that skip a level are all right; what is on no page's list is found by search and by links.
suppress_warnings = ["myst.header", "toc.not_included"]

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
# Code is left alone: a call in it may look like a link.
CODE_OR_LINK = re.compile(r"^```.*?^```|`[^`\n]*`|" + LINK.pattern, re.DOTALL | re.MULTILINE)
# Pages whose links are the contents of the site, in this order.
LISTS = ["docs/README", "docs/start/README", "docs/howto/README", "docs/ops/README", "examples/README", "docs/adr/README"]


def targets(page: str) -> list[str]:
    """The pages that a page leads to, by their names."""
    found = []
    for _, target in LINK.findall((ROOT / f"{page}.md").read_text()):
        path, _, _ = target.partition("#")
        if "://" in path or not path.endswith(".md"):
            continue
        name = str((ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT))[: -len(".md")]
        if name not in found and name != root_doc:
            found.append(name)
    return found


def contents() -> dict[str, list[str]]:
    """Each page stands once, below the last list that names it: its own folder's."""
    below: dict[str, str] = {}
    for page in LISTS:
        for name in targets(page):
            below[name] = page
    return {page: [n for n in targets(page) if below[n] == page and n != page] for page in LISTS}


CONTENTS = contents()


def read(app, page: str, source: list[str]) -> None:
    """Sources of the program are no part of the site: a link to one becomes its text. Lists become contents."""

    def kept(match: re.Match[str]) -> str:
        text, target = match.groups()
        if target is None:
            return match[0]
        path, _, _ = target.partition("#")
        return match[0] if "://" in path or path == "" or path.endswith(".md") else text

    source[0] = CODE_OR_LINK.sub(kept, source[0])
    if CONTENTS.get(page):
        lines = "\n".join(f"/{name}" for name in CONTENTS[page])
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{lines}\n```\n"


def finish(app, exception: Exception | None) -> None:
    """Whoever opens the folder comes to the first page."""
    if exception is None:
        text = f'<!doctype html><meta http-equiv="refresh" content="0; url={root_doc}.html">\n'
        (Path(app.outdir) / "index.html").write_text(text)


def setup(app) -> None:
    app.add_lexer("drawing", TextLexer)
    app.connect("source-read", read)
    app.connect("build-finished", finish)
