"""Real text in two languages, section by section: Debian's reference manual in English and in Chinese.

Fetched by `apt-get download` into a folder that is kept. A section's anchor is the same in both languages.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

PACKAGES = {"en": "debian-reference-en", "zh": "debian-reference-zh-cn"}
SHORTEST = 40
"""Characters of a section's text, without its title and first sentence, for something to be found in it."""
_SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?])\s")
_WRAPPED = re.compile(r"(?<=[^\x00-\u2fff])\s*\n\s*(?=[^\x00-\u2fff])")
"""A line's end within a Chinese sentence: it stands for nothing."""
_NUMBER = re.compile(r"^(Chapter|Appendix|第|附录)?\s*[\d.A-Z]+(?:\s*章)?[.\s]+")


@dataclass(frozen=True, slots=True)
class Section:
    anchor: str
    language: str
    title: str
    """Without its number."""
    first: str
    """The first sentence."""
    text: str
    """The rest: neither the title nor the first sentence is in it, nor what belongs to a section inside."""


def manual(cache: Path, language: str) -> list[Section]:
    """In the order of the book. Those with hardly any text of their own are left out."""
    folder = cache / PACKAGES[language]
    if not folder.exists():
        _fetch(cache, PACKAGES[language], folder)
    sections: list[Section] = []
    for page in sorted(folder.glob("usr/share/debian-reference/*.html")):
        reader = _Reader()
        reader.feed(page.read_text())
        sections += [_section(one, language) for one in reader.found if one.anchor]
    return [one for one in sections if len(one.text) >= SHORTEST and one.title and one.first]


def _fetch(cache: Path, package: str, folder: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", package], cwd=cache, check=True, capture_output=True)
    archive = next(cache.glob(f"{package}_*.deb"))
    subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)


@dataclass(slots=True)
class _Open:
    """A section that is being read."""

    depth: int
    anchor: str = ""
    title: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """DocBook's HTML: a section is a `div` of that class, with its title in a heading whose `a` names it."""

    _SECTIONS = frozenset({"section", "chapter", "appendix", "preface"})
    _LEFT_OUT = frozenset({"toc", "navheader", "navfooter"})
    _BLOCKS = frozenset({"p", "div", "pre", "tr", "li", "dt", "dd", "table"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[_Open] = []
        self._open: list[_Open] = []
        self._divs: list[str] = []
        self._in_title = False
        self._as_written = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        kind = named.get("class", "")
        if tag == "div":
            self._divs.append(kind)
            if kind in self._SECTIONS:
                self._open.append(_Open(len(self._divs)))
        elif re.fullmatch("h[1-6]", tag) and "title" in kind.split():
            self._in_title = True
        elif tag == "a" and self._in_title and self._open and not self._open[-1].anchor:
            self._open[-1].anchor = named.get("id", "")
        self._as_written = self._as_written or tag == "pre"
        if tag in self._BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._divs:
            if self._open and self._open[-1].depth == len(self._divs):
                self.found.append(self._open.pop())
            self._divs.pop()
        elif re.fullmatch("h[1-6]", tag):
            self._in_title = False
        if tag == "pre":
            self._as_written = False
        if tag in self._BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if self._open and not self._LEFT_OUT.intersection(self._divs):
            if not self._as_written:
                data = _WRAPPED.sub("", data).replace("\n", " ")
            (self._open[-1].title if self._in_title else self._open[-1].text).append(data)

    def _break(self) -> None:
        if self._open:
            self._open[-1].text.append("\n")


def _section(read: _Open, language: str) -> Section:
    title = _NUMBER.sub("", " ".join("".join(read.title).split()))
    lines = (" ".join(line.split()) for line in "".join(read.text).splitlines())
    text = "\n".join(line for line in lines if line)
    first, rest = [*_SENTENCE_END.split(text, maxsplit=1), ""][:2]
    return Section(read.anchor, language, title, first.replace("\n", " ").strip(), rest.strip())
