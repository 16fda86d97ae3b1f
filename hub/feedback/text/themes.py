"""What a text is about: themes, each told by phrases.

There is no labelled set of what a supplier's customers write, so themes are told by phrases that people can read and
change. A phrase is one or more words in any case; `*` at the end of a word stands for any ending.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.feedback.text.language import SMALL_WORDS

MOST_PHRASES: Final = 200
MOST_LENGTH: Final = 80
# What one phrase leaves open; two leave its square.
OPEN: Final = 0.4
_PHRASE = re.compile(r"[^\W_]+(?:['&/.+-][^\W_]+)*\*?(?: [^\W_]+(?:['&/.+-][^\W_]+)*\*?)*\Z")


@dataclass(frozen=True, slots=True)
class Theme:
    """A subject that texts can be about; ``key`` is what rules and the API call it."""

    key: str
    title: str
    phrases: tuple[str, ...]


class PhraseError(ValueError):
    """A phrase that cannot tell a theme."""


def phrases_of(lines: Iterable[str]) -> tuple[str, ...]:
    """The phrases of lines, lower-case, each once, sorted; raises PhraseError."""
    told = sorted({" ".join(line.replace("’", "'").lower().split()) for line in lines} - {""})
    for phrase in told:
        if len(phrase) > MOST_LENGTH or not _PHRASE.match(phrase):
            raise PhraseError(
                f"“{phrase[:40]}” is not a phrase: words of letters and digits, * only at the end of a word, "
                f"at most {MOST_LENGTH} characters"
            )
        if len(phrase.rstrip("*")) < 2:
            raise PhraseError(f"“{phrase}” would match nearly everything")
    if not 1 <= len(told) <= MOST_PHRASES:
        raise PhraseError(f"give from 1 to {MOST_PHRASES} phrases")
    return tuple(told)


def tellable(words: str) -> bool:
    """Whether words say enough to be proposed as a phrase: a word that every text of a language needs does not."""
    small = frozenset().union(*SMALL_WORDS.values())
    return bool(_PHRASE.match(words)) and not any(word in small or word.isdigit() for word in words.split())


class ThemeMatcher:
    """Finds themes in cleaned texts; made once for many texts."""

    def __init__(self, themes: Sequence[Theme]) -> None:
        self._themes = [(theme.key, _pattern(theme.phrases)) for theme in themes]

    def themes(self, text: str) -> Mapping[str, float]:
        """Theme → confidence from 0 to 1, which rises with every further phrase that occurs."""
        found: dict[str, float] = {}
        for key, pattern in self._themes:
            if hits := {" ".join(hit.lower().split()) for hit in pattern.findall(text)}:
                found[key] = round(1 - OPEN ** len(hits), 3)
        return found


def _pattern(phrases: Sequence[str]) -> re.Pattern[str]:
    # The longest first, so that a phrase is not taken for the shorter one that it begins with.
    parts = sorted((_part(phrase) for phrase in phrases), key=len, reverse=True)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(parts)})(?![^\W_])", re.IGNORECASE)


def _part(phrase: str) -> str:
    return r"\s+".join(
        re.escape(word.rstrip("*")) + (r"[^\W_]*" if word.endswith("*") else "") for word in phrase.split()
    )
