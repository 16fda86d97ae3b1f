"""The set-up guide: steps of every app, each read from what is there, none ticked by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.outbox.models import Message
from hub.people.permissions import PERMISSIONS
from hub.registry.setup import PLAN, SetupState, setup_steps
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from hub.work.models import Task
from journeys.library import BY_KEY
from journeys.library.services import ready_use
from journeys.models import Enrollment, Journey
from journeys.services import journey_publish, journeys_install
from metrics.planning.models import Priority
from metrics.planning.quarters import Quarter
from metrics.planning.services import commitment_add, focus_add
from signals.models import Signal, Trigger
from signals.segments.services import segment_create
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_contact, make_member

GUIDE = ["data-in", "signals", "journeys", "surface", "next-best-action", "renewal", "measure"]
GUIDE_QUERIES = 32


def state(tenant: Tenant, key: str) -> SetupState:
    with tenant_context(tenant):
        return setup_steps.get(key).read()


def test_the_guide_has_its_steps_in_order_and_the_plan_its_five_parts() -> None:
    assert [step.key for step in setup_steps if step.part == "guide"] == GUIDE
    assert {step.part for step in setup_steps} - {"guide"} == set(PLAN)


def test_every_step_leads_somewhere_and_says_who_may() -> None:
    for step in setup_steps:
        assert reverse(step.url_name, kwargs={"tenant": "acme"}), step.key
        assert step.permission in PERMISSIONS, step.key
        assert step.why.endswith("."), step.key


def test_a_new_tenant_has_done_nothing_and_its_today_leads_to_the_guide(acme: Tenant) -> None:
    with tenant_context(acme):
        journeys_install(actor=ACTOR)
    client = staff(acme, "admin")
    page = client.get("/t/acme/set-up/guide/")
    assert [shown.step.key for shown in page.context["steps"] if shown.state.done] == []
    assert [shown.step.key for part in page.context["plan"] for shown in part.steps if shown.state.done] == []
    today = client.get("/t/acme/").text
    assert "/t/acme/set-up/guide/" in today
    assert "Bring in your accounts" in today
    assert "/t/acme/imports/new/" in today


def signal(account: Any, key: str) -> None:
    Signal.objects.create(
        account=account, trigger=Trigger.objects.get(key=key), trigger_version=1, dedupe_key=f"{key}:{account.pk}",
        severity="info", sentence="S", occurred_at=timezone.now(),
    )  # fmt: skip


def test_signals_count_by_their_trigger_and_by_what_they_are_for(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        for key in ("usage-decline", "nps-promoter"):
            signal(account, key)
    found = state(acme, "signals")
    assert (found.reached, found.done) == (2, False)
    assert found.words.endswith("1 for expansion, 1 for retention")
    with tenant_context(acme):
        signal(make_account("Other"), "usage-decline")
    assert not state(acme, "signals").done  # the same trigger again is no third one
    with tenant_context(acme):
        signal(account, "team-growth")
    assert state(acme, "signals").done


def test_journeys_count_when_they_run_and_have_taken_somebody_in(acme: Tenant) -> None:
    with tenant_context(acme):
        journeys_install(actor=ACTOR)
        account = make_account()
        assert state(acme, "journeys").reached == 0
        for journey in Journey.objects.all():
            Enrollment.objects.create(account=account, journey=journey, version=1, node_id="x")
        assert state(acme, "journeys").done
        Journey.objects.update(status="paused")
        assert not state(acme, "journeys").done


def test_a_renewal_journey_has_to_run(acme: Tenant) -> None:
    with tenant_context(acme):
        journey = ready_use(ready=BY_KEY["renewal-90"], actor=ACTOR)
        assert not state(acme, "renewal").done
        journey_publish(journey=journey, graph=BY_KEY["renewal-90"].graph, actor=ACTOR)
        assert state(acme, "renewal").done


def test_a_surface_counts_when_somebody_was_met_on_it(acme: Tenant) -> None:
    with tenant_context(acme):
        contact = make_contact(make_account())
        message = Message.objects.create(
            account=contact.account, contact=contact, key="m", channel="in_hub", message_class="service",
            purpose="service", status="failed",
        )  # fmt: skip
        assert not state(acme, "surface").done
        Message.objects.filter(pk=message.pk).update(status="sent")
        assert state(acme, "surface").words == "customers have been met in their hub"


def test_measuring_as_one_takes_both_sides(acme: Tenant) -> None:
    csm, marketer = make_member(acme, "csm", password=None), make_member(acme, "marketer", password=None)
    with tenant_context(acme):
        segment = segment_create(name="S", rule={"fact": "seats", "op": "gte", "value": 1}, user=None, actor=ACTOR)
        focus = focus_add(
            quarter=Quarter.of(timezone.localdate()), segment=segment, priority=Priority.EXPANSION,
            cs_owner=csm.user_id, marketing_owner=marketer.user_id, target="T", actor=ACTOR,
        )  # fmt: skip
        commitment_add(focus=focus, side="cs", text="Call", due_on=None, actor=ACTOR)
    assert state(acme, "measure").done
    assert state(acme, "commitments").words == "commitments of Customer success"


def test_usage_counts_while_it_flows(acme: Tenant) -> None:
    with tenant_context(acme):
        row = UsageDaily.objects.create(
            account=make_account(), day=timezone.localdate() - timedelta(days=20), name="report", count=1
        )
        assert not state(acme, "usage").done
        UsageDaily.objects.filter(pk=row.pk).update(day=timezone.localdate())
        assert state(acme, "usage").done


@pytest.mark.parametrize(("done", "reached"), [(9, False), (7, True)])
def test_plays_count_once_there_are_enough_to_say_something(acme: Tenant, done: int, reached: bool) -> None:
    now = timezone.now()
    dismissed = 0 if done == 9 else 3
    with tenant_context(acme):
        account = make_account()
        acme.settings = {"tasks": {"completion": 70}}
        acme.save(update_fields=["settings"])
        for number in range(done + dismissed):
            status = "done" if number < done else "dismissed"
            Task.objects.create(account=account, title="T", origin_key=str(number), status=status, closed_at=now)
    assert state(acme, "plays-kept").done is reached


def test_nothing_can_be_ticked_and_a_stranger_sees_nothing(acme: Tenant, globex: Tenant) -> None:
    assert staff(acme, "admin").post("/t/acme/set-up/guide/").status_code == 405
    assert staff(globex, "admin").get("/t/acme/set-up/guide/").status_code == 404


@pytest.mark.parametrize("count", [1, 20])
def test_the_guide_asks_as_often_for_any_number_of_accounts(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with tenant_context(acme):
        for at in range(count):
            signal(make_account(f"A{at}"), "usage-decline")
    client = staff(acme, "leader")
    client.get("/t/acme/set-up/guide/")
    with django_assert_num_queries(GUIDE_QUERIES):
        client.get("/t/acme/set-up/guide/")


def test_the_documents_tell_every_step() -> None:
    told = Path("docs/set-up.md").read_text()
    assert [step.key for step in setup_steps if f"| `{step.key}` | {step.part} |" not in told] == []


def test_what_was_read_is_counted_in_words(acme: Tenant) -> None:
    with tenant_context(acme):
        assert state(acme, "renewal").words == "no renewal journey runs"
        journey = ready_use(ready=BY_KEY["renewal-90"], actor=ACTOR)
        journey_publish(journey=journey, graph=BY_KEY["renewal-90"].graph, actor=ACTOR)
        assert state(acme, "renewal").words == "1 renewal journey runs"


def test_data_is_in_with_the_first_account(acme: Tenant) -> None:
    assert not state(acme, "data-in").done
    with tenant_context(acme):
        make_account()
    assert state(acme, "data-in").done
