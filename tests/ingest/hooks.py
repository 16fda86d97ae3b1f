"""Calls as sources make them: signed by each one's own scheme, sent to the door, applied by the worker's code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from hub.ingest.connectors import work
from hub.ingest.connectors.endpoints import endpoint_make
from hub.ingest.models import HookDelivery, HookEndpoint
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR

SAMPLES = Path(os.environ.get("SAMPLE_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))
SECRET = "whsec_dGhpcyBpcyBhIHNlY3JldCBvZiB0ZXN0cw=="
Headers = dict[str, str]


def sample(*path: str) -> Any:
    """A recorded payload; the test is skipped, and says so, where the samples are not."""
    file = SAMPLES.joinpath(*path)
    if not file.exists():
        pytest.skip(f"the sample data are not at {SAMPLES}")
    return json.loads(file.read_text())


def endpoint(tenant: Tenant, source: str = "stripe", **fields: Any) -> HookEndpoint:
    with tenant_context(tenant):
        return endpoint_make(source=source, actor=ACTOR, **{"label": source, "secret": SECRET, **fields})


def address(tenant: Tenant, to: HookEndpoint) -> str:
    end = f"/{to.secret}" if to.source == "salesforce" else ""
    return f"/hooks/{tenant.slug}/{to.source}/{to.pk}{end}"


def _hex(secret: str, content: bytes, digest: Any = hashlib.sha256) -> str:
    return hmac.new(secret.encode(), content, digest).hexdigest()


def _b64(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def _stamp(at: datetime) -> bytes:
    return str(int(at.timestamp())).encode()


def stripe(body: bytes, secret: str, at: datetime, url: str = "") -> Headers:
    stamp = _stamp(at)
    return {"Stripe-Signature": f"t={stamp.decode()},v1={_hex(secret, stamp + b'.' + body)},v0=old"}


def standard(body: bytes, secret: str, at: datetime, url: str) -> Headers:
    name, stamp = f"msg_{hashlib.sha256(body).hexdigest()[:20]}", _stamp(at)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = _b64(key, name.encode() + b"." + stamp + b"." + body)
    return {"Webhook-Id": name, "Webhook-Timestamp": stamp.decode(), "Webhook-Signature": f"v1,{signature}"}


def zendesk(body: bytes, secret: str, at: datetime, url: str) -> Headers:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = _b64(secret.encode(), stamp.encode() + body)
    return {"X-Zendesk-Webhook-Signature": signature, "X-Zendesk-Webhook-Signature-Timestamp": stamp}


def intercom(body: bytes, secret: str, at: datetime, url: str) -> Headers:
    return {"X-Hub-Signature": f"sha1={_hex(secret, body, hashlib.sha1)}"}


def hubspot(body: bytes, secret: str, at: datetime, url: str) -> Headers:
    stamp = str(int(at.timestamp() * 1000)).encode()
    signature = _b64(secret.encode(), b"POST" + url.encode() + body + stamp)
    return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp.decode()}


def customerio(body: bytes, secret: str, at: datetime, url: str) -> Headers:
    stamp = _stamp(at)
    return {"X-CIO-Timestamp": stamp.decode(), "X-CIO-Signature": _hex(secret, b"v0:" + stamp + b":" + body)}


def unsigned(body: bytes, secret: str, at: datetime, url: str) -> Headers:
    return {}


def mail(body: bytes, secret: str, at: datetime, url: str) -> Headers:
    return {"Authorization": "Basic " + base64.b64encode(f"tandem:{secret}".encode()).decode()}


SIGNERS: dict[str, Callable[[bytes, str, datetime, str], Headers]] = {
    "stripe": stripe, "standard": standard, "zendesk": zendesk, "intercom": intercom, "hubspot": hubspot,
    "customerio": customerio, "salesforce": unsigned, "mail": mail,
}  # fmt: skip


def send(
    tenant: Tenant,
    to: HookEndpoint,
    body: bytes | Any,
    *,
    at: datetime | None = None,
    secret: str = "",
    headers: Headers | None = None,
    url: str = "",
    content_type: str = "application/json",
) -> HttpResponse:
    """POST a call, signed as its source signs; other `headers` replace or add."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = url or address(tenant, to)
    # Where the secret is ours to make, the sender has what the page shows.
    secret = secret or to.secret
    signed = SIGNERS[to.source](body, secret, at or timezone.now(), f"{settings.PUBLIC_URL}{url}")
    response: Any = Client().generic("POST", url, body, content_type, headers={**signed, **(headers or {})})
    found: HttpResponse = response
    return found


def apply(tenant: Tenant) -> None:
    """What the worker does with what waits."""
    work.drain(tenant.pk)


def take(tenant: Tenant, to: HookEndpoint, *bodies: Any, content_type: str = "application/json") -> list[HookDelivery]:
    """Send these, apply them, and give the calls as they ended, in that order."""
    for body in bodies:
        answer = send(tenant, to, body, content_type=content_type)
        assert answer.status_code == 200, answer.content
    apply(tenant)
    with tenant_context(tenant):
        return list(HookDelivery.objects.order_by("id"))


def states(deliveries: Iterable[HookDelivery]) -> list[str]:
    return [delivery.state for delivery in deliveries]


def stripe_event(kind: str, thing: dict[str, Any], *, at: int, pk: str = "") -> dict[str, Any]:
    """An envelope as Stripe puts around a thing."""
    name = pk or f"evt_{hashlib.sha256(json.dumps([kind, thing, at], sort_keys=True).encode()).hexdigest()[:20]}"
    return {"id": name, "object": "event", "type": kind, "created": at, "data": {"object": thing}}
