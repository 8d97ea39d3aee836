"""Every link of the site leads somewhere, and every page is led to: links.py FOLDER"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page offers to links, and where its own lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value is not None}
        if tag == "meta" and values.get("http-equiv") == "refresh":
            self.links.append(values["content"].partition("url=")[2])
        if tag in ("a", "link", "area") and "href" in values:
            self.links.append(values["href"])
        if tag in ("img", "script", "iframe", "source") and "src" in values:
            self.links.append(values["src"])
        self.anchors.update(values[name] for name in ("id", "name") if name in values and tag not in ("meta", "input"))


# Made by the generator for itself: no page needs to lead to them.
OWN = {"genindex.html", "search.html"}


def check(folder: Path) -> list[str]:
    """What is wrong with the site, a line each."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    pages = {name: Page(path.read_text()) for name, path in files.items() if name.endswith(".html")}
    wrong = []
    led_to = {"index.html"}
    todo = ["index.html"]
    to: dict[str, set[str]] = {name: set() for name in pages}
    for name, page in sorted(pages.items()):
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = name if parts.path == "" else unquote(parts.path)
            if parts.path:
                target = (folder / name).parent.joinpath(target).resolve()
                target = target.relative_to(folder.resolve()).as_posix() if target.is_relative_to(folder.resolve()) else str(target)
            anchor = unquote(parts.fragment)
            if target not in files:
                wrong.append(f"{name}: {link}: no such file")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                wrong.append(f"{name}: {link}: no such place")
            elif target in pages:
                to[name].add(target)
    while todo:
        for target in to.get(todo.pop(), ()):
            if target not in led_to:
                led_to.add(target)
                todo.append(target)
    wrong += [f"{name}: nothing leads to it" for name in sorted(set(pages) - led_to - OWN)]
    return wrong


if __name__ == "__main__":
    found = check(Path(sys.argv[1]))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
