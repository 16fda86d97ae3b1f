"""The transport of calls: gzip, envelope, key. A request is refused here, as a whole or not at all."""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

MAX_EVENT_BYTES: Final = 32 * 1024
MAX_BATCH_BYTES: Final = 500 * 1024


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


@dataclass(frozen=True, slots=True)
class Request:
    """What the transport carried: raw calls, the key, and what the batch says for all of them."""

    write_key: str
    calls: tuple[bytes, ...]
    forced: Call | None
    sent_at: object
    context: Mapping[str, Any]


class _Envelope(msgspec.Struct):
    batch: list[msgspec.Raw] | None = None
    writeKey: str | None = None
    sentAt: Any = None
    context: dict[str, Any] | None = None


_PAIR = rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:" + _PAIR + rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)

_envelopes = msgspec.json.Decoder(_Envelope)


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
