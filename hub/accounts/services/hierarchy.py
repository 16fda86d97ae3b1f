"""Accounts below accounts: who is whose parent, and the figures that roll up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from hub.accounts.models import Account, AttributeEntity, RollupDue
from hub.accounts.selectors import ancestors, levels_below
from hub.accounts.services.locks import facts_touch, facts_touch_free, states_ensure, states_lock
from hub.accounts.services.provenance import RuleBook, Voice, current
from hub.accounts.words import HAND, PARENT, winner, withdraw, words_of
from hub.people.audit import SYSTEM, Actor, audit
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.statements import ask
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


def account_parent_say(
    *, account: Account, parent: Account | None, actor: Actor, source: str = "", as_of: datetime | None = None
) -> bool:
    """`account_parent_set` as the word of a source, or without one as that of the person who acts."""
    voice = Voice(source, as_of) if source else Voice(HAND, by=actor.label[:200] or "somebody")
    moved = account_parent_set(account=account, parent=parent, actor=actor, voice=voice)
    voice.note()
    return moved


@transaction.atomic
def account_parent_decide(account: Account, *, without: str = "") -> bool:
    """Put an account where the word that wins has it, but for what the source `without` says; False when it stays.

    A place that cannot be any more (a circle, an account that is gone) is left to the words: the account stays.
    """
    words = withdraw(account.words, without)
    word = winner(words_of(words, PARENT), RuleBook().of(AttributeEntity.ACCOUNT, PARENT), timezone.now())
    if word is None or word.value == current(account, PARENT):
        return False
    parent = Account.objects.filter(pk=word.value).first() if word.value else None
    if word.value and parent is None:
        return False
    try:
        return account_parent_set(account=account, parent=parent, actor=SYSTEM)
    except HierarchyError:
        return False


def account_parent_set(*, account: Account, parent: Account | None, actor: Actor, voice: Voice | None = None) -> bool:
    """Put an account below another (None: on top); False when it is there already. Raises HierarchyError.

    With a `voice` that is what it says: it is kept in the account's words, and the word that wins is stored; the caller
    writes the conflicts (`Voice.note`). Another's word that wins and cannot be (a circle) changes nothing.

    The locks of the account, of everything above where it was and of everything above where it goes are held while the
    tree is looked at: whatever else could close a circle needs one of them.
    """
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return _parent_set(account, parent, actor, voice)
        except _MovedError:
            continue
    raise HierarchyError("the accounts are being moved by somebody else at this moment: try again")


def _parent_set(given: Account, parent: Account | None, actor: Actor, voice: Voice | None) -> bool:
    wanted = _won(Account.objects.get(pk=given.pk), parent, voice and replace(voice, told={}))
    above = [wanted.pk, *ancestors(wanted.pk)] if wanted else []
    before = ancestors(given.pk)
    states_lock({given.pk, *above, *before})
    if ancestors(given.pk) != before or (wanted and [wanted.pk, *ancestors(wanted.pk)] != above):
        raise _MovedError
    account = Account.objects.get(pk=given.pk)
    words = account.words
    if _won(account, parent, voice) != wanted:
        raise _MovedError
    moves = account.parent_id != (wanted.pk if wanted else None)
    problem = _problem(account.pk, above) if moves else ""
    if problem and wanted == parent:
        raise HierarchyError(problem)
    if moves and not problem:
        _put(account, wanted, actor)
        facts_touch({account.pk, *above, *before})
    elif account.words != words:
        account.save(update_fields=["words"])
    given.parent, given.words = account.parent, account.words
    return moves and not problem


def _won(account: Account, parent: Account | None, voice: Voice | None) -> Account | None:
    """The parent that wins when `voice` says this one; where it lies now when the one that wins is gone."""
    if voice is None:
        return parent
    won = voice.says(account, {PARENT: parent and parent.pk})[PARENT]
    if parent is not None and won == parent.pk:
        return parent
    return Account.objects.filter(pk=won).first() or account.parent if won else None


def _problem(account_id: UUID, above: Sequence[UUID]) -> str:
    """Why an account cannot lie below the first of these; "" when it can."""
    if account_id in above:
        return "an account cannot lie below itself"
    too_deep = above and len(above) + 1 + levels_below(account_id, LEVELS) > LEVELS
    return f"accounts lie at most {LEVELS} levels deep" if too_deep else ""


def _put(account: Account, parent: Account | None, actor: Actor) -> None:
    was, account.parent = account.parent_id, parent
    account.save(update_fields=["parent", "words", "updated_at"])
    audit(actor, "account.parent", account, before=str(was or ""), after=str(account.parent_id or ""))


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
        AND (%(all)s::boolean OR id = ANY(%(ids)s) AND parent_id <> ALL(%(ids)s)) ORDER BY parent_id
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
    if ask(ASK, values):
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
