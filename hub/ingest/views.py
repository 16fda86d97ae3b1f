"""The event doors, compatible with unmodified Segment and RudderStack clients. Outside the staff and hub middleware."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotInTime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from hub.ingest.flusher import Overloaded, Parcel, Revoked, flusher
from hub.ingest.keys import Remembered, credential_with_scope, unknown_key
from hub.ingest.segment import (
    ENDPOINTS,
    MAX_BATCH_BYTES,
    Normalised,
    RequestError,
    key_from_basic,
    normalise,
    read_request,
)

log = logging.getLogger(__name__)

PATIENCE = 30.0
remembered = Remembered()
CODES = {400: "malformed", 401: "bad_key", 404: "not_found", 405: "method", 413: "too_large", 429: "overloaded"}


@csrf_exempt
def receive(request: HttpRequest, endpoint: str) -> HttpResponse:
    """`POST /v1/…`: 200 once the calls are committed; 4xx what must be dropped, 429 and 5xx what must come again."""
    if request.method == "OPTIONS":
        return preflight(request)
    if request.method != "POST":
        return _refusal(405, "send calls with POST")
    try:
        carried = read_request(endpoint, _headers(request), _body(request))
        credential = remembered(carried.write_key)
        received_at = timezone.now()
        calls = normalise(carried, tenant_id=credential.tenant_id, received_at=received_at)
        flusher().submit(Parcel(credential, calls, received_at)).result(PATIENCE)
    except RequestError as error:
        return _refusal(error.status, str(error))
    except Revoked:
        remembered.forget(carried.write_key)
        return _refusal(401, str(unknown_key()))
    except Overloaded:
        return _later(429, "too many events at once; send them again")
    except (NotInTime, CancelledError):
        return _later(503, "not stored in time; send it again, nothing is stored twice")
    except Exception:
        # Common clients drop a call on 4xx and send it again on 5xx.
        log.exception("calls could not be taken")
        return _later(503, "not stored; send it again")
    return _answer(endpoint, calls)


def _answer(endpoint: str, calls: Normalised) -> HttpResponse:
    if ENDPOINTS[endpoint] is not None and calls.rejections:
        [rejection] = calls.rejections
        return _refusal(400, f"{rejection.reason}: {rejection.detail}")
    body: dict[str, Any] = {"success": True, "accepted": len(calls.events), "quarantined": len(calls.rejections)}
    if calls.rejections:
        body["problems"] = [
            {"index": entry.index, "reason": entry.reason, "detail": entry.detail} for entry in calls.rejections
        ]
    return _open(JsonResponse(body))


def _headers(request: HttpRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _body(request: HttpRequest) -> bytes:
    """The body, of which no more than a batch and a byte is read."""
    # Django reads nothing without a length; a chunked body has none.
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
        stream = request.META["wsgi.input"]
        return bytes(stream.read(MAX_BATCH_BYTES + 1))
    return bytes(request.read(MAX_BATCH_BYTES + 1))


def preflight(request: HttpRequest) -> HttpResponse:
    """What a browser asks before it sends from another site. Keys travel in the request, never in cookies."""
    response = _open(HttpResponse(status=204))
    response["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    response["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers") or "*"
    response["Access-Control-Max-Age"] = "86400"
    return response


@csrf_exempt
def project_settings(request: HttpRequest, key: str) -> HttpResponse:
    """`GET /v1/projects/<key>/settings`: analytics.js asks where to send."""
    if request.method == "OPTIONS":
        return preflight(request)
    try:
        credential_with_scope(key)
    except RequestError as error:
        return _refusal(404, str(error))
    address = urlsplit(settings.PUBLIC_URL)
    target = {"apiKey": key, "apiHost": f"{address.netloc}/v1", "protocol": address.scheme, "type": "browser"}
    body = {
        "integrations": {"Segment.io": target | {"unbundledIntegrations": [], "addBundledMetadata": False}},
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "remotePlugins": [],
        "metrics": {"sampleRate": 0},
    }
    return _open(JsonResponse(body))


@csrf_exempt
def source_config(request: HttpRequest) -> HttpResponse:
    """`GET /sourceConfig`: RudderStack clients ask whether the source is on and which destinations they load."""
    if request.method == "OPTIONS":
        return preflight(request)
    key = key_from_basic(request.headers.get("Authorization", "")) or request.GET.get("writeKey", "")
    try:
        credential = credential_with_scope(key)
    except RequestError as error:
        return _refusal(error.status, str(error))
    source = {
        "id": str(credential.pk),
        "name": credential.name,
        "writeKey": key,
        "enabled": True,
        "workspaceId": str(credential.tenant_id),
        "config": {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}},
        "connections": [],
        "destinations": [],
        "dataplanes": {"default": [{"url": settings.PUBLIC_URL, "default": True}]},
    }
    return _open(JsonResponse({"source": source, "updatedAt": credential.created_at.isoformat()}))


def _refusal(status: int, message: str) -> HttpResponse:
    body = {"success": False, "code": CODES.get(status, "unavailable"), "message": message}
    return _open(JsonResponse(body, status=status))


def _later(status: int, message: str) -> HttpResponse:
    response = _refusal(status, message)
    response["Retry-After"] = "1"
    return response


def _open(response: HttpResponse) -> HttpResponse:
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "no-store"
    return response
