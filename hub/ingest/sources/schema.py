"""What a call looks like: its properties, their types and examples that name nobody. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

MOST_PROPERTIES: Final = 100
# An example helps to recognise a property, and must not say who somebody is.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ._/:-]{0,39}")
_PERSONAL: Final = re.compile(r"mail|name|phone|address|birth|token|secret|password|ip$|^id$|_id$|Id$", re.IGNORECASE)


def type_of(value: object) -> str:
    """The JSON type of a value: text, number, boolean, list, object or null."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case Mapping():
            return "object"
        case None:
            return "null"
        case _:
            return "list"


def properties_of(values: Mapping[str, Any], *, examples: bool) -> dict[str, str]:
    """``name:type`` → example, of at most `MOST_PROPERTIES` properties; examples are left out where asked to."""
    found: dict[str, str] = {}
    for name, value in list(values.items())[:MOST_PROPERTIES]:
        kind = type_of(value)
        found[f"{name[:100]}:{kind}"] = _example(name, value, kind) if examples else ""
    return found


def _example(name: str, value: object, kind: str) -> str:
    if kind not in ("text", "number", "boolean") or _PERSONAL.search(name):
        return ""
    text = str(value).lower() if kind == "boolean" else str(value)
    return text[:40] if kind != "text" or _PLAIN.fullmatch(text) else ""
