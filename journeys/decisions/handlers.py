"""Which accounts are to be decided about: at once after a signal, otherwise once a day, after their evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from hub.accounts.facts import today_of
from hub.people.audit import SYSTEM
from hub.tenancy.ids import uuid7
from hub.tenancy.remembering import current_tenant
from hub.tenancy.statements import ask
from hub.tenancy.wake import wake
from journeys.decisions.plays import plays_install
from journeys.decisions.queue import QUEUE
from signals.models import Signal

# Where no play is on, nothing is written; an account that was looked at today waits for a signal, or for tomorrow.
MARK: Final = """
INSERT INTO journeys_decisionturn AS t (tenant_id, id, account_id, day, cause, due_at, attempts, error)
SELECT %s::uuid, x.id, x.account_id, %s::date, x.cause, %s::timestamptz, 0, ''
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS x (id, account_id, cause)
WHERE EXISTS (SELECT 1 FROM journeys_play p WHERE p.tenant_id = %s::uuid AND p.is_on AND p.archived_at IS NULL)
ORDER BY x.account_id
ON CONFLICT (tenant_id, account_id) DO UPDATE
SET day = excluded.day, cause = excluded.cause, due_at = excluded.due_at, attempts = 0
WHERE t.day < excluded.day OR %s::boolean
RETURNING t.account_id
"""


def on_signals_recorded(tenant_id: UUID, signal_ids: Sequence[UUID]) -> None:
    """Look at the accounts of new signals; of several at one account the latest is the cause."""
    rows = Signal.objects.filter(pk__in=list(signal_ids)).order_by("recorded_at", "id")
    causes = {account: f"signal:{pk}" for pk, account in rows.values_list("pk", "account_id")}
    mark(tenant_id, causes, at_once=True)


def on_evaluated(tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    """The daily look: with the first evaluation of an account's day."""
    mark(tenant_id, dict.fromkeys(account_ids, "day"), at_once=False)


def mark(tenant_id: UUID, causes: dict[UUID, str], *, at_once: bool) -> int:
    """Have accounts decided about, whose locks the caller holds; returns how many. ``at_once``: also a second time on
    one day."""
    if not causes:
        return 0
    now, accounts = timezone.now(), sorted(causes)
    today = today_of(current_tenant(), now)
    values: list[Any] = [tenant_id, today, now, [uuid7() for _ in accounts], accounts, [causes[pk] for pk in accounts]]
    marked = ask(MARK, [*values, tenant_id, at_once])
    if marked:
        wake(QUEUE)
    return len(marked)


def on_tenant_made(tenant_id: UUID, ids: Sequence[UUID]) -> None:
    """A new tenant begins with the plays that ship; each asks first."""
    plays_install(actor=SYSTEM)
