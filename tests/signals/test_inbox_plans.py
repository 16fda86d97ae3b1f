"""The orders of the inbox and the counts of the triggers find their index under row level security, as the app's role.

Tables of a test are small and never analysed, so reading and sorting them whole is made dear. `make bench ONLY=pages`
asks for these pages at size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bench.large import plan_nodes
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.inbox.query import BY_ACCOUNT, BY_SEVERITY, SNOOZED, InboxQuery, grouped_page, inbox_page, matching
from signals.models import SEVERE, Signal, Trigger
from signals.trigger_page import counts_of
from tests.world import make_account

pytestmark = pytest.mark.django_db


def some_signals() -> None:
    account, trigger = make_account(), Trigger.objects.get(key="data-export")
    Signal.objects.bulk_create(
        [
            Signal(
                account=account, trigger=trigger, trigger_version=1, dedupe_key=str(n), severity=SEVERE[n % 4],
                sentence=f"Signal {n}", occurred_at=timezone.now(),
            )
            for n in range(40)
        ]
    )  # fmt: skip


def cursor_after(query: InboxQuery, size: int) -> InboxQuery:
    cursor = inbox_page(query, size=size).next_cursor
    assert cursor
    return InboxQuery(sort=query.sort, cursor=cursor)


SEVERELY = InboxQuery(sort=BY_SEVERITY)
PAGES: dict[str, tuple[Callable[[], object], str]] = {
    "newest first": (lambda: inbox_page(InboxQuery()), "signal_inbox"),
    "most severe first": (lambda: inbox_page(SEVERELY), "signal_severe"),
    "the most severe, further on": (lambda: inbox_page(cursor_after(SEVERELY, 15)), "signal_severe"),
    "by account": (lambda: grouped_page(InboxQuery(group=BY_ACCOUNT)), "signal_account_open"),
    "snoozed": (lambda: matching(InboxQuery(status=SNOOZED)), "signal_snoozed"),
    "the triggers' counts": (counts_of, "signal_trigger_count"),
}


@pytest.mark.parametrize("name", PAGES)
def test_each_order_walks_its_index_and_sorts_nothing(acme: Tenant, name: str) -> None:
    page, index = PAGES[name]
    with tenant_context(acme):
        some_signals()
        with connection.cursor() as cursor:
            for switch in ("enable_seqscan", "enable_bitmapscan", "enable_hashagg", "enable_hashjoin"):
                cursor.execute(f"SET LOCAL {switch} = off")
            cursor.execute("SET LOCAL enable_sort = off")
        nodes: list[dict[str, Any]] = plan_nodes(page)
    assert index in {node.get("Index Name") for node in nodes}
    assert "signals_signal" not in {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}


def test_walking_by_severity_meets_every_signal_once_in_its_order(acme: Tenant) -> None:
    with tenant_context(acme):
        some_signals()
        found, query = [], SEVERELY
        while True:
            page = inbox_page(query, size=7)
            found += [(SEVERE.index(row.severity), row.recorded_at, row.pk) for row in page.rows]
            if not page.next_cursor:
                break
            query = InboxQuery(sort=BY_SEVERITY, cursor=page.next_cursor)
        assert len({pk for _, _, pk in found}) == 40
        assert found == sorted(found, key=lambda row: (row[0], -row[1].timestamp(), -row[2].int))
