"""Text as the readers take it, whatever came in."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MOST: Final = 20_000
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+|@\w+")


def clean(text: str) -> str:
    """At most `MOST` characters in composed form, without NUL, halves of characters, addresses and handles."""
    kept = "".join(c for c in text[:MOST] if c != "\0" and not "\ud800" <= c <= "\udfff")
    return _ADDRESS.sub(" ", unicodedata.normalize("NFC", kept)).replace("’", "'")


def words(text: str) -> list[str]:
    """The words of a cleaned text, in its own case."""
    return _WORD.findall(text)
