"""`POST /hooks/<tenant>/<source>/<endpoint>`: verify the raw bytes, keep, commit, answer. Past Django's middleware."""

from __future__ import annotations

import logging
import zlib
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from hub.ingest.connectors.base import Call, Connector, Malformed, NotNow, NotVerified, connectors
from hub.ingest.connectors.endpoints import call_keep, refusal_count
from hub.ingest.models import HookEndpoint
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.sealing import SecretUnreadable

log = logging.getLogger(__name__)


class Refusal(Exception):
    """What is answered instead: a status and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@csrf_exempt
def receive(request: HttpRequest, tenant: str, source: str, endpoint_id: UUID, path_secret: str = "") -> HttpResponse:
    """200 once the call is kept, also when it was before; 401 not verified, 404 no such endpoint, 5xx send it again."""
    if request.method == "HEAD":
        # Some senders ask whether anybody is there before they save the address.
        return HttpResponse()
    if request.method != "POST":
        return _answer(405, "send calls with POST")
    try:
        if source not in connectors:
            raise _nobody()
        connector = connectors.get(source)
        body = _body(request, connector)
        return _kept(connector, tenant, endpoint_id, _call(request, body, path_secret))
    except Refusal as refusal:
        return _answer(refusal.status, str(refusal))
    except NotNow as error:
        return _later(str(error))
    except DatabaseError:
        log.exception("a call could not be kept")
        return _later("not kept; send it again")


def _later(why: str) -> HttpResponse:
    response = _answer(503, why)
    response["Retry-After"] = "5"
    return response


def _kept(connector: Connector, slug: str, endpoint_id: UUID, call: Call) -> HttpResponse:
    tenant = Tenant.objects.filter(slug=slug, is_active=True).first()
    if tenant is None:
        raise _nobody()
    with tenant_context(tenant):
        endpoint = HookEndpoint.objects.filter(pk=endpoint_id, source=connector.key, revoked_at__isnull=True).first()
        if endpoint is None:
            raise _nobody()
        why = _why_not(connector, endpoint, call)
        if why:
            refusal_count(endpoint, why)
        else:
            try:
                fresh = call_keep(endpoint, connector.identify(call), call)
            except Malformed as error:
                raise Refusal(400, str(error)) from None
    # Past the context, so that what was noted about the refusal is committed.
    if why:
        raise Refusal(401, why)
    if connector.answer is not None:
        content, content_type = connector.answer
        return HttpResponse(content, content_type=content_type)
    return _answer(200, "kept" if fresh else "known")


def _why_not(connector: Connector, endpoint: HookEndpoint, call: Call) -> str:
    """Why the call is not verified by any of the endpoint's secrets; "" when it is."""
    why = ""
    try:
        good = endpoint.secrets()
    except SecretUnreadable:
        log.error("the secret of connection %s cannot be read with the keys there are", endpoint.pk)
        raise Refusal(503, "this connection is being repaired; send it again") from None
    for secret in good:
        try:
            connector.verify(call, secret, endpoint.options, timezone.now())
            return ""
        except NotVerified as error:
            why = why or str(error)
        except Malformed as error:
            raise Refusal(400, str(error)) from None
    return why


def _nobody() -> Refusal:
    return Refusal(404, "there is no such endpoint")


def _call(request: HttpRequest, body: bytes, path_secret: str) -> Call:
    return Call(
        method=request.method or "POST",
        url=f"{settings.PUBLIC_URL.rstrip('/')}{request.get_full_path()}",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        content_type=request.headers.get("Content-Type", ""),
        path_secret=path_secret,
    )


def _body(request: HttpRequest, connector: Connector) -> bytes:
    """The body, unpacked; of either form no more than the source's limit and a byte is ever held."""
    most = connector.most_bytes
    stream: Any = request
    # Django reads nothing without a length; a chunked body has none.
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
        stream = request.META["wsgi.input"]
    raw = bytes(stream.read(most + 1))
    if len(raw) > most:
        raise Refusal(413, f"the call is larger than {most} bytes")
    match request.headers.get("Content-Encoding", "").strip().lower():
        case "" | "identity":
            return raw
        case "gzip" | "x-gzip":
            return _unpacked(raw, most)
        case other:
            raise Refusal(415, f"Content-Encoding {other[:20]!r} is not understood; use gzip or none")


def _unpacked(raw: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(raw, most + 1)
    except zlib.error:
        raise Refusal(400, "the body is not gzip") from None
    if len(body) > most:
        raise Refusal(413, f"the call unpacks to more than {most} bytes")
    if not unpacker.eof:
        raise Refusal(400, "the gzip body ends too early")
    return body


def _answer(status: int, message: str) -> HttpResponse:
    response = JsonResponse({"success": status < 300, "message": message}, status=status)
    response["Cache-Control"] = "no-store"
    return response
