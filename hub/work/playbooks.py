"""What a playbook says, as it is typed and as it ships. Pure but for the type of what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from hub.work.models import PlaybookVersion

MOST_STEPS: Final = 30
MOST_LINKS: Final = 20
LONGEST_STEP: Final = 300
LONGEST_TALK: Final = 10_000


@dataclass(frozen=True, slots=True)
class Content:
    """The words of a version: steps in order, what to say, links as (label, address), and how fast to begin."""

    steps: tuple[str, ...]
    talk_track: str = ""
    links: tuple[tuple[str, str], ...] = ()
    respond_hours: int | None = None
    clock: str = ""

    @classmethod
    def of(cls, version: PlaybookVersion) -> Content:
        """What a stored version says."""
        return cls(
            tuple(step["text"] for step in version.steps),
            version.talk_track,
            tuple((link["label"], link["url"]) for link in version.links),
            version.respond_hours,
            version.clock,
        )


@dataclass(frozen=True, slots=True)
class Spec:
    """A playbook that ships."""

    key: str
    name: str
    description: str
    content: Content


def steps_of(texts: Sequence[str], before: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Steps with keys: a text that was there before keeps its key, a new one gets a number that was never given."""
    kept: dict[str, list[str]] = {}
    for step in before:
        kept.setdefault(step["text"], []).append(step["key"])
    highest = max((int(step["key"][1:]) for step in before), default=0)
    found = []
    for text in texts:
        if kept.get(text):
            key = kept[text].pop(0)
        else:
            highest += 1
            key = f"s{highest}"
        found.append({"key": key, "text": text})
    return found


def read_lines(text: str) -> tuple[str, ...]:
    """Steps as they are typed, one on each line; raises ValueError."""
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not lines:
        raise ValueError("A playbook has at least one step.")
    if len(lines) > MOST_STEPS or any(len(line) > LONGEST_STEP for line in lines):
        raise ValueError(f"At most {MOST_STEPS} steps of {LONGEST_STEP} characters each.")
    return lines


def read_links(text: str) -> tuple[tuple[str, str], ...]:
    """Links as they are typed, `label | address` on each line; raises ValueError for what is no web address."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        label, _, url = line.rpartition("|")
        url = url.strip()
        if not is_web(url):
            raise ValueError(f"“{line[:80]}” ends in no web address: write “label | https://…”.")
        found.append(((label.strip() or url)[:200], url))
    if len(found) > MOST_LINKS:
        raise ValueError(f"At most {MOST_LINKS} links.")
    return tuple(found)


def is_web(url: str) -> bool:
    """Whether an address leads to a page, and nowhere that would run something."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= 1000 and url.isprintable()
