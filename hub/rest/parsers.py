"""JSON bodies that can be stored: what cannot is a 400 that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

UNSTORABLE = "PostgreSQL stores neither NUL nor half of a surrogate pair; a text in the body holds one"


class StorableJson(JSONParser):
    """DRF's parser, which lets nesting without end, NUL and lone surrogates through to where they are our fault."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            document = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("the body is nested too deeply") from None
        if not _storable(document):
            raise ParseError(UNSTORABLE)
        return document


def _storable(document: Any) -> bool:
    """Look at every text, names of members too. A loop: what the parser could nest might be too deep for calls."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in part):
                return False
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
    return True
