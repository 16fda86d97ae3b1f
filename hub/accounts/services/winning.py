"""Rules for which source wins, and what a person sets by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from hub.accounts.models import (
    Account,
    AttributeDefinition,
    AttributeEntity,
    Contact,
    DecisionDue,
    FieldConflict,
    SourceRule,
    WinKind,
)
from hub.accounts.outgoing import account_told
from hub.accounts.services.attributes import attributes_set
from hub.accounts.services.hierarchy import HierarchyError, account_parent_say
from hub.accounts.services.locks import facts_touch, figures_touch, states_lock
from hub.accounts.services.provenance import Row, Voice, current, entity_of, python
from hub.accounts.services.record import ACCOUNT_FIELDS, CONTACT_FIELDS
from hub.accounts.words import (
    ATTRIBUTE,
    HAND,
    PARENT,
    OrderError,
    Plain,
    Rule,
    RuleKind,
    order_checked,
    same,
    winner,
    words_of,
)
from hub.people.audit import Actor, audit
from hub.tenancy.context import current_tenant_id
from hub.tenancy.wake import wake

QUEUE: Final = "decide-sources"
# So many contested values are looked at for a preview; a page must not take longer.
PREVIEWED: Final = 2_000
LONGEST_DAYS: Final = 3_650
FIELDS: Final[Mapping[str, frozenset[str]]] = {
    AttributeEntity.ACCOUNT: ACCOUNT_FIELDS | {"owner_id", PARENT},
    AttributeEntity.CONTACT: CONTACT_FIELDS,
}


class WinningError(ValueError):
    """A rule, a choice or a value that cannot be."""


def fields_known(entity: str) -> list[str]:
    """The fields that sources may speak of, the tenant's own attributes last. One query."""
    keys = AttributeDefinition.objects.filter(entity=entity, archived_at__isnull=True)
    own = keys.order_by("key").values_list("key", flat=True)
    return [*sorted(FIELDS[entity]), *(f"{ATTRIBUTE}{key}" for key in own)]


SOURCES = """
WITH RECURSIVE found (value) AS (
    (SELECT source FROM {table} WHERE tenant_id = %(tenant)s ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT source FROM {table} WHERE tenant_id = %(tenant)s AND source > found.value ORDER BY source LIMIT 1)
    FROM found WHERE found.value IS NOT NULL
) SELECT value FROM found WHERE value IS NOT NULL"""


def sources_known() -> list[str]:
    """The sources that name accounts or contacts, and those that rules name. One step of an index each."""
    found = {source for order in SourceRule.objects.values_list("order", flat=True) for source in order}
    with connection.cursor() as cursor:
        for table in ("accounts_accountexternalid", "accounts_contactexternalid"):
            cursor.execute(SOURCES.format(table=table), {"tenant": current_tenant_id()})
            found |= {source for (source,) in cursor.fetchall()}
    return sorted(found - {HAND, ""})


# --- Rules --------------------------------------------------------------------------------------------------------


def rule_checked(
    *, entity: str, field: str, kind: str, order: Sequence[str] = (), hand_days: int | None = None
) -> Rule:
    """A rule that can be. Raises WinningError with what is wrong."""
    if entity not in AttributeEntity.values:
        raise WinningError("the record has accounts and contacts")
    if field and field not in fields_known(entity):
        raise WinningError(f"there is no field {field}")
    if kind not in WinKind.values:
        raise WinningError("choose how the winner is found")
    if hand_days is not None and not 1 <= hand_days <= LONGEST_DAYS:
        raise WinningError(f"a person's word stays for 1 to {LONGEST_DAYS} days, or for good")
    try:
        checked = order_checked(order, sources_known()) if kind == WinKind.ORDER else ()
    except OrderError as error:
        raise WinningError(str(error)) from None
    return Rule(RuleKind(kind), checked, hand_days if kind == WinKind.HAND else None)


@transaction.atomic
def source_rule_set(
    *, entity: str, field: str, kind: str, order: Sequence[str] = (), hand_days: int | None = None, actor: Actor
) -> SourceRule:
    """Say which source wins for a field ("": all that have no rule of their own); a worker decides what is stored.

    Raises WinningError: unknown field, an order that names a source twice or one that nobody knows, bad days.
    """
    rule = rule_checked(entity=entity, field=field, kind=kind, order=order, hand_days=hand_days)
    row, _ = SourceRule.objects.update_or_create(
        entity=entity,
        field=field,
        defaults={
            "kind": rule.kind,
            "order": list(rule.order),
            "hand_days": rule.hand_days,
            "changed_by": actor.label[:200],
            "changed_at": timezone.now(),
            "decided_at": timezone.now(),
        },
    )
    audit(actor, "source_rule.set", row, entity=entity, field=field, kind=kind, order=list(rule.order), days=hand_days)
    _ask(entity=entity, field=field, actor=actor)
    found: SourceRule = row
    return found


@transaction.atomic
def source_rule_remove(*, rule: SourceRule, actor: Actor) -> None:
    """Forget a rule: the field follows the one for all fields again, and that one *the newest word wins*."""
    audit(actor, "source_rule.remove", rule, entity=rule.entity, field=rule.field)
    _ask(entity=rule.entity, field=rule.field, actor=actor)
    rule.delete()


@transaction.atomic
def source_withdraw(*, source: str, actor: Actor) -> None:
    """Forget what a source said of accounts and contacts; where others said something, theirs is stored.

    A worker does it. Values that only this source gave stay, as values that nobody answers for. Raises WinningError.
    """
    if source not in [*sources_known(), HAND]:
        raise WinningError(f"no source is called {source}")
    audit(actor, "source.withdraw", None, source=source)
    for entity in AttributeEntity.values:
        _ask(entity=entity, source=source, actor=actor)


def _ask(*, entity: str, actor: Actor, field: str = "", source: str = "") -> None:
    DecisionDue.objects.create(entity=entity, field=field, source=source, asked_by=actor.label[:200])
    wake(QUEUE)


@dataclass(frozen=True)
class Preview:
    """How many of the contested values looked at a rule would change; `complete`: there are no more of them."""

    changes: int
    looked_at: int
    complete: bool
    examples: list[tuple[str, str, Plain, Plain]]
    """Of some: whose, the field, the value now, the value then."""


def source_rule_preview(*, entity: str, field: str, rule: Rule) -> Preview:
    """What a rule would change. Two queries; only values that sources disagree about can change."""
    live = contested(entity, field).order_by("id")[: PREVIEWED + 1]
    conflicts = list(live)
    rows = rows_of(entity, {owner_of(conflict) for conflict in conflicts[:PREVIEWED]})
    now, changes = timezone.now(), 0
    examples: list[tuple[str, str, Plain, Plain]] = []
    for conflict in conflicts[:PREVIEWED]:
        row = rows.get(owner_of(conflict))
        word = winner(words_of(row.words, conflict.field), rule, now) if row else None
        if row is None or word is None or same(current(row, conflict.field), word.value):
            continue
        changes += 1
        if len(examples) < 5:
            examples.append((str(row), conflict.field, current(row, conflict.field), word.value))
    return Preview(changes, min(len(conflicts), PREVIEWED), len(conflicts) <= PREVIEWED, examples)


def contested(entity: str, field: str) -> Any:
    """The open conflicts about a field, or about every field that no rule of its own has."""
    live = FieldConflict.objects.filter(entity=entity, closed_at__isnull=True)
    if field:
        return live.filter(field=field)
    own = SourceRule.objects.filter(entity=entity).exclude(field="")
    return live.exclude(field__in=list(own.values_list("field", flat=True)))


def owner_of(conflict: FieldConflict) -> UUID:
    return conflict.contact_id or conflict.account_id


def rows_of(entity: str, ids: Iterable[UUID]) -> dict[UUID, Row]:
    found: dict[UUID, Row] = (Account if entity == AttributeEntity.ACCOUNT else Contact).objects.in_bulk(list(ids))
    return found


# --- By hand ------------------------------------------------------------------------------------------------------


@transaction.atomic
def fields_set_by_hand(*, row: Row, values: Mapping[str, Plain], actor: Actor) -> list[str]:
    """Set fields as a person's word; returns those that a rule gives to a source nevertheless.

    Attributes are named ``attributes.<key>``. Raises WinningError, AttributesError; then nothing is changed.
    """
    if PARENT in values and isinstance(row, Account):
        # Before the account's own lock: the tree takes those of all accounts concerned, in their order.
        _put_below(row, values[PARENT], actor)
    row = _locked(row)
    own = {name.removeprefix(ATTRIBUTE): value for name, value in values.items() if name.startswith(ATTRIBUTE)}
    if own:
        account, contact = (row, None) if isinstance(row, Account) else (row.account, row)
        attributes_set(account=account, contact=contact, values=own, source=HAND, actor=actor)
        row = _locked(row)
    fields = {name: value for name, value in values.items() if not name.startswith(ATTRIBUTE) and name != PARENT}
    if fields:
        _set(row, fields, actor)
    return [name for name, value in values.items() if not _holds(row, name, value)]


def _put_below(account: Account, parent_id: Plain, actor: Actor) -> None:
    parent = Account.objects.filter(pk=parent_id).first() if parent_id else None
    if parent_id and parent is None:
        raise WinningError("the account above is not there any more")
    try:
        account_parent_say(account=account, parent=parent, actor=actor)
    except HierarchyError as error:
        raise WinningError(str(error)) from None


def _holds(row: Row, name: str, value: Plain) -> bool:
    return name.startswith(ATTRIBUTE) or same(current(row, name) or None, value or None)


def _set(row: Row, values: Mapping[str, Plain], actor: Actor) -> None:
    if unknown := set(values) - FIELDS[entity_of(row)]:
        raise WinningError(f"there is no field {', '.join(sorted(unknown))}")
    if "name" in values and isinstance(row, Account) and not str(values["name"]).strip():
        raise WinningError("an account needs a name")
    voice = Voice(HAND, by=actor.label[:200] or "somebody")
    try:
        won = voice.says(row, {name: python(row, name, value) for name, value in values.items()})
        changed = [name for name, value in won.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, won[name])
        row.clean_fields(exclude=[field.name for field in row._meta.fields if field.attname not in changed])
        with transaction.atomic():
            row.save(update_fields=[*changed, "words", "updated_at"])
    except ValidationError as error:
        raise WinningError("; ".join(error.messages).rstrip(".")) from None
    except IntegrityError:
        raise WinningError("another contact of the account has this address") from None
    voice.note()
    audit(actor, f"{entity_of(row)}.set_by_hand", row, fields=sorted(values))
    if changed:
        facts_touch([account_id_of(row)])
        figures_touch([account_id_of(row)] if isinstance(row, Account) else [], changed)
        if isinstance(row, Account):
            account_told(row, "updated")


def account_id_of(row: Row) -> UUID:
    return row.pk if isinstance(row, Account) else row.account_id


def _locked(row: Row) -> Row:
    states_lock([account_id_of(row)])
    fresh: Row = type(row).objects.get(pk=row.pk)
    return fresh


@transaction.atomic
def conflict_keep(*, conflict: FieldConflict, source: str, actor: Actor) -> list[str]:
    """Make what one source of a conflict says a person's word; returns the field when a rule stands against it."""
    values = {conflict.winner_source: conflict.winner_value, conflict.other_source: conflict.other_value}
    if source not in values:
        raise WinningError("choose one of the two values")
    row = conflict.contact or conflict.account
    return fields_set_by_hand(row=row, values={conflict.field: values[source]}, actor=actor)


@transaction.atomic
def conflict_let_win(*, conflict: FieldConflict, source: str, actor: Actor) -> SourceRule:
    """Make the rule that `source` comes first for the conflict's field, before what its rule named so far."""
    held = SourceRule.objects.filter(entity=conflict.entity, field=conflict.field).first()
    if source not in (conflict.winner_source, conflict.other_source):
        raise WinningError("choose one of the two sources")
    if source == HAND:
        return source_rule_set(entity=conflict.entity, field=conflict.field, kind=WinKind.HAND, actor=actor)
    before = list(held.order) if held and held.kind == WinKind.ORDER else []
    order = [source, *(name for name in before if name != source)]
    if HAND in (conflict.winner_source, conflict.other_source) and HAND not in order:
        # A person's word would come before an order that does not name it.
        order.append(HAND)
    return source_rule_set(entity=conflict.entity, field=conflict.field, kind=WinKind.ORDER, order=order, actor=actor)
