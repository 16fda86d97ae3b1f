"""Where a value of the record comes from: ``{% load provenance %}``. Reads what the row itself holds; no query."""

from __future__ import annotations

from typing import Any

from django import template

from hub.accounts.conflicts import COUNTED, open_count
from hub.accounts.services.provenance import Row, current
from hub.accounts.titles import field_title, value_text
from hub.accounts.words import PARENT, Word, same, words_of

register = template.Library()
SHOWN = 3


@register.inclusion_tag("accounts/_field_source.html")
def field_source(row: Row, *names: str) -> dict[str, Any]:
    """A small mark that says, on hover, focus or tap, who gave these fields of an account or contact, as of when.

    Says also what other sources say instead.
    """
    fields = [_field(row, name) for name in names]
    return {"fields": fields, "title": " and ".join(entry["title"].lower() for entry in fields), "several": fields[1:]}


def _field(row: Row, name: str) -> dict[str, Any]:
    value, found = current(row, name), words_of(row.words, name)
    own = [word for word in found if word.value == value] or [word for word in found if same(word.value, value)]
    others = [(word, _says(name, word)) for word in found if not same(word.value, value)]
    return {"title": field_title(name), "word": own[0] if own else None, "others": others[:SHOWN]}


def _says(name: str, word: Word) -> str:
    # Others than those that are stored: a name would be a query for each.
    elsewhere = {"owner_id": "somebody else", PARENT: "another account"}
    return elsewhere[name] if name in elsewhere and word.value else value_text(word.value)


@register.simple_tag
def conflicts_open() -> str:
    """How many conflicts are open, as short as can be; "" without any. One query."""
    count = open_count()
    return f"{COUNTED}+" if count > COUNTED else str(count or "")


@register.filter
def said(value: Any) -> str:
    """A value of JSON as people read it."""
    return value_text(value)


@register.filter
def field_name(name: str) -> str:
    """The title of a field by its name, such as ``signed_up_on`` or ``attributes.region``."""
    return field_title(name)
