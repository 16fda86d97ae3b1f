"""Triggers that watch other triggers: decided after them, never in a circle."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.services import account_upsert
from hub.rules.language import RuleError
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_accounts
from signals.measures import circle, in_order
from signals.models import Signal, Trigger
from signals.services import trigger_edit
from tests.world import ACTOR, make_account


def watching(key: str, rule: dict[str, Any]) -> Trigger:
    trigger: Trigger = Trigger.objects.create(
        key=key, name=key, family="composite", kind=Trigger.Kind.COMPUTED, rule=rule
    )
    return trigger


def stands(key: str) -> dict[str, Any]:
    return {"fact": "trigger_stands", "with": {"trigger": key}, "op": "eq", "value": True}


@pytest.mark.django_db
def test_a_composite_fires_in_the_evaluation_in_which_its_parts_do(acme: Tenant) -> None:
    now = timezone.now()
    with tenant_context(acme):
        account = make_account()
        # By their keys the composite would come first.
        watching("many", {"fact": "seats", "op": "gt", "value": 10})
        watching("a-both", {"all": [stands("many"), stands("named")]})
        watching("named", {"fact": "industry", "op": "eq", "value": "Retail"})
        counted = {"fact": "signals", "with": {"trigger": "named", "days": 1}, "op": "gte", "value": 1}
        watching("a-count", counted)
        evaluate_accounts(acme, [account.pk], now=now)
        account.seats, account.industry = 20, "Retail"
        account.save()
        evaluate_accounts(acme, [account.pk], now=now + timedelta(minutes=1))
        fired = set(Signal.objects.values_list("trigger__key", flat=True))
        assert fired == {"many", "named", "a-both", "a-count"}
        account.seats = 3
        account.save()
        evaluate_accounts(acme, [account.pk], now=now + timedelta(minutes=2))
        standing = set(Signal.objects.filter(cleared_at=None).values_list("trigger__key", flat=True))
        assert standing == {"named", "a-count"}


@pytest.mark.django_db
def test_circles_and_unknown_triggers_are_refused(acme: Tenant) -> None:
    with tenant_context(acme):
        first, second = watching("first", stands("second")), watching("second", {"all": []})
        with pytest.raises(RuleError, match="wait for one another: second → first → second"):
            trigger_edit(trigger=second, rule={"not": stands("first")}, actor=ACTOR)
        with pytest.raises(RuleError, match="wait for one another: first → first"):
            trigger_edit(trigger=first, rule=stands("first"), actor=ACTOR)
        with pytest.raises(RuleError, match="there is no trigger third"):
            trigger_edit(trigger=first, rule=stands("third"), actor=ACTOR)
        assert Trigger.objects.get(key="first").version == 1


READS = st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdef"), max_size=3))


@given(READS)
def test_every_trigger_comes_once_and_after_what_it_reads(reads: dict[str, frozenset[str]]) -> None:
    waves = in_order(reads)
    assert sorted(key for wave in waves for key in wave) == sorted(reads)
    place = {key: number for number, wave in enumerate(waves) for key in wave}
    if not any(circle(key, reads) for key in reads):
        assert all(place[other] < place[key] for key in reads for other in reads[key] & reads.keys())


@pytest.mark.django_db
def test_a_composite_tells_its_cause_and_not_what_is_only_asked_beside_it(acme: Tenant) -> None:
    now = timezone.now()
    with tenant_context(acme):
        account = make_account(seats=5)
        watching("grown", {"fact": "seats", "op": "gte", "value": 10})
        quiet = {"fact": "open_tickets", "op": "eq", "value": 0}
        watching("room", {"all": [quiet, {"any": [stands("grown"), stands("usage-decline")]}]})
        evaluate_accounts(acme, [account.pk], now=now)
        account_upsert(source="test", external_id="Northwind", fields={"name": "Northwind", "seats": 20})
        evaluate_accounts(acme, [account.pk], now=now + timedelta(hours=1))
        assert Signal.objects.get(trigger__key="room").sentence == "room: “grown” stands"
