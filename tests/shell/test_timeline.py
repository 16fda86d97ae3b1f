"""The timeline of an account: narrowed, paged and quick, however long it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connection

from hub.accounts.models import Account, Contact, TimelineEntry
from hub.shell.account_page import VALUES, TimelineQuery, timeline_choices, timeline_entries, timeline_page
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.shell.staff import HTMX, staff
from tests.world import make_account, make_contact, make_tenant

START = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
KINDS, SOURCES = ("ticket", "note", "signal"), ("zendesk", "staff", "")


def fill(account: Account, count: int) -> list[Contact]:
    """Entries an hour apart, their kinds, sources and people in turn; two share each moment."""
    people = [make_contact(account, f"k{n}@x.example", name=f"Kim {n}") for n in range(3)]
    TimelineEntry.objects.bulk_create(
        [
            TimelineEntry(
                account=account,
                kind=KINDS[n % 3],
                source=SOURCES[n % 2],
                contact=people[n % 3] if n % 4 == 0 else None,
                key=f"{account.pk}:{n}",
                title=f"Entry {n}",
                occurred_at=START + timedelta(hours=n // 2),
            )
            for n in range(count)
        ],
        batch_size=2000,
    )
    return people


def walk(account: Account, **asked: Any) -> list[TimelineEntry]:
    seen: list[TimelineEntry] = []
    cursor = ""
    while True:
        page = timeline_page(account.pk, TimelineQuery(**asked, cursor=cursor), ZONE, size=7)
        seen += [row.entry for row in page.rows]
        if page.next_cursor is None:
            return seen
        cursor = page.next_cursor


@pytest.mark.django_db
def test_every_filter_walks_to_the_end_and_meets_each_entry_once(acme: Tenant) -> None:
    with tenant_context(acme):
        account, other = make_account(), make_account("Other")
        people = fill(account, 60)
        fill(other, 9)
        whole = list(TimelineEntry.objects.filter(account=account).order_by("-occurred_at", "-id"))
        asked: list[tuple[dict[str, Any], Any]] = [
            ({}, lambda e: True),
            ({"kind": "note"}, lambda e: e.kind == "note"),
            ({"source": "zendesk"}, lambda e: e.source == "zendesk"),
            ({"person": str(people[1].pk)}, lambda e: e.contact_id == people[1].pk),
            (
                {"first": date(2026, 1, 1), "last": date(2026, 1, 1)},
                lambda e: e.occurred_at < START + timedelta(days=1),
            ),
            ({"kind": "note", "source": "staff"}, lambda e: (e.kind, e.source) == ("note", "staff")),
        ]
        for query, fits in asked:
            expected = [entry.pk for entry in whole if fits(entry)]
            assert [entry.pk for entry in walk(account, **query)] == expected != []
        choices = timeline_choices(account.pk)
    assert [kind.key for kind in choices.kinds] == ["signal", "note", "ticket"]
    assert choices.sources == ["staff", "zendesk"]
    assert {contact.pk for contact in choices.people} == {contact.pk for contact in people}


@pytest.mark.django_db
def test_days_are_those_of_the_tenants_zone(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        fill(account, 2)  # both at midnight UTC
        auckland = ZoneInfo("Pacific/Auckland")
        on_first = TimelineQuery(first=date(2026, 1, 1), last=date(2026, 1, 1))
        assert len(timeline_page(account.pk, on_first, auckland).rows) == 2
        new_york = ZoneInfo("America/New_York")
        assert len(timeline_page(account.pk, on_first, new_york).rows) == 0


@pytest.mark.django_db
def test_the_page_keeps_filters_in_its_address_and_reads_nonsense_as_nothing(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        people = fill(account, 30)
    client, url = staff(acme), f"/t/acme/accounts/{account.pk}/"
    asked = {"kind": "ticket", "source": "zendesk", "person": str(people[0].pk)}
    part = client.get(url, asked, headers=HTMX).text
    assert "Entry 24" in part
    assert "Entry 0" in part
    assert "Entry 3<" not in part
    nonsense = {"person": "x", "first": "soon", "last": "9999-12-31", "cursor": "!!", "kind": "\x00odd"}
    assert client.get(url, nonsense | {"kind": ""}).status_code == 200
    assert "Nothing of this has happened here" in client.get(url, {"source": "nowhere"}).text


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ten_thousand_entries_are_read_by_index_in_as_many_queries_as_ten(
    migrator: psycopg.Connection, django_assert_num_queries: Any
) -> None:
    tenant = make_tenant("acme")
    with tenant_context(tenant):
        short, long = make_account("Short"), make_account("Long")
        fill(short, 10)
        people = fill(long, 10_000)
        others = [make_account(f"Other {n}") for n in range(30)]
        with connection.cursor() as cursor:
            cursor.execute(CROWD, {"tenant": tenant.pk, "ids": [account.pk for account in others]})
    migrator.execute("ANALYZE accounts_timelineentry")
    queries = [
        TimelineQuery(),
        TimelineQuery(kind="note"),
        TimelineQuery(source="zendesk"),
        TimelineQuery(person=str(people[0].pk)),
        TimelineQuery(first=date(2026, 2, 1), last=date(2026, 2, 2)),
    ]
    with tenant_context(tenant):
        for account in (short, long):
            with django_assert_num_queries(3):
                assert timeline_page(account.pk, TimelineQuery(), ZONE).rows
                timeline_choices(account.pk)
        for query in queries:
            sql, params = timeline_entries(long.pk, query, ZONE)[:21].query.sql_with_params()
            plan = explained(sql, params)
            assert "timeline_" in plan, plan
            # In the order of the index: nothing is gathered first and sorted then.
            assert "Sort" not in plan, plan
            assert "Seq Scan" not in plan, plan
        for column in ("kind", "source", "contact_id"):
            values = {"tenant": tenant.pk, "account": long.pk, "most": 50}
            plan = explained(VALUES.format(column=column), values)
            assert "Seq Scan" not in plan, plan
            assert "Sort" not in plan, plan


# What an account's timeline lies among: other accounts', 3,000 entries each.
CROWD = """
INSERT INTO accounts_timelineentry
    (tenant_id, id, account_id, occurred_at, kind, key, title, body, url, source, customer_visible, created_at)
SELECT %(tenant)s, gen_random_uuid(), id, now() - n * interval '1 hour', 'note', id || ':' || n, 'x', '', '', 'staff',
    false, now()
FROM unnest(%(ids)s::uuid[]) AS id, generate_series(1, 3000) AS n ON CONFLICT DO NOTHING
"""


def explained(sql: str, params: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", params)
        return "\n".join(row[0] for row in cursor.fetchall())
