"""HTML to plain text, for mails that have nothing else. Never raises; what can not be read is left out. No I/O."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

_LONGEST = 2 * 1024 * 1024
_UNSEEN = frozenset({"script", "style", "head", "title", "template", "noscript"})
_BLOCKS = frozenset(
    {
        *("p", "div", "tr", "table", "ul", "ol", "section", "article", "header", "footer", "pre", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "dl", "dt", "dd", "center", "fieldset"),
    }
)
_TAGS = re.compile(r"<[^<>]{0,2000}>")
_BEGINS = re.compile(r"<[a-zA-Z/]")
_ASIDE = re.compile(r"<!--|<[!?]")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "hr":
            self.parts.append("\n________________________________\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(self._unseen - 1, 0)
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag == "a" and self._links:
            link = self._links.pop()
            if link.startswith(("http://", "https://")) and link not in "".join(self.parts[-3:]):
                self.parts.append(f" <{link}>")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"[ \t\r\n\f\xa0]+", " ", data))


def text_of(html: str) -> str:
    """What a reader of the page would read, a line for each block; links stand behind their words."""
    reader = _Reader()
    whole, rest = _closed(_uncommented(html[:_LONGEST]))
    try:
        reader.feed(whole)
        reader.close()
        text = "".join(reader.parts) + rest
    except Exception:  # the parser asserts on some broken declarations
        text = _TAGS.sub(" ", whole) + rest
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _uncommented(html: str) -> str:
    """The page without comments, declarations and instructions; one that never ends goes to the page's end.

    The standard library's parser looks for the end of each of them anew, which takes an hour for a mail of many.
    """
    kept: list[str] = []
    at = 0
    while (found := _ASIDE.search(html, at)) is not None:
        kept.append(html[at : found.start()])
        end = "-->" if found[0] == "<!--" else ">"
        ends = html.find(end, found.end())
        if ends < 0:
            return "".join(kept)
        at = ends + len(end)
    return "".join([*kept, html[at:]])


def _closed(html: str) -> tuple[str, str]:
    """The page up to where its last tag ends, and the words behind it: what begins there ends nowhere."""
    last = html.rfind(">") + 1
    return html[:last], unescape(_BEGINS.split(html[last:], maxsplit=1)[0])
