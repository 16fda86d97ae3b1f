"""What other apps may ask of outbound by name: tell endpoints something that they chose to be told."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.utils import timezone

from hub.outbound.models import EndpointStatus, WebhookEndpoint
from hub.outbound.webhooks.services import write
from hub.registry.actions import Action, ActionRequest, ActionResult, actions
from hub.registry.outgoing import Happening

TELL = "outbound.tell"


def tell(request: ActionRequest) -> ActionResult:
    """Write one happening down for the endpoints that are on and told of its kind; ``to`` says what the one is called.

    Nothing is sent in the caller's transaction; the cause is the key, so that asked twice it is told once.
    """
    kind, data = str(request.params["kind"]), request.params["data"]
    assert isinstance(data, Mapping)
    endpoints = _endpoints(kind, str(request.params.get("to", "")))
    if not endpoints:
        return ActionResult(False, "no_endpoint", "no endpoint that is on is told of this")
    write(kind, [Happening(request.cause, data, timezone.now(), request.account_id)], endpoints)
    return ActionResult(True, text=f"told {len(endpoints)}")


def _endpoints(kind: str, to: str) -> list[UUID]:
    rows = WebhookEndpoint.objects.filter(status=EndpointStatus.ACTIVE).order_by("pk")
    wanted = to.strip().casefold()
    return [
        endpoint.pk
        for endpoint in rows
        if kind in endpoint.kinds and wanted in ("", endpoint.description.strip().casefold())
    ]


def register() -> None:
    params = {"kind": "what is told", "data": "the fields that are told", "to": "what the endpoint is called; all"}
    actions.register(Action(TELL, "Tell another system", tell, params))
