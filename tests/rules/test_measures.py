"""What measures say equals what counting the rows by hand says, of today and of any day gone by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account, ContactRole, ContactStatus
from hub.feedback.models import SurveyResponse, Ticket
from hub.registry.facts import facts, known_facts
from hub.registry.measures import measures
from hub.revenue.models import Invoice, Payment
from hub.rules.compile import Clock, expression
from hub.rules.language import parse
from hub.rules.reading import read_facts, read_rule, read_rules, true_rules
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import ActiveUserDaily, UsageDaily
from signals.catalogue import SHIPPED
from tests.world import make_account, make_contact

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 31)
CLOCK = Clock(datetime(2026, 3, 31, 9, tzinfo=UTC), TODAY)
EVENTS = ("Report made", "Export")
database = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Days ago (0 = today, negative = future), event, user → count.
ROWS = st.lists(
    st.tuples(st.integers(-3, 40), st.sampled_from(EVENTS), st.sampled_from("ab"), st.integers(1, 9)), max_size=12
)


def at(ago: int) -> datetime:
    return datetime(2026, 3, 31, 15, tzinfo=UTC) - timedelta(days=ago)


def value(account: Account, name: str, clock: Clock = CLOCK, **given: Any) -> Any:
    fact = measures.get(name).fact(given)
    found = read_facts({"it": fact}, [account.pk], clock)[account.pk]["it"]
    return float(found) if isinstance(found, Decimal) else found


def tenant_of(account: Account) -> UUID:
    assert account.tenant_id
    return account.tenant_id


def fill(account: Account, rows: Sequence[tuple[int, str, str, int]]) -> None:
    UsageDaily.objects.all().delete()
    ActiveUserDaily.objects.all().delete()
    daily: dict[tuple[date, str], int] = {}
    for ago, event, _, count in rows:
        key = (TODAY - timedelta(days=ago), event)
        daily[key] = daily.get(key, 0) + count
    UsageDaily.objects.bulk_create(
        [UsageDaily(account=account, day=day, name=name, count=count) for (day, name), count in daily.items()]
    )
    active = {(TODAY - timedelta(days=ago), user) for ago, _, user, _ in rows}
    ActiveUserDaily.objects.bulk_create([ActiveUserDaily(account=account, day=d, user_key=u) for d, u in active])


@pytest.mark.slow
@database
@given(ROWS, st.integers(1, 20), st.integers(0, 15), st.sampled_from(("", *EVENTS)))
def test_use_is_counted_as_by_hand_on_every_day(
    tracked: Account, rows: list[tuple[int, str, str, int]], days: int, ago: int, event: str
) -> None:
    with tenant_context(tenant_of(tracked)):
        fill(tracked, rows)
        clock = replace(CLOCK, today=TODAY - timedelta(days=ago), past=bool(ago))

        def seen(back: int, name: str = event) -> list[tuple[int, str, str, int]]:
            low = ago + back * days
            return [row for row in rows if low <= row[0] < low + days and name in ("", row[1])]

        def asked(name: str, **given: Any) -> Any:
            return value(tracked, name, clock, days=days, **given)

        def change(now: int, before: int) -> Any:
            return None if before == 0 else pytest.approx(100 * now / before - 100)

        def total(found: Sequence[tuple[int, str, str, int]]) -> int:
            return sum(count for *_, count in found)

        assert asked("uses", event=event) == total(seen(0))
        assert asked("use_days", event=event) == len({row[0] for row in seen(0)})
        assert asked("events_used") == len({row[1] for row in seen(0, "")})
        assert asked("users") == len({row[2] for row in seen(0, "")})
        assert asked("uses_change", event=event) == change(total(seen(0)), total(seen(1)))
        users = [len({row[2] for row in seen(back, "")}) for back in (0, 1)]
        assert asked("users_change") == change(*users)
        whole = total(seen(0, ""))
        top = max((total(seen(0, name)) for name in EVENTS), default=0)
        assert asked("top_event_share") == (pytest.approx(100 * top / whole) if whole else None)
        known = [row[0] for row in rows if row[1] == EVENTS[0] and row[0] >= ago]
        first = TODAY - timedelta(days=max(known)) if known else None
        assert value(tracked, "first_use", clock, event=EVENTS[0]) == first


@pytest.fixture
def tracked(acme: Tenant) -> Account:
    with tenant_context(acme):
        account = make_account()
        make_account("Other")
        facts_refresh([account.pk], today=TODAY)
    return account


WINDOWS = st.lists(
    st.tuples(
        st.sampled_from(("uses", "use_days", "events_used", "users", "uses_change", "users_change", "top_event_share")),
        st.integers(1, 20),
        st.integers(0, 5),
    ),
    min_size=2,
    max_size=12,
)


@database
@given(ROWS, WINDOWS)
def test_many_windows_read_at_once_say_what_each_says_alone(
    tracked: Account, rows: list[tuple[int, str, str, int]], windows: list[tuple[str, int, int]]
) -> None:
    with tenant_context(tracked.tenant):
        fill(tracked, rows)
        asked = [measures.get(name).fact({"days": days}).days_ago(ago) for name, days, ago in windows]
        together = read_facts({fact.name: fact for fact in asked}, [tracked.pk], CLOCK)[tracked.pk]
        for fact in asked:
            # By its own query, as a search among all accounts asks it.
            sql, params = expression(fact, CLOCK)
            with connection.cursor() as cursor:
                statement = f"SELECT {sql} FROM accounts_account a WHERE a.tenant_id = %s AND a.id = %s"
                cursor.execute(statement, [*params, tenant_of(tracked), tracked.pk])
                assert cursor.fetchone() == (together[fact.name],)


@pytest.mark.slow
@database
@given(ROWS)
def test_what_is_true_is_the_same_whether_rules_are_asked_together_or_read(
    tracked: Account, rows: list[tuple[int, str, str, int]]
) -> None:
    with tenant_context(tracked.tenant):
        fill(tracked, rows)
        known = known_facts()
        nodes = [parse(shipped.rule, known) for shipped in SHIPPED if shipped.rule != {"all": []}]
        said = true_rules(nodes, [tracked.pk], CLOCK)[tracked.pk]
        read = [readings[0].holds for readings in read_rules([(node, {}) for node in nodes], [tracked.pk], CLOCK)]
        assert [held == "1" for held in said] == read


def test_tickets_and_answers_are_counted_in_their_window(tracked: Account) -> None:
    with tenant_context(tenant_of(tracked)):
        for number, (ago, priority, closed) in enumerate(
            [(0, "urgent", None), (29, "urgent", 3), (30, "urgent", None), (5, "low", None), (-1, "urgent", None)]
        ):
            Ticket.objects.create(
                account=tracked, source="t", external_id=str(number), priority=priority, opened_at=at(ago),
                closed_at=None if closed is None else at(closed), escalated=number == 1,
            )  # fmt: skip
        for number, (ago, kind, score) in enumerate([(1, "nps", 9), (2, "nps", 6), (3, "csat", 2), (95, "nps", 10)]):
            SurveyResponse.objects.create(
                account=tracked, source="t", external_id=str(number), kind=kind, score=score, answered_at=at(ago)
            )
        assert value(tracked, "tickets") == 3
        assert value(tracked, "tickets", priority="urgent") == 2
        assert value(tracked, "tickets", priority="urgent", days=1) == 1
        assert value(tracked, "escalations") == 1
        assert value(tracked, "tickets_standing") == 3
        assert value(tracked, "tickets_standing", priority="urgent") == 2
        past = replace(CLOCK, today=TODAY - timedelta(days=4), past=True)
        # Three days ago it was closed: the day before it stood open still.
        assert value(tracked, "tickets_standing", past, priority="urgent") == 2
        assert (value(tracked, "promoters"), value(tracked, "detractors")) == (1, 1)
        assert value(tracked, "promoters", days=100) == 2
        assert value(tracked, "survey_score", survey="nps") == pytest.approx(7.5)
        assert value(tracked, "survey_score", survey="csat", days=2) is None


def test_money_and_people_are_counted(tracked: Account) -> None:
    with tenant_context(tenant_of(tracked)):
        for number, (status, ago) in enumerate([("failed", 1), ("failed", 40), ("succeeded", 2)]):
            Payment.objects.create(
                account=tracked, source="t", external_id=str(number), status=status, amount_minor=1, currency="EUR",
                occurred_at=at(ago),
            )  # fmt: skip
        for number, late in enumerate([0, 1]):
            Invoice.objects.create(
                account=tracked, source="t", external_id=str(number), total_minor=1, currency="EUR",
                issued_on=TODAY - timedelta(days=40), due_on=TODAY - timedelta(days=10), paid_at=at(10 - late),
            )  # fmt: skip
        champion = make_contact(tracked, "kim@x.example", roles=[ContactRole.CHAMPION])
        champion.created_at, champion.last_seen_at = at(100), at(12)
        champion.save()
        gone = make_contact(tracked, "lee@x.example", roles=[ContactRole.CHAMPION])
        gone.status, gone.left_on = ContactStatus.LEFT, TODAY - timedelta(days=5)
        gone.save()
        assert value(tracked, "payments", status="failed") == 1
        assert value(tracked, "payments", status="failed", days=60) == 2
        assert (value(tracked, "invoices_paid_late"), value(tracked, "invoices_paid_in_time")) == (1, 1)
        assert value(tracked, "months_as_customer") is None
        assert value(tracked, "people", role="champion") == 1
        assert value(tracked, "people", role="admin") == 0
        assert value(tracked, "people_left", role="champion") == 1
        assert value(tracked, "people_left", role="champion", days=5) == 0
        assert value(tracked, "days_unseen", role="champion") == 12
        assert value(tracked, "days_unseen", role="admin") is None


def test_a_rule_over_measures_is_read_with_the_values_it_saw(tracked: Account) -> None:
    with tenant_context(tenant_of(tracked)):
        fill(tracked, [(0, "Export", "a", 4), (1, "Export", "a", 3), (2, "Export", "a", 4)])
        daily = {"fact": "uses", "with": {"event": "Export", "days": 1}, "op": "gte", "value": 3}
        for days, held in ((3, True), (4, False)):
            node = parse({"sustained": daily, "days": days}, known_facts())
            reading = next(r for r in read_rule(node, [tracked.pk], CLOCK))
            assert reading.holds is held
            assert list(reading.values.values()) == [4]


def test_every_measure_can_be_asked_with_what_it_takes_at_least(tracked: Account) -> None:
    given: Mapping[str, Any] = {
        "event": "Export",
        "survey": "nps",
        "status": "failed",
        "trigger": "usage-decline",
        "segment": "at-risk",
    }
    with tenant_context(tenant_of(tracked)):
        for measure in measures:
            needed = {a.name: given[a.name] for a in measure.arguments if a.default is None}
            fact = measure.fact(needed)
            assert fact.label
            assert measure.words(dict(fact.arguments)) == fact.label
            read_facts({"it": fact}, [tracked.pk], CLOCK)
            if measure.dated:
                read_facts({"it": fact.days_ago(3)}, [tracked.pk], CLOCK)


def test_the_documents_table_names_every_measure() -> None:
    text = (Path(__file__).parents[2] / "docs/rules.md").read_text()
    rows = text.split("## Measures")[1].splitlines()
    named = [name for row in rows if row.startswith("| `") for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(measure.name for measure in measures)


def test_no_measure_hides_a_fact() -> None:
    assert not {measure.name for measure in measures} & {fact.name for fact in facts}
