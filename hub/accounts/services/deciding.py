"""The queue that decides stored values anew, after a rule changed or a source was withdrawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Min
from django.utils import timezone

from hub.accounts.models import Account, AttributeEntity, Contact, DecisionDue, SourceRule, WinKind
from hub.accounts.outgoing import account_told
from hub.accounts.services.attributes import attributes_set_many
from hub.accounts.services.hierarchy import account_parent_decide
from hub.accounts.services.locks import FIGURE_FIELDS, facts_touch, figures_touch, states_lock
from hub.accounts.services.provenance import Row, RuleBook, conflicts_note, current, entity_of, python
from hub.accounts.services.winning import account_id_of, contested, owner_of, rows_of
from hub.accounts.words import ATTRIBUTE, PARENT, Plain, fields_of, same, shared_fields, winner, withdraw, words_of
from hub.tenancy.context import tenant_context

BATCH: Final = 200
AGAIN: Final = timedelta(days=1)


def backlog() -> datetime | None:
    """When something is to be decided: now, or when a person's words may have had their days."""
    if DecisionDue.objects.filter(finished_at__isnull=True).exists():
        return timezone.now()
    dated = SourceRule.objects.filter(kind=WinKind.HAND, hand_days__isnull=False)
    oldest: datetime | None = dated.aggregate(at=Min("decided_at"))["at"]
    return oldest + AGAIN if oldest else None


def drain(tenant_id: UUID) -> datetime | None:
    """Decide what is due, some hundred rows a transaction."""
    with tenant_context(tenant_id):
        _ask_again()
    moved: dict[UUID, bool] = {}
    while True:
        with tenant_context(tenant_id):
            open_ones = DecisionDue.objects.select_for_update(skip_locked=True).filter(finished_at__isnull=True)
            due = open_ones.order_by("asked_at", "id").first()
            if due is None:
                return backlog()
            source = due.source
            if not (displaced := _step(due, moved)):
                moved.clear()
        # Each with the locks of its part of the tree, which could not be taken in their order while others are held.
        for pk in displaced:
            with tenant_context(tenant_id):
                account = Account.objects.filter(pk=pk).first()
                moved[pk] = account is not None and account_parent_decide(account, without=source)


def _ask_again() -> None:
    now = timezone.now()
    rules = SourceRule.objects.select_for_update(skip_locked=True).filter(kind=WinKind.HAND, hand_days__isnull=False)
    for rule in rules.filter(decided_at__lte=now - AGAIN):
        DecisionDue.objects.create(entity=rule.entity, field=rule.field, asked_by="Tandem")
        SourceRule.objects.filter(pk=rule.pk).update(decided_at=now)


def _step(due: DecisionDue, moved: Mapping[UUID, bool]) -> list[UUID]:
    """Decide the next objects; or say which accounts must first be moved to another place of the tree."""
    ids = _withdrawn_from(due) if due.source else _contested_by(due)
    if displaced := [pk for pk in _displaced(due, ids) if pk not in moved]:
        return displaced
    changed = _decide(due, ids, {pk for pk, done in moved.items() if done}) if ids else 0
    due.changed, due.looked_at = due.changed + changed, due.looked_at + len(ids)
    if due.reached is None:
        due.finished_at = timezone.now()
    due.save(update_fields=["changed", "looked_at", "reached", "finished_at"])
    return []


def _displaced(due: DecisionDue, ids: Sequence[UUID]) -> list[UUID]:
    """The accounts that lie elsewhere than where the word that wins has them."""
    if due.entity != AttributeEntity.ACCOUNT or due.field not in ("", PARENT):
        return []
    book = RuleBook()
    rows = rows_of(due.entity, ids).values()
    spoken = [(row, words_of(withdraw(row.words, due.source), PARENT)) for row in rows]
    winners = [(row, winner(found, book.of(due.entity, PARENT), book.now)) for row, found in spoken if found]
    return [row.pk for row, word in winners if word is not None and word.value != current(row, PARENT)]


def _contested_by(due: DecisionDue) -> list[UUID]:
    """The objects of the next contested values; moves `reached` on, to None at the end."""
    live = contested(due.entity, due.field)
    if due.reached:
        live = live.filter(id__gt=due.reached)
    found = list(live.order_by("id")[:BATCH])
    due.reached = found[-1].pk if len(found) == BATCH else None
    return sorted({owner_of(conflict) for conflict in found})


def _withdrawn_from(due: DecisionDue) -> list[UUID]:
    """The next objects of which the source says something; moves `reached` on, to None at the end."""
    model: Any = Account if due.entity == AttributeEntity.ACCOUNT else Contact
    rows = model.objects.order_by("id")
    if due.reached:
        rows = rows.filter(id__gt=due.reached)
    found = list(rows.values_list("id", "words")[: 5 * BATCH])
    due.reached = found[-1][0] if len(found) == 5 * BATCH else None
    return [pk for pk, words in found if due.source in words]


def _decide(due: DecisionDue, ids: Sequence[UUID], moved: Collection[UUID]) -> int:
    """Store the words that win now, of these objects; returns how many objects changed."""
    accounts = {account_id_of(row) for row in rows_of(due.entity, ids).values()}
    states_lock(accounts)
    book = RuleBook()
    told: list[tuple[Row, set[str]]] = []
    rows = rows_of(due.entity, ids)
    changed = set(moved) & set(rows)
    for row in rows.values():
        shared = shared_fields(row.words)
        if due.source:
            row.words = withdraw(row.words, due.source)
        if _store(row, _won(row, book), bool(due.source)):
            changed.add(row.pk)
        told.append((row, shared))
    conflicts_note(told, book)
    facts_touch({account_id_of(rows[pk]) for pk in changed})
    figures_touch([pk for pk in changed if isinstance(rows[pk], Account)], FIGURE_FIELDS)
    for pk in changed:
        if isinstance(account := rows[pk], Account):
            account_told(account, "updated")
    return len(changed)


def _won(row: Row, book: RuleBook) -> dict[str, Plain]:
    """The fields that should hold something else, by the rules; what merely differs in capitals stays."""
    won: dict[str, Plain] = {}
    for name in fields_of(row.words) - {PARENT}:
        word = winner(words_of(row.words, name), book.of(entity_of(row), name), book.now)
        if word is not None and not same(current(row, name) or None, word.value or None):
            won[name] = word.value
    return won


def _store(row: Row, won: Mapping[str, Plain], always: bool) -> bool:
    own = {name.removeprefix(ATTRIBUTE): value for name, value in won.items() if name.startswith(ATTRIBUTE)}
    fields = [name for name in won if not name.startswith(ATTRIBUTE)]
    for name in fields:
        setattr(row, name, python(row, name, won[name]))
    if fields or always:
        row.save(update_fields=[*fields, "words", "updated_at"])
    if own:
        account, contact = (row, None) if isinstance(row, Account) else (row.account, row)
        attributes_set_many([(account, contact, own)], label="rule for sources")
    return bool(won)
