"""A table on which decisions are laid out: a tenant with plays, an account, and signals that come when told to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from hub.accounts.models import Account, AccountFacts
from hub.outbox.gates import Purpose
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions import working
from journeys.decisions.models import Choice, Play
from journeys.decisions.plays import play_create
from journeys.decisions.terms import Autonomy
from signals.models import Signal, Trigger
from tests.journeys import stage
from tests.world import ACTOR, make_account, make_contact, make_member

RED = {"fact": "health_band", "op": "eq", "value": "red"}
ANYBODY: dict[str, Any] = {"all": []}


def lay(tenant: Tenant, **settings: Any) -> Account:
    """No quiet hours, no global holdout, an owner and an account that pays; no play."""
    tenant.settings = stage.EVERYWHERE | settings
    tenant.save(update_fields=["settings"])
    csm = make_member(tenant, "csm")
    with tenant_context(tenant):
        account = make_account(owner_id=csm.user_id)
        make_contact(account, roles=["champion"])
    pays(tenant, account)
    return account


def pays(tenant: Tenant, account: Account, minor: int = 100_000) -> None:
    with tenant_context(tenant):
        AccountFacts.objects.update_or_create(account=account, defaults={"mrr_minor": minor})


def terms(**changes: Any) -> dict[str, Any]:
    """A task for whoever shows a decline, without a holdout."""
    told = {
        "action": "task.open",
        "config": {"title": "Call them", "playbook": "Ask.", "due_business_days": 2},
        "triggers": ["usage-decline"],
        "stages": [],
        "rule": ANYBODY,
        "purpose": Purpose.ADOPTION.value,
        "worth": "adoption",
        "worth_percent": None,
        "prior": [2, 2],
        "prior_source": "supposed",
        "autonomy": Autonomy.ASK.value,
        "cooldown_days": 30,
        "window_days": 30,
        "holdout_percent": 0,
        "success": None,
    }
    return told | changes


def play(tenant: Tenant, name: str = "Call", **changes: Any) -> Play:
    with tenant_context(tenant):
        return play_create(name=name, terms=terms(**changes), actor=ACTOR)


def signal(tenant: Tenant, account: Account, trigger: str = "usage-decline", number: int = 1) -> Signal:
    """A signal as the evaluation would record it, told to whoever listens."""
    from hub.registry.handlers import signal_recorded

    with tenant_context(tenant):
        found = Trigger.objects.get(key=trigger)
        made: Signal = Signal.objects.create(
            account=account,
            trigger=found,
            trigger_version=found.version,
            dedupe_key=f"{trigger}:{account.pk}:{number}",
            severity=found.severity,
            sentence=f"{found.name} at {account.name}",
            occurred_at=timezone.now(),
        )
        signal_recorded(tenant.pk, [made.pk])
    return made


def decide(tenant: Tenant) -> list[Choice]:
    """Let the worker do what is due; returns every choice there is, the latest first."""
    working.drain(tenant.pk)
    return choices(tenant)


def choices(tenant: Tenant) -> list[Choice]:
    with tenant_context(tenant):
        return list(Choice.objects.select_related("play", "account").order_by("-at", "-id"))


def time_is_up(tenant: Tenant) -> None:
    """The time to undo is over."""
    with tenant_context(tenant):
        past = timezone.now() - timedelta(seconds=1)
        Choice.objects.filter(due_at__isnull=False).update(due_at=past)
    working.drain(tenant.pk)
