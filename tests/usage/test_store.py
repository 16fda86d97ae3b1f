"""The event store as programs of ours use it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import msgspec
import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.models import AccountState
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import NUMBERED_ID, uuid7_stem
from hub.tenancy.models import Tenant
from hub.usage.models import ActiveUserDaily, Event, UsageDaily
from hub.usage.rows import EventRow
from hub.usage.store import events_store, write_events
from tests.world import make_account

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMESPACE = UUID(int=7)


def row(account_id: UUID, number: int, day: int, name: str, quantity: int = 1, historical: bool = False) -> EventRow:
    at = START + timedelta(days=day)
    return EventRow(
        id=uuid5(NAMESPACE, f"{account_id} {number}").hex,
        day=at.date(),
        kind="track",
        name=name,
        occurred_at=at,
        received_at=at,
        message_id=str(number),
        source="test",
        account_id=account_id,
        user_key="u1",
        quantity=quantity,
        historical=historical,
    )


events = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 3), st.sampled_from("ab"), st.integers(1, 9)), max_size=40
)


@given(first=events, second=events)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rollups_are_the_sum_of_distinct_events(
    acme: Tenant, first: list[tuple[int, int, str, int]], second: list[tuple[int, int, str, int]]
) -> None:
    with tenant_context(acme):
        account = make_account(str(uuid5(NAMESPACE, repr((first, second)))))
    # The same id names the same event.
    known: dict[int, tuple[int, str, int]] = {}
    for number, *rest in [*first, *second]:
        known.setdefault(number, (rest[0], rest[1], rest[2]))  # type: ignore[arg-type]  # unpacking loses the types
    expected: Counter[tuple[date, str]] = Counter()
    for day, name, quantity in known.values():
        expected[(START + timedelta(days=day)).date(), name] += quantity
    batches = [[row(account.pk, number, *known[number]) for number, *_ in batch] for batch in (first, second)]
    new = sum(write_events(acme, batch).new for batch in batches)
    assert write_events(acme, [each for batch in batches for each in batch]).new == 0
    with tenant_context(acme):
        daily = UsageDaily.objects.filter(account=account)
        assert {(entry.day, entry.name): entry.count for entry in daily} == expected
        days = set(ActiveUserDaily.objects.filter(account=account).values_list("day", flat=True))
    assert new == len(known)
    assert days == {day for day, _ in expected}


def test_only_live_events_mark_the_account(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        AccountState.objects.update(dirty_at=None)
    write_events(acme, [row(account.pk, 1, 0, "a", historical=True)])
    with tenant_context(acme):
        assert AccountState.objects.get().dirty_at is None
    stored = write_events(acme, [row(account.pk, 2, 0, "a")])
    assert (stored.new, stored.account_ids) == (1, frozenset([account.pk]))
    with tenant_context(acme):
        assert AccountState.objects.get().dirty_at is not None


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
properties = st.dictionaries(texts, st.one_of(texts, st.integers(-(2**53), 2**53), st.none(), st.lists(texts)))


@given(
    names=st.tuples(texts, texts, texts), values=properties, at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1))
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_an_event_says_is_read_again_as_it_was_said(
    acme: Tenant, names: tuple[str, str, str], values: dict[str, object], at: datetime
) -> None:
    user, group, name = names
    when = at.replace(tzinfo=UTC)
    event = EventRow(
        id=uuid5(NAMESPACE, repr((names, values, at))).hex,
        day=timezone.now().date(),
        kind="track",
        name=name,
        occurred_at=when,
        received_at=timezone.now(),
        message_id=f"{name}{user}",
        source=group,
        user_key=user,
        group_key=group,
        properties=values,
    )
    write_events(acme, [event])
    with tenant_context(acme):
        found = {
            (e.user_key, e.group_key, e.name, e.occurred_at, json.dumps(e.properties, sort_keys=True))
            for e in events_store().latest(100)
        }
    assert (user, group, name, when, json.dumps(values, sort_keys=True)) in found


def test_rows_of_several_tenants_are_each_their_own(acme: Tenant, globex: Tenant) -> None:
    """With and without an account, of many days, history and not: every column of every row is its own."""
    accounts: dict[Tenant, UUID] = {}
    for tenant in (acme, globex):
        with tenant_context(tenant):
            accounts[tenant] = make_account().pk
    days = [date(1999, 12, 31), date(2000, 1, 1), START.date()]
    rows = {
        tenant.pk: [
            EventRow(
                id=uuid5(NAMESPACE, f"{tenant.pk} {number}").hex,
                day=days[number % 3],
                kind=("track", "page", "identify")[number % 3],
                name=f"n{number % 2}",
                occurred_at=datetime.combine(days[number % 3], datetime.min.time(), UTC)
                - timedelta(microseconds=number),
                received_at=START,
                message_id=f"{tenant.slug}-{number}",
                source=("a", "b")[number % 2],
                account_id=None if number % 4 == 3 else accounts[tenant],
                user_key="ü" * (number % 5),
                group_key="g" * (number % 3),
                quantity=number - 3,
                historical=number % 2 == 1,
                properties={"n": number} if number else msgspec.UNSET,
            )
            for number in range(12)
        ]
        for tenant in (acme, globex)
    }
    events_store().prepare(days)
    with transaction.atomic():
        told = events_store().append(rows)
    assert {tenant_id: stored.new for tenant_id, stored in told.items()} == {acme.pk: 12, globex.pk: 12}
    for tenant in (acme, globex):
        with tenant_context(tenant):
            names = [field for field in EventRow.__struct_fields__ if field != "look_back"]
            found = {event["id"].hex: event for event in Event.objects.filter(tenant=tenant).values(*names)}
            expected = {row.id: msgspec.structs.asdict(row) for row in rows[tenant.pk]}
            for row in expected.values():
                row["properties"] = {} if row["properties"] is msgspec.UNSET else row["properties"]
                del row["look_back"]
            assert {pk: event | {"id": pk} for pk, event in found.items()} == expected
            used = {(daily.day.isoformat(), daily.name): daily.count for daily in UsageDaily.objects.all()}
            assert used == {("1999-12-31", "n0"): -3, ("1999-12-30", "n0"): 3, ("1999-12-30", "n1"): 6}


def test_ids_that_a_statement_numbers_are_new_each_time(acme: Tenant) -> None:
    made: set[UUID] = set()
    with tenant_context(acme), connection.cursor() as cursor:
        for _ in range(50):
            cursor.execute(f"SELECT {NUMBERED_ID} FROM generate_series(1, 20)", {"stem": uuid7_stem()})
            made |= {pk for (pk,) in cursor.fetchall()}
    assert len(made) == 1_000
    assert {pk.version for pk in made} == {7}
