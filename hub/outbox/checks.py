"""What a reader, a spam filter or the law would say about a message before it is sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

from hub.outbox.rendering import Rendered

LONGEST_SUBJECT: Final = 78
MOST_PICTURES: Final = 4
LARGEST: Final = 90_000
"""Gmail cuts mails off at 102 KB, the frame included."""
_LOUD: Final = re.compile(r"\b(free|act now|urgent|winner|guarantee|click here|limited time|risk[- ]free)\b", re.I)
_SHORTENERS: Final = frozenset({"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "cutt.ly"})


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is error (must be mended), warning or note; `text` says what and what to do."""

    level: str
    text: str


@dataclass(slots=True)
class _Read:
    links: list[tuple[str, str]]
    pictures: list[tuple[str, str]]


def check_message(rendered: Rendered, *, marketing: bool, topic: str, footer: str) -> list[Finding]:
    """Every finding about a rendered message, the worst first."""
    found = [*_subject(rendered.subject), *_body(rendered)]
    if marketing and not topic:
        found.append(Finding("error", "It has no topic: nobody can say that they do not want it."))
    if marketing and not footer:
        found.append(Finding("warning", "The brand kit has no postal address; many countries ask for one."))
    order = ("error", "warning", "note")
    return sorted(found, key=lambda finding: order.index(finding.level))


def _subject(subject: str) -> Iterator[Finding]:
    letters = [letter for letter in subject if letter.isalpha()]
    if len(letters) >= 6 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters):
        yield Finding("warning", "The subject shouts: write it in small letters.")
    if "!!" in subject or subject.count("!") > 1:
        yield Finding("warning", "The subject has more than one exclamation mark.")
    if len(subject) > LONGEST_SUBJECT:
        yield Finding("note", f"The subject is longer than {LONGEST_SUBJECT} characters; phones show about 40.")
    if match := _LOUD.search(subject):
        yield Finding("warning", f"“{match[0]}” in the subject is what spam filters look for.")
    if subject.lower().startswith(("re:", "fwd:", "fw:")):
        yield Finding("error", "The subject pretends to be an answer.")


def _body(rendered: Rendered) -> Iterator[Finding]:
    read = _read(rendered.html)
    words = len(rendered.text.split())
    if not rendered.text.strip():
        yield Finding("error", "There are no words in it: the text part would be empty.")
    if len(rendered.html.encode()) > LARGEST:
        yield Finding("warning", "It is so long that Gmail cuts it off.")
    if len(read.pictures) > MOST_PICTURES or (read.pictures and words < 20):
        yield Finding("warning", "More pictures than words: filters take that for spam, and many readers see none.")
    if any(not alt.strip() for _, alt in read.pictures):
        yield Finding("warning", "A picture has no words for those who do not see it (alt).")
    if not read.links:
        yield Finding("note", "There is nothing to click.")
    for href, label in read.links:
        yield from _link(href, label)
    if match := re.search(r"\{\{|\{%|%\}|\}\}", rendered.text):
        yield Finding("error", f"Something of the template is still in it: {match[0]}")


def _link(href: str, label: str) -> Iterator[Finding]:
    name = label.strip() or href
    try:
        parts = urlsplit(href)
        host = parts.hostname or ""
    except ValueError:
        yield Finding("error", f"The link “{name}” is broken: {href[:80]}")
        return
    if parts.scheme == "mailto":
        return
    if parts.scheme not in ("http", "https") or ("." not in host and host != "localhost"):
        yield Finding("error", f"The link “{name}” leads nowhere: {href[:80] or 'it has no address'}")
    elif parts.scheme == "http" and host != "localhost":
        yield Finding("warning", f"The link “{name}” is not encrypted (http).")
    if host in _SHORTENERS:
        yield Finding("warning", f"{host} hides where a link leads; filters distrust it.")
    told = urlsplit(label.strip()).hostname if label.strip().startswith(("http://", "https://")) else None
    if told and told != host:
        yield Finding("error", f"A link says {told} and leads to {host}: that is how phishing looks.")
    if not label.strip():
        yield Finding("warning", f"A link has no words: {href[:80]}")


def _read(html: str) -> _Read:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return _Read(reader.links, reader.pictures)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, str]] = []
        self.pictures: list[tuple[str, str]] = []
        self._href: str | None = None
        self._label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self._href, self._label = given.get("href") or "", ""
        elif tag == "img":
            self.pictures.append((given.get("src") or "", given.get("alt") or ""))
            self._label += given.get("alt") or ""

    def handle_data(self, data: str) -> None:
        self._label += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href is not None:
            self.links.append((self._href, self._label))
            self._href = None
