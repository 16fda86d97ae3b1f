"""The plan of a quarter: figures then and now, an owner on each side, commitments that are carried over, history."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Account, AccountFacts
from hub.outbound.exports.services import export_start
from hub.people.models import AuditEvent
from hub.registry.exports import export_lists
from hub.revenue.models import ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from metrics.planning.figures import Figures, figures_of
from metrics.planning.models import Commitment, Focus
from metrics.planning.quarters import Quarter
from metrics.planning.services import (
    PlanError,
    commitment_add,
    commitment_tick,
    focus_add,
    focus_change,
    focus_drop,
    quarter_close,
)
from signals.engine import evaluate_accounts
from signals.segments.models import Segment, SegmentMember
from signals.segments.services import segment_archive, segment_create
from tests.rest.test_rest import api_of
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_member

TODAY = timezone.localdate()
NOW = Quarter.of(TODAY)
EVERY: dict[str, Any] = {"fact": "seats", "op": "gte", "value": 1}


@given(st.dates(date(2001, 1, 1), date(2198, 12, 31)), st.integers(-8, 8))
def test_a_day_lies_in_its_quarter_and_quarters_follow_one_another(day: date, steps: int) -> None:
    quarter = Quarter.of(day)
    assert quarter.first_day <= day <= quarter.last_day
    assert quarter.after().first_day == quarter.last_day + timedelta(days=1)
    assert quarter.after(steps).after(-steps) == quarter
    assert Quarter.read(str(quarter)) == quarter


@pytest.mark.parametrize("text", ["", "2026", "2026Q5", "2026Q0", "26Q1", "2026Q1 ", "٢٠٢٦Q1", "9999Q1", "2026q1"])
def test_what_is_no_quarter_is_none(text: str) -> None:
    assert Quarter.read(text) is None


def grown(name: str, before: int, now: int, band: str = "") -> Account:
    """An account whose MRR was one thing fifteen months ago and is another today."""
    account = make_account(name)
    for key, mrr, starts, ends in (("a", before, -450, -200), ("b", now, -200, None)):
        if mrr:
            ContractLine.objects.create(
                account=account, source="t", external_id=f"{name}{key}", mrr_minor=mrr, currency="USD",
                starts_on=TODAY + timedelta(days=starts), ends_on=ends and TODAY + timedelta(days=ends),
            )  # fmt: skip
    AccountFacts.objects.update_or_create(account=account, defaults={"mrr_minor": now, "health_band": band})
    return account


def grouped(*accounts: Account, name: str = "All") -> Segment:
    segment = segment_create(name=name, rule=EVERY, user=None, actor=ACTOR)
    SegmentMember.objects.filter(segment=segment).delete()
    SegmentMember.objects.bulk_create(
        [SegmentMember(segment=segment, account=account, joined_on=TODAY) for account in accounts]
    )
    return segment


def planned(segment: Segment, quarter: Quarter = NOW, **more: Any) -> Focus:
    kept: dict[str, Any] = {"priority": "expansion", "cs_owner": None, "marketing_owner": None, "target": "Ten more"}
    return focus_add(quarter=quarter, segment=segment, actor=ACTOR, **(kept | more))


@pytest.mark.django_db
def test_the_figures_of_a_segment_are_those_of_its_members_now(acme: Tenant) -> None:
    with tenant_context(acme):
        more, less = grown("More", 1_000, 1_500, "green"), grown("Less", 1_000, 500, "red")
        gone, new = grown("Gone", 1_000, 0), grown("New", 0, 700, "yellow")
        segment, empty = grouped(more, less, gone, new), grouped(name="Empty")
        outside = grown("Outside", 1_000, 9_000)
        SegmentMember.objects.create(segment=segment, account=outside, joined_on=TODAY, left_on=TODAY)
        found = figures_of([segment.pk, empty.pk], TODAY)
        assert found[segment.pk] == Figures(TODAY.isoformat(), 4, 12 * 2_700, 1, 1, 1, 1, round(2_000 / 3_000, 6))
        assert found[empty.pk] == Figures(TODAY.isoformat())
        assert Figures.read(found[segment.pk].stored()) == found[segment.pk]


@pytest.mark.django_db
def test_a_segment_of_many_accounts_is_planned_once_they_are_counted(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_context(acme):
        account = grown("A", 1_000, 1_000)
        Account.objects.filter(pk=account.pk).update(seats=3)
        at_once = segment_create(name="Few", rule=EVERY, user=None, actor=ACTOR)
        assert planned(at_once).start["accounts"] == 1
        monkeypatch.setattr("signals.segments.services.AT_ONCE", 0)
        segment = segment_create(name="Many", rule=EVERY, user=None, actor=ACTOR)
        with pytest.raises(PlanError, match="being counted for the first time"):
            planned(segment)
        evaluate_accounts(acme, [account.pk])
        assert planned(segment).start["accounts"] == 1


@pytest.mark.django_db
def test_the_figures_at_the_start_stay_and_those_of_now_follow(acme: Tenant) -> None:
    with tenant_context(acme):
        account = grown("A", 1_000, 1_000)
        segment = grouped(account)
        planned(segment)
        SegmentMember.objects.create(segment=segment, account=grown("B", 0, 500), joined_on=TODAY)
    text = staff(acme).get("/t/acme/metrics/planning/").text
    assert "Ten more" in text
    rows = [text[at:].split("</tr>")[0] for at in (text.index("<td>Planned"), text.index("<td>Now</td>"))]
    assert [('data-label="Accounts">1<' in rows[0]), ('data-label="Accounts">2<' in rows[1])] == [True, True]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"priority": "luck"}, "choose a priority"),
        ({"target": " \x00"}, "say what is to be reached"),
        ({"cs_owner": uuid4()}, "somebody who works here"),
        ({"quarter": NOW.after(5)}, "a plan is made for"),
        ({"quarter": NOW.after(-2)}, "a plan is made for"),
    ],
)
def test_a_plan_that_cannot_be(acme: Tenant, more: dict[str, Any], words: str) -> None:
    with tenant_context(acme), pytest.raises(PlanError, match=words):
        planned(grouped(), **more)


@pytest.mark.django_db
def test_a_segment_is_planned_once_a_quarter_and_by_people_of_the_tenant(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex):
        stranger = make_member(globex).user
    with tenant_context(acme):
        csm, marketer = make_member(acme).user, make_member(acme, "marketer").user
        segment = grouped()
        focus = planned(segment, cs_owner=csm.pk, marketing_owner=marketer.pk)
        with pytest.raises(PlanError, match="in the plan of this quarter already"):
            planned(segment)
        with pytest.raises(PlanError, match="somebody who works here"):
            planned(grouped(name="Other"), marketing_owner=stranger.pk)
        kept: dict[str, Any] = {"priority": "at_risk", "cs_owner": None, "marketing_owner": None, "note": "n"}
        changed = focus_change(focus=focus, target="Nine", actor=ACTOR, **kept)
        assert (changed.priority, changed.cs_owner, changed.target) == ("at_risk", None, "Nine")
        focus_drop(focus=focus, actor=ACTOR)
        with pytest.raises(PlanError, match="not in the plan any more"):
            focus_change(focus=focus, target="Nine", actor=ACTOR, **kept)
        planned(segment)
        put_away = grouped(name="Away")
        segment_archive(segment=put_away, actor=ACTOR)
        put_away.refresh_from_db()
        with pytest.raises(PlanError, match="put away"):
            planned(put_away)
        actions = AuditEvent.objects.filter(action__startswith="plan.").order_by("at").values_list("action", flat=True)
        assert list(actions) == ["plan.add", "plan.change", "plan.drop", "plan.add"]


@pytest.mark.django_db
def test_closing_a_quarter_keeps_its_figures_and_carries_over_what_is_not_done(acme: Tenant) -> None:
    with tenant_context(acme):
        account = grown("A", 1_000, 1_000, "green")
        segment, again = grouped(account), grouped(name="Planned already")
        focus, other = planned(segment), planned(again)
        there = planned(again, NOW.after())
        done = commitment_add(focus=focus, side="cs", text="Call them", due_on=None, actor=ACTOR)
        left = commitment_add(focus=focus, side="marketing", text="Webinar", due_on=TODAY, actor=ACTOR)
        commitment_add(focus=other, side="cs", text="Mail", due_on=None, actor=ACTOR)
        assert commitment_tick(commitment=done, done=True, user=None, actor=ACTOR)
        assert not commitment_tick(commitment=done, done=True, user=None, actor=ACTOR)
        with pytest.raises(PlanError, match="has not begun"):
            quarter_close(quarter=NOW.after(), user=None, actor=ACTOR)
        assert quarter_close(quarter=NOW, user=None, actor=ACTOR) == 2
        for refused in (
            lambda: planned(grouped(name="Late")),
            lambda: commitment_tick(commitment=left, done=True, user=None, actor=ACTOR),
            lambda: commitment_add(focus=focus, side="cs", text="x", due_on=None, actor=ACTOR),
            lambda: quarter_close(quarter=NOW, user=None, actor=ACTOR),
        ):
            with pytest.raises(PlanError, match="is closed"):
                refused()
        SegmentMember.objects.all().delete()
        focus.refresh_from_db()
        assert focus.ended is not None
        assert Figures.read(focus.ended).accounts == 1
        went_on = Focus.objects.get(quarter=str(NOW.after()), segment=segment)
        assert (went_on.carried_from, went_on.target) == (focus, "Ten more")
        carried = Commitment.objects.get(focus=went_on)
        assert (carried.text, carried.due_on, carried.carried_from) == ("Webinar", TODAY, left)
        assert list(there.commitments.values_list("text", flat=True)) == ["Mail"]
        with pytest.raises(PlanError, match="nothing is planned"):
            quarter_close(quarter=NOW.after(-1), user=None, actor=ACTOR)
    client = staff(acme)
    assert "This quarter is closed" in client.get(f"/t/acme/metrics/planning/?quarter={NOW}").text
    text = client.get(f"/t/acme/metrics/planning/?quarter={NOW.after()}").text
    assert "Carried over" in text
    assert "carried over from the quarter before" in text


@pytest.mark.django_db
def test_the_page_plans_promises_ticks_and_says_what_is_wrong(acme: Tenant) -> None:
    cache.clear()
    with tenant_context(acme):
        segment = grouped()
    client, base = staff(acme, "marketer"), "/t/acme/metrics/planning/"
    form = {"quarter": str(NOW), "segment": str(segment.pk), "priority": "at_risk", "target": "Keep them"}
    assert "Nothing is planned" in client.get(base).text
    assert "choose a segment" in client.post(f"{base}add/", form | {"segment": "x"}, follow=True).text
    assert "say what is to be reached" in client.post(f"{base}add/", form | {"target": ""}, follow=True).text
    assert "Keep them" in client.post(f"{base}add/", form, follow=True).text
    with tenant_context(acme):
        focus = Focus.objects.get()
    promise = {"side": "marketing", "text": "Write to all", "due_on": "2026-02-30"}
    assert "written as" in client.post(f"{base}{focus.pk}/commit/", promise, follow=True).text
    promised = client.post(f"{base}{focus.pk}/commit/", promise | {"due_on": "2026-11-30"}, follow=True).text
    assert "Write to all" in promised
    with tenant_context(acme):
        commitment = Commitment.objects.get()
    assert "1 of 1 done" in client.post(f"{base}commitments/{commitment.pk}/", {"done": "1"}, follow=True).text
    assert "0 of 1 done" in client.post(f"{base}commitments/{commitment.pk}/", {"done": "0"}, follow=True).text
    change = form | {"target": "Keep all of them"}
    assert "Keep all of them" in client.post(f"{base}{focus.pk}/", change, follow=True).text
    (row,) = api_of(acme)("GET", f"joint-plans?quarter={NOW}").json()["results"]
    assert (row["segment"], row["target"], row["commitments"][0]["side"]) == ("all", "Keep all of them", "marketing")
    with tenant_context(acme):
        assert export_start(list_key="planning", format="csv", filters={}, actor=ACTOR)
        page = export_lists.get("planning").page({"quarter": str(NOW)}, "", 10)
    assert page.rows[0][:3] == (str(NOW), "All", "At risk")
    dropped = client.post(f"{base}{focus.pk}/", {"do": "drop"}, follow=True).text
    assert "Nothing is planned" in dropped


@pytest.mark.django_db
def test_the_page_asks_as_often_for_eight_segments_as_for_one(acme: Tenant) -> None:
    client, asked = staff(acme), []
    for count in (1, 8):
        with tenant_context(acme):
            for number in range(count):
                focus = planned(grouped(grown(f"A{count}.{number}", 100, 100), name=f"S{count}.{number}"))
                commitment_add(focus=focus, side="cs", text="x", due_on=None, actor=ACTOR)
        client.get("/t/acme/metrics/planning/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/t/acme/metrics/planning/").status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 24
