"""Accounts below accounts: who is whose parent, and the figures that roll up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from hub.accounts.models import Account, RollupDue
from hub.accounts.selectors import ancestors, levels_below
from hub.accounts.services.locks import facts_touch, facts_touch_free, states_ensure, states_lock
from hub.people.audit import Actor, audit
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake

LEVELS: Final = 6
ROLLUPS: Final = {"mrr": "MRR", "usage": "Uses in 30 days", "tickets": "Open tickets"}
QUEUE: Final = "rollup"
BATCH: Final = 200
AGAIN: Final = timedelta(seconds=2)
TRIES: Final = 5


class HierarchyError(ValueError):
    """A parent that cannot be: the account itself, one below it, or one that makes the tree too deep."""


class _MovedError(Exception):
    """The tree changed while its locks were awaited."""


def account_parent_set(*, account: Account, parent: Account | None, actor: Actor) -> bool:
    """Put an account below another (None: on top); False when it is there already. Raises HierarchyError.

    The locks of the account, of everything above where it was and of everything above where it goes are held while the
    tree is looked at: whatever else could close a circle needs one of them.
    """
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return _parent_set(account.pk, parent, actor)
        except _MovedError:
            continue
    raise HierarchyError("the accounts are being moved by somebody else at this moment: try again")


def _parent_set(account_id: UUID, parent: Account | None, actor: Actor) -> bool:
    above = [parent.pk, *ancestors(parent.pk)] if parent else []
    before = ancestors(account_id)
    states_lock({account_id, *above, *before})
    if ancestors(account_id) != before or (parent and [parent.pk, *ancestors(parent.pk)] != above):
        raise _MovedError
    account = Account.objects.get(pk=account_id)
    if account.parent_id == (parent.pk if parent else None):
        return False
    if account_id in above:
        raise HierarchyError("an account cannot lie below itself")
    if len(above) + 1 + levels_below(account_id, LEVELS) > LEVELS:
        raise HierarchyError(f"accounts lie at most {LEVELS} levels deep")
    was, account.parent = account.parent_id, parent
    account.save(update_fields=["parent", "updated_at"])
    audit(actor, "account.parent", account, before=str(was or ""), after=str(account.parent_id or ""))
    facts_touch({account_id, *above, *before})
    return True


def rollup_rule(tenant: Tenant) -> list[str]:
    """Which figures of accounts below count towards those above; all of them until the tenant says otherwise."""
    asked = tenant.settings.get("rollup")
    return [name for name in ROLLUPS if name in asked] if isinstance(asked, list) else list(ROLLUPS)


@transaction.atomic
def rollup_rule_set(*, tenant: Tenant, figures: Sequence[str], actor: Actor) -> None:
    """Say which figures roll up; every account with others below it is counted anew. Raises HierarchyError."""
    if unknown := set(figures) - set(ROLLUPS):
        raise HierarchyError(f"unknown figure {', '.join(sorted(unknown))}: any of {', '.join(ROLLUPS)}")
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    before = rollup_rule(row)
    row.settings = {**row.settings, "rollup": [name for name in ROLLUPS if name in figures]}
    row.save(update_fields=["settings"])
    audit(actor, "rollup.rule", None, before=before, after=row.settings["rollup"])
    rollup_ask(None)


ASK = """
INSERT INTO accounts_rollupdue (tenant_id, id, account_id, asked_at)
SELECT %(tenant)s, gen_random_uuid(), parent_id, %(now)s::timestamptz
FROM (
    SELECT DISTINCT parent_id FROM accounts_account
    WHERE tenant_id = %(tenant)s AND parent_id IS NOT NULL
        AND (%(all)s OR id = ANY(%(ids)s) AND parent_id <> ALL(%(ids)s)) ORDER BY parent_id
) parents
ON CONFLICT (tenant_id, account_id) DO UPDATE SET asked_at = excluded.asked_at
RETURNING 1
"""


def rollup_ask(account_ids: Sequence[UUID] | None) -> None:
    """Ask for the figures of the accounts right above these (None: of all that have any below) to be counted anew.

    The row stays locked until the caller commits, so nobody counts before the figures below can be seen.
    """
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "now": timezone.now(),
        "ids": list(account_ids or []),
        "all": account_ids is None,
    }
    with connection.cursor() as cursor:
        cursor.execute(ASK, values)
        asked = cursor.fetchone()
    if asked:
        wake(QUEUE)


def backlog() -> datetime | None:
    oldest: datetime | None = RollupDue.objects.aggregate(at=Min("asked_at"))["at"]
    return oldest


def drain(tenant_id: UUID) -> datetime | None:
    """Mark the accounts that wait as changed, a batch a transaction; those that somebody holds come again soon."""
    while True:
        with tenant_context(tenant_id):
            due = RollupDue.objects.select_for_update(skip_locked=True).order_by("account_id")[:BATCH]
            ids = [row.account_id for row in due]
            states_ensure(ids)
            # Without waiting: who holds an account may be waiting for one of these rows.
            held = facts_touch_free({tenant_id: ids}, at=timezone.now()).get(tenant_id, set())
            RollupDue.objects.filter(account_id__in=set(ids) - held).delete()
            if held or not ids:
                return timezone.now() + AGAIN if RollupDue.objects.exists() else None
