"""Segment-compatible calls: bytes and headers in, dataclasses out.

Two steps, with the key's look-up between them: ``read_request`` undoes the transport and refuses a request as a whole;
``normalise`` turns each call into an event or into a rejection with its reason.
"""

from hub.ingest.segment.events import (
    MAX_TEXT,
    Event,
    Normalised,
    Reason,
    Rejection,
    event_id,
    normalise,
)
from hub.ingest.segment.request import (
    ENDPOINTS,
    MAX_BATCH_BYTES,
    MAX_EVENT_BYTES,
    Call,
    Request,
    RequestError,
    key_from_basic,
    read_request,
)

__all__ = [
    "ENDPOINTS",
    "MAX_BATCH_BYTES",
    "MAX_EVENT_BYTES",
    "MAX_TEXT",
    "Call",
    "Event",
    "Normalised",
    "Reason",
    "Rejection",
    "Request",
    "RequestError",
    "event_id",
    "key_from_basic",
    "normalise",
    "read_request",
]
