"""HTML of messages: what may stay in it, and its plain-text part."""

from html.parser import HTMLParser
from typing import Final

import nh3

_TAG_NAMES = (
    "a abbr b blockquote br code div em h1 h2 h3 h4 hr i img li ol p pre s small span strong sub sup"
    " table tbody td th thead tr u ul"
)
_HTML_TAGS: Final = set(_TAG_NAMES.split())
_HTML_ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ol": {"start"},
}
_BREAKS: Final = {"p": 2, "h1": 2, "h2": 2, "h3": 2, "h4": 2, "blockquote": 2, "ul": 2, "ol": 2, "table": 2}
_BREAKS_ONE: Final = frozenset({"div", "tr", "li", "pre"})


def sanitised(html: str) -> str:
    """HTML without anything that runs, loads by itself or leads outside http, https, mailto."""
    return nh3.clean(
        html,
        tags=_HTML_TAGS,
        attributes=_HTML_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
        strip_comments=True,
    )


def plain_text(html: str) -> str:
    """The plain-text part of (sanitised) HTML: links with their address, lists with dashes."""
    reader = _PlainText()
    reader.feed(html)
    reader.close()
    return reader.text()


class _PlainText(HTMLParser):
    """Collects the text of HTML, block by block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._href = ""
        self._label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._break(tag)
        if tag == "br":
            self._out.append("\n")
        elif tag == "hr":
            self._out.append("\n\n---\n\n")
        elif tag == "li":
            self._out.append("- ")
        elif tag == "img":
            self._out.append(given.get("alt") or "")
        elif tag == "a":
            self._href, self._label = given.get("href") or "", ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href:
            if self._href.removeprefix("mailto:") != self._label.strip():
                self._out.append(f" ({self._href})")
            self._href = ""
        elif tag in ("td", "th"):
            self._out.append("  ")
        self._break(tag)

    def handle_data(self, data: str) -> None:
        # A line break in the source is a space; &nbsp; stays.
        text = " ".join(data.replace("\n", " ").split(" ")) if data.strip() else " "
        self._label += text
        self._out.append(text)

    def _break(self, tag: str) -> None:
        self._out.append("\n" * _BREAKS.get(tag, int(tag in _BREAKS_ONE)))

    def text(self) -> str:
        """Lines without stray blanks, at most one empty line in a row."""
        lines = [" ".join(line.split()) for line in "".join(self._out).split("\n")]
        kept = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
        return "\n".join(kept).strip()
