"""A worker keeps what it has read of a tenant's configuration: the drain after an edit asks what the edit says.

The edits are those of another process: plain statements of another session, committed, that nothing here is told of.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.utils import timezone

from hub.accounts.models import Account, AccountFacts
from hub.accounts.services import attribute_define, facts_touch
from hub.revenue.services.lines import contract_line_upsert
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals import draining
from signals.health.models import HealthScore, ScorecardVersion
from signals.health.services import scorecards_install
from signals.models import (
    ExpansionReadiness,
    PredictionModel,
    Segment,
    SegmentMember,
    Trigger,
    TriggerLook,
    TriggerState,
)
from tests.signals.test_engine import use_weekly
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db(transaction=True)

FEW = {"fact": "seats", "op": "gte", "value": 1}
MANY = {"fact": "seats", "op": "gte", "value": 100}
WEST, EAST = "Etc/GMT+12", "Pacific/Kiritimati"


@pytest.fixture
def account(acme: Tenant) -> Account:
    """An account with twenty seats that pays, and one of everything that can be edited; evaluated once."""
    Tenant.objects.update(timezone=WEST)
    with tenant_context(acme):
        scorecards_install(actor=ACTOR)
        Trigger.objects.update(is_active=False)
        rule = {"all": [FEW, {"not": {"fact": "churn_risk", "op": "gte", "value": 50}}]}
        for key, wanted in (("seats", MANY), ("risk", rule)):
            Trigger.objects.create(key=key, name=key, family="usage", kind=Trigger.Kind.COMPUTED, rule=wanted)
        Segment.objects.create(key="big", name="Big", rule=MANY, since=date(2026, 1, 1))
        PredictionModel.objects.create(target="churn", kind="churn", number=1)
        account = make_account("Twenty", seats=20)
        today = timezone.now().date()
        paid = {"mrr_minor": 100, "currency": "USD", "starts_on": today - timedelta(days=30)}
        contract_line_upsert(source="t", external_id="1", account=account, fields=paid)
        use_weekly(account, [100] * 10, today)
    drain(acme, account)
    return account


def drain(tenant: Tenant, account: Account) -> None:
    with tenant_context(tenant):
        facts_touch([account.pk])
    draining.drain(tenant.pk)


def stands(key: str) -> bool:
    return bool(TriggerState.objects.filter(trigger__key=key, is_true=True).exists())


EDITS: dict[str, tuple[str, Callable[[], Any], Any, Any]] = {
    "a trigger's rule": (
        f"UPDATE signals_trigger SET rule = '{json.dumps(FEW)}', version = 2 WHERE key = 'seats'",
        lambda: stands("seats"), False, True,
    ),
    "a trigger that is switched off": (
        "UPDATE signals_trigger SET is_active = false WHERE key = 'risk'",
        lambda: len(TriggerLook.objects.get().seen.versions), 2, 1,
    ),
    "a trigger that comes": (
        "INSERT INTO signals_trigger SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'id', gen_random_uuid(), 'key', 'more'))).* FROM signals_trigger t WHERE key = 'risk'",
        lambda: len(TriggerLook.objects.get().seen.versions), 2, 3,
    ),
    "a segment": (
        f"UPDATE signals_segment SET rule = '{json.dumps(FEW)}', version = 2",
        lambda: SegmentMember.objects.count(), 0, 1,
    ),
    "a scorecard that is put away": (
        "UPDATE signals_scorecard SET is_active = false",
        lambda: HealthScore.objects.get().version_id is None, False, True,
    ),
    "a scorecard's version": (
        "WITH made AS (INSERT INTO signals_scorecardversion SELECT (jsonb_populate_record(v, jsonb_build_object("
        "'id', gen_random_uuid(), 'number', 2))).* FROM signals_scorecardversion v) UPDATE signals_scorecard"
        " SET version = 2",
        lambda: ScorecardVersion.objects.get(pk=HealthScore.objects.get().version_id).number, 1, 2,
    ),
    "the rules of the stages": (
        "INSERT INTO signals_stageversion (tenant_id, id, number, rules, flags, note, published_at)"
        " SELECT id, gen_random_uuid(), 1, '[{\"stage\": \"renewal\", \"rule\": {\"all\": []}}]', '{}', '', now()"
        " FROM tenancy_tenant",
        lambda: Account.objects.get().stage, "adoption", "renewal",
    ),
    "the flags beside the stages": (
        "INSERT INTO signals_stageversion (tenant_id, id, number, rules, flags, note, published_at)"
        " SELECT id, gen_random_uuid(), 1, '[{\"stage\": \"adoption\", \"rule\": {\"all\": []}}]',"
        f" '{json.dumps({'advocacy': FEW})}', '', now() FROM tenancy_tenant",
        lambda: AccountFacts.objects.get().flag_advocacy, False, True,
    ),
    "the figures of readiness": (
        "INSERT INTO signals_readinessversion (tenant_id, id, number, figures, note, published_at)"
        " SELECT id, gen_random_uuid(), 1, '{}', '', now() FROM tenancy_tenant",
        lambda: ExpansionReadiness.objects.get().version, 0, 1,
    ),
    "the tenant's zone": (
        f"UPDATE tenancy_tenant SET timezone = '{EAST}'",
        lambda: AccountFacts.objects.get().as_of == timezone.localdate(timezone=ZoneInfo(EAST)), False, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_by_another_process_counts_for_the_next_drain(
    acme: Tenant, account: Account, migrator: psycopg.Connection, name: str
) -> None:
    edit, look, before, after = EDITS[name]
    with tenant_context(acme):
        assert look() == before
    drain(acme, account)
    assert migrator.execute(edit.encode()).rowcount == 1
    drain(acme, account)
    with tenant_context(acme):
        assert look() == after


def test_a_model_that_is_published_is_another_edition_of_what_reads_it(
    acme: Tenant, account: Account, migrator: psycopg.Connection
) -> None:
    def asked() -> Any:
        with tenant_context(acme):
            return TriggerLook.objects.get().seen.versions[str(Trigger.objects.get(key="risk").pk)]

    before = asked()
    migrator.execute("UPDATE signals_predictionmodel SET is_published = true")
    drain(acme, account)
    assert asked() != before


def test_an_attribute_that_another_process_defines_is_known_to_the_next_drain(
    acme: Tenant, account: Account, migrator: psycopg.Connection
) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="tier", label="Tier", kind="number", actor=ACTOR)
        rule = {"fact": "attribute.tier", "op": "is_not_set"}
        Trigger.objects.create(key="tier", name="tier", family="usage", kind=Trigger.Kind.COMPUTED, rule=rule)
    migrator.execute("UPDATE accounts_attributedefinition SET key = 'other'")
    drain(acme, account)
    with tenant_context(acme):
        assert not stands("tier"), "what it reads is gone"
    migrator.execute("UPDATE accounts_attributedefinition SET key = 'tier'")
    drain(acme, account)
    with tenant_context(acme):
        assert stands("tier")
