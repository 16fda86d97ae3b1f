"""Each call of a request as an event, or as a rejection with its reason, which never costs the others anything.

Time: the partition ``day`` is the UTC date of the **raw** client timestamp, because a retry carries the same one and
must meet its first copy in the same partition; ``occurred_at`` is that timestamp moved by the client's clock skew
(receipt − ``sentAt``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from hub.ingest.segment.request import Call, Request

MAX_TEXT: Final = 200
OLDEST: Final = timedelta(days=400)
NEWEST: Final = timedelta(days=1)
AHEAD: Final = timedelta(minutes=5)


class Reason(StrEnum):
    """Why a single call went to quarantine."""

    MALFORMED = "malformed"
    UNKNOWN_TYPE = "unknown_type"
    NO_IDENTITY = "no_identity"
    NO_EVENT_NAME = "no_event_name"
    NO_GROUP = "no_group"
    NO_PREVIOUS_ID = "no_previous_id"
    BAD_TIMESTAMP = "bad_timestamp"
    TOO_LONG = "too_long"
    UNSTORABLE = "unstorable_character"


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One call, ready to store.

    ``id`` is a 128-bit hash of tenant and message id in hex. ``day_from_receipt`` says that the client's
    own day could not be used, so that the id must also be looked up in the 8 days before.
    """

    id: str
    message_id: str
    call: Call
    name: str
    user_id: str
    anonymous_id: str
    group_id: str
    previous_id: str
    occurred_at: datetime
    day: date
    day_from_receipt: bool
    properties: Mapping[str, Any]
    traits: Mapping[str, Any]
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """One call that cannot be stored: its place in the batch, why, and its bytes as they came."""

    index: int
    reason: Reason
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Normalised:
    """The outcome of one request, both lists in the order of the batch."""

    events: tuple[Event, ...]
    rejections: tuple[Rejection, ...]


class _Call(msgspec.Struct):
    """The fields of a call that we read; clients send more."""

    type: str | None = None
    messageId: str | int | None = None
    userId: str | int | None = None
    anonymousId: str | int | None = None
    groupId: str | int | None = None
    previousId: str | int | None = None
    event: str | None = None
    name: str | None = None
    timestamp: str | None = None
    originalTimestamp: str | None = None
    sentAt: Any = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


KINDS: Final[Mapping[str | None, Call]] = {call.value: call for call in Call}

_calls = msgspec.json.Decoder(_Call)


class _Reject(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)


def normalise(request: Request, *, tenant_id: UUID, received_at: datetime) -> Normalised:
    """Each call of a request as an event or a rejection; ``received_at`` is aware."""
    received = received_at.astimezone(UTC)
    batch = _Batch(tenant_id.bytes, received, _moment(request.sent_at), request.forced, request.context)
    events: list[Event] = []
    rejections: list[Rejection] = []
    for index, raw in enumerate(request.calls):
        try:
            events.append(_event(raw, batch))
        except _Reject as reject:
            rejections.append(Rejection(index, reject.reason, reject.detail, raw))
    return Normalised(tuple(events), tuple(rejections))


def event_id(tenant: bytes, message_id: str) -> str:
    """The identity of an event: 128 bits of a hash of (tenant's id, message id), in hex."""
    return blake2b(tenant + message_id.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class _Batch:
    """What all calls of a request have in common."""

    tenant: bytes
    received: datetime
    sent_at: datetime | None
    forced: Call | None
    context: Mapping[str, Any]


def _event(raw: bytes, batch: _Batch) -> Event:
    call = _decoded(raw)
    kind = batch.forced or _kind(call)
    context = {**batch.context, **(call.context or {})} if batch.context else call.context or {}
    name = _text("name", call.event if kind is Call.TRACK else call.name)
    user_id, anonymous_id = _text("userId", call.userId), _text("anonymousId", call.anonymousId)
    group_id = _text("groupId", call.groupId if call.groupId is not None else context.get("groupId"))
    previous_id = _text("previousId", call.previousId)
    _check(kind, name, previous_id, group_id, user_id or anonymous_id)
    stamp = _timestamp(call)
    message_id = _text("messageId", call.messageId) or _own_message_id(raw, stamp)
    day, from_receipt = _day(stamp, batch.received)
    sent_at = _moment(call.sentAt) if call.sentAt else batch.sent_at
    return Event(
        id=event_id(batch.tenant, message_id),
        message_id=message_id,
        call=kind,
        name=name,
        user_id=user_id,
        anonymous_id=anonymous_id,
        group_id=group_id,
        previous_id=previous_id,
        occurred_at=_occurred_at(stamp, sent_at, batch.received),
        day=day,
        day_from_receipt=from_receipt,
        properties=call.properties or {},
        traits=call.traits or {},
        context=context,
    )


def _decoded(raw: bytes) -> _Call:
    try:
        call = _calls.decode(raw)
        # PostgreSQL stores every character but this one; the bytes are only a cheap first look.
        if b"\\" in raw and b"\\u0000" in raw and "\x00" in _all_text(msgspec.json.decode(raw)):
            raise _Reject(Reason.UNSTORABLE, "the call holds a NUL character")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _Reject(Reason.MALFORMED, str(error)) from None
    return call


def _all_text(value: object) -> str:
    """Every text in a decoded value, keys included, end to end."""
    if isinstance(value, dict):
        return "".join(f"{key}{_all_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "".join(map(_all_text, value))
    return value if isinstance(value, str) else ""


def _kind(call: _Call) -> Call:
    kind = KINDS.get(call.type)
    if kind is None:
        raise _Reject(Reason.UNKNOWN_TYPE, f"type {call.type!r} is none of {', '.join(Call)}")
    return kind


def _text(field: str, value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    if len(text) > MAX_TEXT:
        raise _Reject(Reason.TOO_LONG, f"{field} is longer than {MAX_TEXT} characters")
    return text


def _check(kind: Call, name: str, previous: str, group: str, person: str) -> None:
    """What the specification asks of each call, and no more."""
    if kind is Call.TRACK and not name:
        raise _Reject(Reason.NO_EVENT_NAME, "a track call needs an event")
    if kind is Call.GROUP and not group:
        raise _Reject(Reason.NO_GROUP, "a group call needs a groupId")
    if kind is Call.ALIAS and not previous:
        raise _Reject(Reason.NO_PREVIOUS_ID, "an alias call needs a previousId")
    if not (person or group):
        raise _Reject(Reason.NO_IDENTITY, "the call has neither userId, anonymousId nor groupId")


def _own_message_id(raw: bytes, stamp: datetime | None) -> str:
    """An id for a call without one: by its bytes if they hold its time, else a fresh one.

    Without a time two equal calls may well be two events.
    """
    if stamp is None:
        return f"server-{uuid4()}"
    return f"content-{blake2b(raw, digest_size=16).hexdigest()}"


def _timestamp(call: _Call) -> datetime | None:
    text = call.timestamp or call.originalTimestamp
    if not text:
        return None
    moment = _moment(text)
    if moment is None:
        raise _Reject(Reason.BAD_TIMESTAMP, f"timestamp {text[:60]!r} is not an ISO 8601 time")
    return moment


def _moment(text: object) -> datetime | None:
    """An ISO 8601 text as UTC time (without offset it is UTC), None when it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day(stamp: datetime | None, received: datetime) -> tuple[date, bool]:
    if stamp is None or not -OLDEST <= stamp - received <= NEWEST:
        return received.date(), True
    return stamp.date(), False


def _occurred_at(stamp: datetime | None, sent_at: datetime | None, received: datetime) -> datetime:
    if stamp is None:
        return received
    try:
        corrected = stamp if sent_at is None else stamp + (received - sent_at)
    except OverflowError:
        corrected = stamp
    return min(corrected, received + AHEAD)
