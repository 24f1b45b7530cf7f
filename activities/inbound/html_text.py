"""HTML to plain text, for mails that have nothing else. Never raises; what can not be read is left out. No I/O."""

from __future__ import annotations

import re
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
    try:
        reader.feed(html[:_LONGEST])
        reader.close()
        text = "".join(reader.parts)
    except Exception:  # the parser asserts on some broken declarations
        text = _TAGS.sub(" ", html[:_LONGEST])
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
