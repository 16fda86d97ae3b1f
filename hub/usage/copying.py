"""A stored event as a row, and rows as the text of PostgreSQL's COPY. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """One event as it is stored.

    `id` is 128 bits in hex. `day` is the partition and must be the same when the event is sent again; with `look_back`
    it may not be, and the id is looked up in the 8 days before. Without `account_id` the event waits for its group, or
    else its user.
    """

    id: str
    day: date
    kind: str
    name: str
    occurred_at: datetime
    received_at: datetime
    message_id: str
    source: str
    account_id: UUID | None = None
    user_key: str = ""
    group_key: str = ""
    quantity: int = 1
    historical: bool = False
    properties: Any = msgspec.UNSET
    look_back: bool = False


COLUMNS: Final = (
    "tenant_id, id, day, account_id, kind, quantity, occurred_at, received_at, historical,"
    " source, message_id, user_key, group_key, name, properties"
)
BETWEEN: Final = 4
_SPECIAL: Final = re.compile(r"[\\\n\r\t]")
NULL: Final = r"\N"
_json = msgspec.json.Encoder().encode


def copied(tenant_id: UUID, rows: Iterable[EventRow]) -> bytes:
    """The rows as lines for `COPY … (COLUMNS) FROM STDIN` in its text format."""
    tenant, received = tenant_id.hex, _Times()
    return "".join([_line(tenant, received[row.received_at], row) for row in rows]).encode()


class _Times(dict[datetime, str]):
    """Times as text: many rows of a group were received at once."""

    def __missing__(self, at: datetime) -> str:
        self[at] = text = _time(at)
        return text


def _time(at: datetime) -> str:
    # A tenth of what isoformat() costs.
    return _json(at)[1:-1].decode()


def _line(tenant: str, received: str, row: EventRow) -> str:
    account = NULL if row.account_id is None else row.account_id.hex
    # JSON has no control characters, and of a text's own only the backslash means something to COPY.
    properties = "{}" if row.properties is msgspec.UNSET else _json(row.properties).decode().replace("\\", "\\\\")
    texts = f"{row.source}\t{row.message_id}\t{row.user_key}\t{row.group_key}\t{row.name}"
    if _special(texts, BETWEEN):
        texts = "\t".join(map(_escaped, (row.source, row.message_id, row.user_key, row.group_key, row.name)))
    return (
        f"{tenant}\t{row.id}\t{row.day.isoformat()}\t{account}\t{row.kind}\t{row.quantity}\t{_time(row.occurred_at)}"
        f"\t{received}\t{row.historical}\t{texts}\t{properties}\n"
    )


def _special(texts: str, tabs: int) -> bool:
    return "\\" in texts or "\n" in texts or "\r" in texts or texts.count("\t") != tabs


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
