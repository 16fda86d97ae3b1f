"""Small graphs and what became of them, for tests of journeys."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.utils import timezone

from hub.accounts.models import Account
from hub.outbox.gates import Purpose
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.rows import EventRow
from hub.usage.store import write_events
from journeys.models import Decision, Enrollment, Journey, StepRun
from journeys.services import journey_publish
from tests.journeys import stage
from tests.world import ACTOR, make_account, make_contact

TO = {"roles": ["champion"], "fallback": "any_contact"}
END = {"id": "end", "kind": "exit"}


def node(kind: str, node_id: str = "step", following: str = "end", **fields: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": kind, "next": following, **fields}


def email(node_id: str = "mail", following: str = "end", **fields: Any) -> dict[str, Any]:
    body = {"class": "service", "to": TO, "subject": node_id, "body": f"<p>{node_id}</p>"}
    return node("email", node_id, following, **(body | fields))


def graph(*nodes: dict[str, Any], entry: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A journey that begins with an expansion line and ends at `end`."""
    begins = entry or {"trigger": "qbr-expansion", "reentry": {"rule": "after_finish"}}
    return {"schema": 1, "entry": begins, "start": nodes[0]["id"], "nodes": [*nodes, END], **more}


def world(tenant: Tenant) -> Account:
    """An account with a champion, no quiet hours, no journeys but those of the test."""
    tenant.settings = stage.EVERYWHERE
    tenant.save(update_fields=["settings"])
    with tenant_context(tenant):
        account = make_account()
        make_contact(account, roles=["champion"])
    return account


def publish(tenant: Tenant, raw: dict[str, Any], key: str = "mine", purpose: str = Purpose.ADOPTION) -> Journey:
    with tenant_context(tenant):
        journey: Journey
        journey, _ = Journey.objects.get_or_create(key=key, defaults={"name": key.title(), "purpose": purpose})
        journey_publish(journey=journey, graph=raw, actor=ACTOR)
    return journey


def go(tenant: Tenant, account: Account, key: str = "line-1") -> None:
    """Let the signal come that `graph` begins with, and everybody do what is due."""
    stage.tag_expansion(tenant, account, key)
    stage.run(tenant)


def inside(tenant: Tenant, key: str = "mine") -> Enrollment:
    with tenant_context(tenant):
        found: Enrollment = Enrollment.objects.select_related("journey").filter(journey__key=key).latest("entered_at")
        return found


def step(tenant: Tenant, node_id: str = "step") -> StepRun:
    with tenant_context(tenant):
        found: StepRun = StepRun.objects.filter(node_id=node_id).latest("finished_at", "visit")
        return found


def decision(tenant: Tenant) -> Decision:
    with tenant_context(tenant):
        found: Decision = Decision.objects.latest("at", "pk")
        return found


def track(tenant: Tenant, account: Account, name: str, *, at: datetime | None = None, historical: bool = False) -> None:
    """An event of the product at an account, as it comes in."""
    when, message = at or timezone.now(), uuid4()
    row = EventRow(
        id=message.hex,
        day=when.date(),
        kind="track",
        name=name,
        occurred_at=when,
        received_at=timezone.now(),
        message_id=str(message),
        source="test",
        account_id=account.pk,
        historical=historical,
    )
    write_events(tenant, [row])
