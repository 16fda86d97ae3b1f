"""What a writer is: which fields of a system's customers it fills, how a request looks, what an answer means. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID

from hub.ingest.connectors.base import JSON
from hub.ingest.pulling.base import Ask
from hub.registry.base import Registry

Values: TypeAlias = Mapping[str, Any]
"""Fields over there with values as JSON has them; None empties a field."""

MOST_FIELDS: Final = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A customer that is written: its account here, its id over there, and the values that differ."""

    account_id: UUID
    external_id: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Writer:
    """How a source's customers are written.

    ``ask(entries)`` makes the request for at most ``most`` customers, ``refused(body, entries)`` reads a good answer:
    the ids that were not written, each with the reason. ``words(body)`` says why a request was refused as a whole.
    ``name`` is what a field over there may be called; those of ``reserved`` (lower case) are read from there, and what
    is read is never written. ``defaults`` proposes a field for each of the facts worth writing, in their order.
    """

    key: str
    thing: str
    most: int
    ask: Callable[[Sequence[Entry]], Ask]
    refused: Callable[[JSON, Sequence[Entry]], dict[str, str]]
    words: Callable[[JSON], str]
    name: re.Pattern[str]
    reserved: frozenset[str]
    defaults: Mapping[str, str]
    steps: str

    @property
    def order(self) -> int:
        return 0


writers: Registry[Writer] = Registry("writer")


class BadField(ValueError):
    """A field over there that is not written; the text says why."""


def field_checked(writer: Writer, name: str) -> str:
    """The name of a field that may be written. Raises BadField."""
    name = name.strip()
    if not writer.name.fullmatch(name):
        raise BadField(f"{plain(name, 60) or 'a blank'} cannot be the name of a field of {writer.thing}")
    if name.lower() in writer.reserved:
        raise BadField(f"{name} is read from there: what is written to it would come back as their word")
    return name


def difference(wanted: Values, written: Values) -> dict[str, Any]:
    """What must be written for `written` to become `wanted`: new values, and None where one went."""
    names = [name for name in (*wanted, *written) if wanted.get(name) != written.get(name)]
    return {name: wanted.get(name) for name in sorted(set(names))}


def shown(address: str, ask: Ask) -> str:
    """A request as a person reads it, without the key."""
    head = f"{ask.method} {address}{ask.path}\nAuthorization: Bearer …\nContent-Type: application/json"
    return f"{head}\n\n{json.dumps(ask.body, indent=2, ensure_ascii=False)}"


def plain(text: str, longest: int = 300) -> str:
    """What a stranger said, in one line that a database holds."""
    return " ".join(text.replace("\x00", "").split()).encode(errors="replace").decode()[:longest]
