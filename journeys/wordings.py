"""The wordings of a message node: its own, and those for other languages. Pure; no Django.

``variants``: ``{"de": {"subject", "body"}, …}``; the nearest to what a contact reads is sent. ``template`` names the
template of the tenant that the wordings were taken from; the node keeps them, whatever becomes of the template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, TypeAlias

LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\Z")
PARTS: Final = ("subject", "body")
MOST: Final = 30


def variants_of(config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The wordings for other languages that can be used."""
    told = config.get("variants")
    rows = told.items() if isinstance(told, Mapping) else ()
    return {locale: dict(wording) for locale, wording in rows if isinstance(wording, Mapping)}


def check_wordings(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the wordings for other languages: pointer and message."""
    told = config.get("variants")
    if told is None:
        return
    if not isinstance(told, Mapping) or len(told) > MOST:
        yield "/variants", f"variants are at most {MOST} wordings by locale"
        return
    for locale, wording in told.items():
        if not isinstance(locale, str) or not LOCALE.match(locale):
            yield "/variants", f"{locale!r} is no locale such as de or pt-BR"
        elif not isinstance(wording, Mapping) or set(wording) != set(PARTS) or not all(map(_is_text, wording.values())):
            yield f"/variants/{locale}", f"the wording for {locale} has a subject and a text"


def sources(config: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every template of a node with its pointer: the fields ``names``, and the wordings for other languages."""
    for name in names:
        if name in config:
            yield f"/{name}", config[name]
    for locale, wording in variants_of(config).items():
        for part in PARTS:
            yield f"/variants/{locale}/{part}", wording.get(part, "")


def taken(wordings: Mapping[str, Mapping[str, str]], subject: str) -> dict[str, Any]:
    """A template's wordings ("" is everybody else's) as fields of a node whose subject is in the field ``subject``."""
    own = wordings.get("", {})
    others = {locale: {part: wording.get(part, "") for part in PARTS} for locale, wording in wordings.items() if locale}
    return {subject: own.get("subject", ""), "body": own.get("body", ""), "variants": others or None}


# --- In a form ------------------------------------------------------------------------------

Row: TypeAlias = tuple[str, str, str]
"""Locale, subject, text."""
BLANK_ROW: Final[Row] = ("", "", "")


def wording_rows(value: object) -> list[Row]:
    """Wordings as rows of a form, with an empty one to add to them."""
    found = variants_of({"variants": value})
    return [*((locale, row.get("subject", ""), row.get("body", "")) for locale, row in found.items()), BLANK_ROW]


def typed_rows(given: Mapping[str, Sequence[str]], name: str) -> list[Row]:
    """The rows of a form in which anything was typed."""
    columns = [given.get(f"{name}.{part}", ()) for part in ("locale", *PARTS)]
    rows = (
        (str(a).strip(), str(b).strip(), str(c).strip().replace("\r\n", "\n"))
        for a, b, c in zip_longest(*columns, fillvalue="")
    )
    return [row for row in rows if any(row)]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
