"""Segment-compatible calls: bytes and headers in, dataclasses out.

Two steps, with the key's look-up between them: ``read_request`` undoes the transport (gzip,
envelope, key) and refuses a request as a whole; ``normalise`` turns each call into an event or
into a rejection with its reason, which never costs the batch its good events.

Time: the partition ``day`` is the UTC date of the **raw** client timestamp, because a retry
carries the same one and must meet its first copy in the same partition; ``occurred_at`` is that
timestamp moved by the client's clock skew (receipt − ``sentAt``).
"""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

MAX_EVENT_BYTES: Final = 32 * 1024
MAX_BATCH_BYTES: Final = 500 * 1024
MAX_TEXT: Final = 200
OLDEST: Final = timedelta(days=400)
NEWEST: Final = timedelta(days=1)
AHEAD: Final = timedelta(minutes=5)


class Call(StrEnum):
    """The kinds of call of the Segment specification."""

    TRACK = "track"
    IDENTIFY = "identify"
    GROUP = "group"
    PAGE = "page"
    SCREEN = "screen"
    ALIAS = "alias"


ENDPOINTS: Final[Mapping[str, Call | None]] = {
    "batch": None,
    "b": None,
    **{call.value: call for call in Call},
    **{call.value[0]: call for call in Call},
}
"""Last path segment under ``/v1/`` → the call it carries, None for a batch."""


class RequestError(Exception):
    """A request refused as a whole, with the HTTP status that makes clients do right."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


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


@dataclass(frozen=True, slots=True)
class Request:
    """What the transport carried: raw calls, the key, and what the batch says for all of them."""

    write_key: str
    calls: tuple[bytes, ...]
    forced: Call | None
    sent_at: object
    context: Mapping[str, Any]


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


class _Envelope(msgspec.Struct):
    batch: list[msgspec.Raw] | None = None
    writeKey: str | None = None
    sentAt: Any = None
    context: dict[str, Any] | None = None


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

_PAIR = rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:" + _PAIR + rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)

_envelopes = msgspec.json.Decoder(_Envelope)
_calls = msgspec.json.Decoder(_Call)


class _Reject(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)


# --- the transport --------------------------------------------------------------------------


def read_request(endpoint: str, headers: Mapping[str, str], body: bytes) -> Request:
    """The calls and the key of one request; header names in lower case.

    The body is JSON whatever its Content-Type, gzip by Content-Encoding. Raises RequestError:
    400 malformed, 401 without a key, 404 unknown endpoint, 413 over a limit.
    """
    if endpoint not in ENDPOINTS:
        raise RequestError(404, f"no endpoint /v1/{endpoint}")
    text = _inflated(headers.get("content-encoding", ""), body).removeprefix(b"\xef\xbb\xbf")
    text = _without_lone_surrogates(text)
    envelope = _envelope(text)
    key = key_from_basic(headers.get("authorization", "")) or envelope.writeKey or ""
    if not key:
        raise RequestError(401, "no write key: give it as Basic user name or as writeKey in the body")
    forced = ENDPOINTS[endpoint]
    calls = _batch(envelope) if forced is None else (text,)
    for index, raw in enumerate(calls):
        if len(raw) > MAX_EVENT_BYTES:
            raise RequestError(413, f"event {index} is larger than {MAX_EVENT_BYTES} bytes")
    # In a single call sentAt and context belong to the call itself and are read there.
    shared = envelope if forced is None else _Envelope()
    return Request(key, calls, forced, shared.sentAt, shared.context or {})


def key_from_basic(authorization: str) -> str:
    """The user name of a Basic header, "" when there is none or it cannot be read."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _inflated(encoding: str, body: bytes) -> bytes:
    if len(body) > MAX_BATCH_BYTES:
        raise _too_large()
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _gunzip(body)
        case other:
            raise RequestError(400, f"Content-Encoding {other!r} is not understood; use gzip or none")


def _gunzip(body: bytes) -> bytes:
    """Inflates at most MAX_BATCH_BYTES, so that a bomb costs no more than a batch."""
    out = bytearray()
    while body:
        stream = zlib.decompressobj(wbits=31)
        try:
            out += stream.decompress(body, MAX_BATCH_BYTES + 1 - len(out))
        except zlib.error as error:
            raise RequestError(400, f"the body is not gzip: {error}") from None
        if len(out) > MAX_BATCH_BYTES:
            raise _too_large()
        if not stream.eof:
            raise RequestError(400, "the gzip body ends too early")
        body = stream.unused_data
    return bytes(out)


def _too_large() -> RequestError:
    return RequestError(413, f"the batch is larger than {MAX_BATCH_BYTES} bytes")


def _envelope(text: bytes) -> _Envelope:
    try:
        return _envelopes.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(400, f"the body is not a JSON call: {error}") from None


def _without_lone_surrogates(text: bytes) -> bytes:
    """Half an emoji, cut by a client, becomes U+FFFD: it must not cost a batch its other events."""
    # Looking for one byte first costs next to nothing, and most bodies have not even that.
    if b"\\" not in text or b"\\ud" not in text.lower():
        return text
    return _ESCAPE.sub(lambda m: b"\\ufffd" if m["lone"] else m[0], text)


def _batch(envelope: _Envelope) -> tuple[bytes, ...]:
    if envelope.batch is None:
        raise RequestError(400, 'the body has no "batch" list')
    return tuple(map(bytes, envelope.batch))


# --- the calls ------------------------------------------------------------------------------


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
