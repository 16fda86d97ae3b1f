"""Many accounts that are due in one journey at the same moment."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from hub.accounts.models import Account, AccountState, Contact
from hub.outbox.gates import Purpose
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake
from journeys.engine import JOURNEYS
from journeys.models import Enrollment, Journey
from journeys.services import journey_publish
from signals.services import triggers_install
from tests.world import ACTOR

GRAPH = {
    "schema": 1,
    "entry": {"trigger": "qbr-expansion"},
    "start": "rest",
    "nodes": [
        {"id": "rest", "kind": "wait", "rule": {"minutes": 1}, "next": "mail"},
        {
            "id": "mail",
            "kind": "email",
            "class": "service",
            "to": {"roles": ["champion"], "fallback": "any_contact"},
            "subject": "Good morning, {{ account.name }}",
            "body": "<p>Good morning, {{ contact.first_name }}</p>",
            "next": "end",
        },
        {"id": "end", "kind": "exit"},
    ],
}


def crowd(tenant: Tenant, size: int) -> Journey:
    """`size` accounts with a champion each, at rest before a mail, their rest over."""
    with tenant_context(tenant):
        triggers_install(actor=ACTOR)
        journey: Journey = Journey.objects.create(key="crowd", name="Crowd", purpose=Purpose.ADOPTION)
        journey_publish(journey=journey, graph=GRAPH, actor=ACTOR)
        accounts = Account.objects.bulk_create([Account(name=f"Account {n}") for n in range(size)])
        AccountState.objects.bulk_create([AccountState(account=account) for account in accounts])
        Contact.objects.bulk_create(
            [
                Contact(account=account, name="Kim Park", email=f"kim{n}@crowd.example", roles=["champion"])
                for n, account in enumerate(accounts)
            ]
        )
        now = timezone.now()
        Enrollment.objects.bulk_create(
            [
                Enrollment(
                    account=account,
                    journey=journey,
                    version=1,
                    node_id="rest",
                    slot="once",
                    rests_since=now - timedelta(minutes=1),
                    due_at=now,
                )
                for account in accounts
            ],
            batch_size=500,
        )
        wake(JOURNEYS)
    return journey
