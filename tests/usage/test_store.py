"""The event store as programs of ours use it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.models import AccountState
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.copying import EventRow
from hub.usage.models import ActiveUserDaily, UsageDaily
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
