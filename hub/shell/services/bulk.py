"""Changing many accounts at once: asked for, worked through a batch a transaction, cancelled, undone.

A step holds the change's own row, so two workers never do the same; what a crash interrupts is taken back whole and
done by the next. Which accounts are meant is settled once, when the work begins: a change that takes accounts out of
its own filter still reaches all of them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from hub.accounts.models import Account
from hub.accounts.services import accounts_change_many
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.shell.account_list import AccountQuery, asked
from hub.shell.account_list.reading import accounts_selection
from hub.shell.models import UNDOABLE, UNFINISHED, BulkEdit, BulkEditItem, BulkStatus, ItemStatus
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.wake import wake

log = logging.getLogger(__name__)

QUEUE: Final = "bulk_edit"
BATCH: Final = 500
# So many are changed while somebody waits; more is a worker's.
AT_ONCE: Final = 200
MOST_CHOSEN: Final = 500
SLICE_SECONDS: Final = 15.0
MAX_ATTEMPTS: Final = 5
BACK_OFF: Final = timedelta(seconds=20)


class BulkError(ValueError):
    """A change that cannot be asked for; the message says why."""


@transaction.atomic
def bulk_start(
    *,
    changes: Mapping[str, Any],
    actor: Actor,
    user: User | None = None,
    account_ids: Sequence[UUID] = (),
    query: Mapping[str, str] | None = None,
) -> BulkEdit:
    """Change these accounts, or all that a query of the list leaves. A few are changed before this returns.

    ``changes`` are values of ``owner``, ``segment`` and ``attribute.<key>`` (None takes one away). Raises BulkError;
    RuleError for a query whose rule cannot be read.
    """
    if not changes:
        raise BulkError("choose at least one field to change")
    if query is None and not account_ids:
        raise BulkError("choose at least one account")
    if query is not None:
        asked(AccountQuery.read(query))
    edit: BulkEdit = BulkEdit.objects.create(
        changes=dict(changes),
        query=None if query is None else dict(query),
        asked_by=user,
        asked_label=actor.label,
        due_at=timezone.now(),
    )
    if query is None:
        _choose(edit, account_ids)
    audit(actor, "accounts.bulk_edit", edit, changes=edit.changes, query=edit.query, accounts=edit.total or None)
    if query is None and edit.total <= AT_ONCE:
        while _step(edit):
            pass
    else:
        wake(QUEUE)
    return edit


def _choose(edit: BulkEdit, account_ids: Sequence[UUID]) -> None:
    there = Account.objects.filter(pk__in=list(account_ids)[:MOST_CHOSEN]).values_list("pk", flat=True)
    made = BulkEditItem.objects.bulk_create([BulkEditItem(edit=edit, account_id=pk) for pk in there])
    if not made:
        raise BulkError("none of these accounts is there any more")
    edit.total, edit.status = len(made), BulkStatus.RUNNING
    edit.save(update_fields=["total", "status"])


@transaction.atomic
def bulk_cancel(*, edit: BulkEdit, actor: Actor) -> bool:
    """Stop a change; what is changed by then stays, and can be undone. False when it had ended."""
    stopped = BulkEdit.objects.filter(pk=edit.pk, status__in=(BulkStatus.WAITING, BulkStatus.RUNNING)).update(
        status=BulkStatus.CANCELLED, due_at=None, finished_at=timezone.now()
    )
    if stopped:
        audit(actor, "accounts.bulk_cancel", edit)
    return bool(stopped)


@transaction.atomic
def bulk_undo(*, edit: BulkEdit, actor: Actor) -> bool:
    """Give every account back what it held, where nobody has changed it since. False when there is nothing to undo."""
    begun = BulkEdit.objects.filter(pk=edit.pk, status__in=UNDOABLE, changed__gt=0).update(
        status=BulkStatus.UNDOING, due_at=timezone.now(), finished_at=None, undone=0, kept=0, attempts=0, reason=""
    )
    if not begun:
        return False
    edit.refresh_from_db()
    audit(actor, "accounts.bulk_undo", edit)
    if edit.changed <= AT_ONCE:
        while _step(edit):
            pass
    else:
        wake(QUEUE)
    return True


# --- The worker's part --------------------------------------------------------------------------------------------


def backlog() -> datetime | None:
    earliest: datetime | None = BulkEdit.objects.filter(due_at__isnull=False).aggregate(at=Min("due_at"))["at"]
    return earliest


def drain(tenant_id: UUID) -> datetime | None:
    """Work through what is due until the slice is over; returns when more will be."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and _next(tenant_id):
        pass
    with tenant_context(tenant_id):
        return backlog()


def _next(tenant_id: UUID) -> bool:
    """One step of the change that is due first; False when none is, or another worker has it."""
    failed: tuple[UUID, Exception] | None = None
    try:
        with tenant_context(tenant_id):
            due = BulkEdit.objects.filter(due_at__lte=timezone.now(), status__in=UNFINISHED)
            edit = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "id").first()
            if edit is None:
                return False
            pk = edit.pk
            try:
                with transaction.atomic():
                    _step(edit)
            except Exception as error:
                failed = (pk, error)
                _put_off(edit, error)
    finally:
        if failed:
            log.error("bulk edit %s failed", failed[0], exc_info=failed[1])
    return True


def _put_off(edit: BulkEdit, error: Exception) -> None:
    """Try again later; after some tries say why not. What is done by then stays."""
    reason = f"{type(error).__name__}: {error}"[:300]
    if edit.attempts + 1 < MAX_ATTEMPTS:
        changes = {"attempts": edit.attempts + 1, "reason": reason, "due_at": timezone.now() + BACK_OFF}
    else:
        changes = {"status": BulkStatus.FAILED, "reason": reason, "due_at": None, "finished_at": timezone.now()}
    BulkEdit.objects.filter(pk=edit.pk).update(**changes)


def _step(edit: BulkEdit) -> bool:
    """Collect the accounts, or change the next of them, or give the next back; False when the change has ended."""
    if edit.status == BulkStatus.WAITING:
        _collect(edit)
        return True
    undoing = edit.status == BulkStatus.UNDOING
    wanted = ItemStatus.CHANGED if undoing else ItemStatus.WAITING
    items = {
        item.account_id: item
        for item in BulkEditItem.objects.filter(edit=edit, status=wanted).order_by("account_id")[:BATCH]
    }
    if not items:
        return _end(edit, BulkStatus.UNDONE if undoing else BulkStatus.DONE)
    (_give_back if undoing else _change)(edit, items)
    edit.attempts = 0
    edit.save(update_fields=["changed", "unchanged", "undone", "kept", "attempts"])
    return True


COLLECT = """
INSERT INTO shell_bulkedititem (tenant_id, id, edit_id, account_id, status, before, after)
SELECT %s, gen_random_uuid(), %s, chosen.id, 'waiting', '{{}}', '{{}}' FROM ({0}) chosen
ON CONFLICT (tenant_id, edit_id, account_id) DO NOTHING
"""


def _collect(edit: BulkEdit) -> None:
    chosen = accounts_selection(asked(AccountQuery.read(edit.query or {})))
    with connection.cursor() as cursor:
        cursor.execute(COLLECT.format(chosen.sql), (current_tenant_id(), edit.pk, *chosen.params))
    edit.total = BulkEditItem.objects.filter(edit=edit).count()
    edit.status = BulkStatus.RUNNING
    edit.save(update_fields=["total", "status"])


def _change(edit: BulkEdit, items: Mapping[UUID, BulkEditItem]) -> None:
    told = accounts_change_many(changes=dict.fromkeys(items, edit.changes), label=edit.asked_label)
    for pk, item in items.items():
        item.before, item.after = told.get(pk, ({}, {}))
        item.status = ItemStatus.UNCHANGED if item.before == item.after else ItemStatus.CHANGED
    BulkEditItem.objects.bulk_update(items.values(), ["before", "after", "status"])
    changed = sum(item.status == ItemStatus.CHANGED for item in items.values())
    edit.changed += changed
    edit.unchanged += len(items) - changed


def _give_back(edit: BulkEdit, items: Mapping[UUID, BulkEditItem]) -> None:
    told = accounts_change_many(
        changes={pk: item.before for pk, item in items.items()},
        expected={pk: item.after for pk, item in items.items()},
        label=edit.asked_label,
    )
    for pk, item in items.items():
        back = pk in told and told[pk][1] == item.before
        item.status = ItemStatus.UNDONE if back else ItemStatus.KEPT
    BulkEditItem.objects.bulk_update(items.values(), ["status"])
    undone = sum(item.status == ItemStatus.UNDONE for item in items.values())
    edit.undone += undone
    edit.kept += len(items) - undone


def _end(edit: BulkEdit, status: BulkStatus) -> bool:
    edit.status, edit.due_at, edit.finished_at, edit.reason = status, None, timezone.now(), ""
    edit.save(update_fields=["status", "due_at", "finished_at", "reason"])
    return False
