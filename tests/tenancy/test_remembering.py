"""What a worker keeps of a tenant's configuration: made once, and anew for whoever begins after an edit of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import transaction

from hub.accounts.services import attribute_define
from hub.outbox.models import Topic
from hub.tenancy import remembering as module
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.remembering import configured, current_tenant, edition, remembering
from journeys.models import Journey
from signals.health.services import scorecards_install
from signals.models import PredictionModel, ReadinessVersion, Segment, StageVersion, Trigger
from tests.world import ACTOR

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = [
    "journeys_journey",
    "outbox_topic",
    "tenancy_tenant",
    "accounts_attributedefinition",
    "signals_predictionmodel",
    "signals_readinessversion",
    "signals_scorecard",
    "signals_scorecardversion",
    "signals_segment",
    "signals_stageversion",
    "signals_trigger",
]


@pytest.fixture(autouse=True)
def _rows(acme: Tenant) -> None:
    with tenant_context(acme):
        scorecards_install(actor=ACTOR)
        attribute_define(entity="account", key="score", label="Score", kind="number", actor=ACTOR)
        Segment.objects.create(key="big", name="Big", rule={"all": []}, since=date(2026, 1, 1))
        StageVersion.objects.create(number=1, rules=[], flags={})
        ReadinessVersion.objects.create(number=1, figures={})
        PredictionModel.objects.create(target="churn", kind="churn", number=1)
        Topic.objects.create(key="own", name="Own")
        Journey.objects.create(key="new", name="New", purpose="adoption")


class Counted:
    """An answer that says how often it was made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> int:
        self.made += 1
        return self.made

    def asked(self, tenant: Tenant) -> int:
        """The answer that a new batch of the tenant gets."""
        with tenant_context(tenant), remembering():
            return configured("counted", self)


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_every_table_that_an_evaluation_is_made_of_is_known() -> None:
    assert sorted(set(module._tables)) == sorted(TABLES)


def test_an_answer_is_made_once_for_many_transactions(acme: Tenant, counted: Counted) -> None:
    assert [counted.asked(acme) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("table", TABLES)
def test_an_edit_by_another_session_is_seen_by_the_next_batch(
    acme: Tenant, counted: Counted, migrator: psycopg.Connection, table: str
) -> None:
    key = "id" if table == "tenancy_tenant" else "tenant_id"
    assert counted.asked(acme) == 1
    # The same values once more: whatever the writer leaves out, the row is another.
    edited = migrator.execute(f"UPDATE {table} SET {key} = {key} WHERE {key} = %s".encode(), [acme.pk])
    assert edited.rowcount > 0
    assert [counted.asked(acme) for _ in range(2)] == [2, 2]


def test_a_row_that_comes_or_goes_is_an_edit(acme: Tenant, counted: Counted, migrator: psycopg.Connection) -> None:
    assert counted.asked(acme) == 1
    migrator.execute("DELETE FROM signals_segment WHERE tenant_id = %s", [acme.pk])
    assert counted.asked(acme) == 2
    with tenant_context(acme):
        Segment.objects.create(key="small", name="Small", rule={"all": []}, since=date(2026, 1, 1))
    assert [counted.asked(acme) for _ in range(2)] == [3, 3]


def test_an_edit_is_seen_once_it_is_committed(acme: Tenant, counted: Counted, migrator: psycopg.Connection) -> None:
    assert counted.asked(acme) == 1
    with migrator.transaction():
        migrator.execute("UPDATE signals_trigger SET name = 'x' WHERE tenant_id = %s", [acme.pk])
        assert counted.asked(acme) == 1
    assert counted.asked(acme) == 2


def test_an_edit_while_an_answer_is_made_belongs_to_the_next_batch(acme: Tenant, migrator: psycopg.Connection) -> None:
    def names() -> list[str]:
        # After the edition was read, before the answer is.
        if not found:
            migrator.execute("UPDATE signals_segment SET name = 'Bigger' WHERE tenant_id = %s", [acme.pk])
        found.append("made")
        return list(Segment.objects.values_list("name", flat=True))

    found: list[str] = []
    for _ in range(3):
        with tenant_context(acme), remembering():
            assert configured("names", names) == ["Bigger"]
    assert found == ["made", "made"]


def test_what_is_taken_back_is_kept_for_nobody(acme: Tenant, counted: Counted) -> None:
    assert counted.asked(acme) == 1
    with tenant_context(acme):
        try:
            with transaction.atomic():
                Trigger.objects.update(is_active=False)
                assert counted.asked(acme) == 2
                raise InterruptedError
        except InterruptedError:
            pass
        with transaction.atomic():
            Trigger.objects.update(is_active=False)
            assert counted.asked(acme) == 3


def test_tenants_have_answers_of_their_own(acme: Tenant, globex: Tenant, counted: Counted) -> None:
    assert [counted.asked(acme), counted.asked(globex)] == [1, 2]
    with tenant_context(globex):
        Trigger.objects.update(is_active=False)
    assert [counted.asked(acme), counted.asked(globex), counted.asked(acme)] == [1, 3, 1]


def test_outside_of_a_batch_nothing_is_kept(acme: Tenant, counted: Counted) -> None:
    counted.asked(acme)
    with tenant_context(acme):
        assert [configured("counted", counted) for _ in range(2)] == [2, 3]


def test_within_a_batch_the_configuration_stays(acme: Tenant, counted: Counted, migrator: psycopg.Connection) -> None:
    with tenant_context(acme), remembering():
        assert current_tenant().name == "Acme"
        migrator.execute("UPDATE tenancy_tenant SET name = 'Other' WHERE id = %s", [acme.pk])
        assert current_tenant().name == "Acme"
    with tenant_context(acme), remembering():
        assert current_tenant().name == "Other"


def test_only_so_many_tenants_are_kept(
    acme: Tenant, globex: Tenant, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TENANTS", 1)
    assert [counted.asked(tenant) for tenant in (acme, acme, globex, acme)] == [1, 1, 2, 3]
    assert len(module._kept) == 1


def test_the_edition_is_one_statement(acme: Tenant, django_assert_num_queries: Callable[[int], Any]) -> None:
    with tenant_context(acme), django_assert_num_queries(1):
        edition(acme.pk)
