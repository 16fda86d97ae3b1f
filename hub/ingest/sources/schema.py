"""What a call looks like: its properties, their types and examples that name nobody. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

MOST_PROPERTIES: Final = 100
# An example helps to recognise a property, and must not say who somebody is.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ._/:-]{0,39}")
_PERSONAL: Final = re.compile(r"mail|name|phone|address|birth|token|secret|password|ip$|^id$|_id$|Id$", re.IGNORECASE)


# What a decoder makes; other classes of the same kind are looked at below.
_KINDS: Final[Mapping[type, str]] = {
    bool: "boolean", int: "number", float: "number", str: "text", dict: "object", list: "list", type(None): "null",
}  # fmt: skip


def type_of(value: object) -> str:
    """The JSON type of a value: text, number, boolean, list, object or null."""
    return _KINDS.get(type(value)) or _type_of(value)


def _type_of(value: object) -> str:
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


def names_of(values: Mapping[str, Any]) -> list[str]:
    """``name:type`` of at most `MOST_PROPERTIES` properties."""
    return [f"{name[:100]}:{type_of(value)}" for name, value in islice(values.items(), MOST_PROPERTIES)]


def properties_of(values: Mapping[str, Any], *, examples: bool) -> dict[str, str]:
    """``name:type`` → example; examples are left out where asked to."""
    names = names_of(values)
    if not examples:
        return dict.fromkeys(names, "")
    found = zip(names, values.items(), strict=False)
    return {name: _example(*entry, name.rpartition(":")[2]) for name, entry in found}


def _example(name: str, value: object, kind: str) -> str:
    if kind not in ("text", "number", "boolean") or _PERSONAL.search(name):
        return ""
    text = str(value).lower() if kind == "boolean" else str(value)
    return text[:40] if kind != "text" or _PLAIN.fullmatch(text) else ""
