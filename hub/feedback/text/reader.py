"""The interface behind which texts are read, and the reader that ships."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from hub.feedback.text.cleaning import clean, words
from hub.feedback.text.language import language_of
from hub.feedback.text.sentiment import Feeling, feeling_of, sentiment
from hub.feedback.text.themes import Theme, ThemeMatcher
from hub.feedback.text.valence import SHARED, VALENCE

# Raised whenever the reader would read the same text differently: everything is then read again.
VERSION: Final = "3"
_KNOWN: Final = frozenset(VALENCE) - SHARED
# The only language whose words of feeling are known; of others there is no sentiment rather than a wrong one.
FELT: Final = "en"


@dataclass(frozen=True, slots=True)
class TextReading:
    """What was read in a text.

    ``language`` is an ISO 639-1 code, "" when it cannot be told. ``sentiment`` is from −1 to 1, None in a language
    whose feeling is not read; ``themes`` give a confidence from 0 to 1.
    """

    language: str
    sentiment: float | None
    themes: Mapping[str, float] = field(default_factory=dict)

    @property
    def feeling(self) -> Feeling | None:
        return None if self.sentiment is None else feeling_of(self.sentiment)


class Reader(Protocol):
    """Reads texts. ``version`` changes whenever it may read the same text differently."""

    @property
    def version(self) -> str: ...

    def read(self, text: str) -> TextReading: ...


class LexiconReader:
    """Reads by lists of words: sentiment by words of feeling, themes by the phrases given."""

    def __init__(self, themes: Sequence[Theme]) -> None:
        self._matcher = ThemeMatcher(themes)
        told = json.dumps([[theme.key, theme.phrases] for theme in themes]).encode()
        self.version = f"{VERSION}-{hashlib.blake2b(told, digest_size=8).hexdigest()}"

    def read(self, text: str) -> TextReading:
        cleaned = clean(text)
        language = language_of(words(cleaned), _KNOWN)
        felt = round(sentiment(cleaned), 4) if language == FELT else None
        return TextReading(language, felt, self._matcher.themes(cleaned))
