"""A stored event as a row, and rows as arrays in PostgreSQL's own form: `unnest` makes rows of them again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from struct import Struct, calcsize, pack
from typing import Any, Final
from uuid import UUID

import msgspec

from hub.tenancy.statements import Packed


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
    "id", "day", "account_id", "kind", "quantity", "occurred_at", "received_at", "historical", "source", "message_id",
    "user_key", "group_key", "name", "properties",
)  # fmt: skip
TYPES: Final = (
    "uuid", "date", "uuid", "text", "bigint", "timestamptz", "timestamptz", "boolean", "text", "text",
    "text", "text", "text", "jsonb",
)  # fmt: skip
"""The element types of `packed`, in the order of `COLUMNS`."""

# Numbers of the types, which a server of any version has.
_BOOLEAN, _BIGINT, _TEXT, _DATE, _TIME, _UUID, _JSONB = 16, 20, 25, 1082, 1184, 2950, 3802
# Dimensions, whether there are nulls, the type, how many, and the number of the first.
_HEAD: Final = Struct(">iiIii").pack
_LENGTH: Final = Struct(">i").pack
_MISSING: Final = _LENGTH(-1)
_UUID_LENGTH: Final = _LENGTH(16)
# Days and times count from here.
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(2000, 1, 1).toordinal()
_JSONB_VERSION: Final = b"\x01"
_NO_PROPERTIES: Final = _LENGTH(3) + _JSONB_VERSION + b"{}"
_json = msgspec.json.Encoder().encode


def packed(rows: Sequence[EventRow]) -> dict[str, Packed]:
    """The values of each of `COLUMNS`, as a binary array of its type."""
    return {
        "id": _array(_UUID, [_UUID_LENGTH + bytes.fromhex(row.id) for row in rows]),
        "day": _array(_DATE, map(_Days().__getitem__, [row.day for row in rows])),
        "account_id": _array(_UUID, map(_Accounts().__getitem__, [row.account_id for row in rows]), nulls=True),
        "kind": _array(_TEXT, map(_Texts().__getitem__, [row.kind for row in rows])),
        "quantity": _numbers(_BIGINT, "q", [row.quantity for row in rows]),
        "occurred_at": _times([row.occurred_at for row in rows]),
        "received_at": _times([row.received_at for row in rows]),
        "historical": _numbers(_BOOLEAN, "?", [row.historical for row in rows]),
        "source": _array(_TEXT, map(_Texts().__getitem__, [row.source for row in rows])),
        "message_id": _array(_TEXT, [_carried(row.message_id.encode()) for row in rows]),
        "user_key": _array(_TEXT, map(_Texts().__getitem__, [row.user_key for row in rows])),
        "group_key": _array(_TEXT, map(_Texts().__getitem__, [row.group_key for row in rows])),
        "name": _array(_TEXT, map(_Texts().__getitem__, [row.name for row in rows])),
        "properties": _array(_JSONB, [_properties(row.properties) for row in rows]),
    }


def _array(kind: int, values: Iterable[bytes], *, nulls: bool = False) -> Packed:
    """An array of values that carry their lengths."""
    parts = [b"", *values]
    parts[0] = _HEAD(1, nulls, kind, len(parts) - 1, 1)
    return Packed(b"".join(parts))


def _numbers(kind: int, letter: str, values: Sequence[int]) -> Packed:
    """An array of numbers of one width; `letter` is that of the struct module."""
    flat = [calcsize(f">{letter}")] * (2 * len(values))
    flat[1::2] = values
    return Packed(_HEAD(1, 0, kind, len(values), 1) + pack(">" + ("i" + letter) * len(values), *flat))


def _times(values: Sequence[datetime]) -> Packed:
    return _numbers(_TIME, "q", list(map(_Microseconds().__getitem__, values)))


def _carried(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


def _properties(value: Any) -> bytes:
    return _NO_PROPERTIES if value is msgspec.UNSET else _carried(_JSONB_VERSION + _json(value))


# Rows of a group have much in common: each value is put into its form once.
class _Texts(dict[str, bytes]):
    def __missing__(self, text: str) -> bytes:
        self[text] = carried = _carried(text.encode())
        return carried


class _Days(dict[date, bytes]):
    def __missing__(self, day: date) -> bytes:
        self[day] = carried = _carried(_LENGTH(day.toordinal() - _EPOCH_DAY))
        return carried


class _Accounts(dict[UUID | None, bytes]):
    def __missing__(self, account_id: UUID | None) -> bytes:
        self[account_id] = carried = _MISSING if account_id is None else _carried(account_id.bytes)
        return carried


class _Microseconds(dict[datetime, int]):
    def __missing__(self, at: datetime) -> int:
        since = at - _EPOCH
        self[at] = whole = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        return whole
