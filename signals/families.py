"""What a trigger's family is called."""

from __future__ import annotations

from typing import Final

NAMES: Final = {"qbr": "QBR", "people": "People", "external": "Other systems", "sentiment": "Sentiment"}


def family_name(family: str) -> str:
    """A family in words: those that ship by their names, another by its key."""
    words = family.replace("-", " ").replace("_", " ")
    return NAMES.get(family) or words[:1].upper() + words[1:]
