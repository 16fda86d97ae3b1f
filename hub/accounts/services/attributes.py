"""Fields that a tenant adds to accounts and contacts: definitions, typed values, their history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from hub.accounts.attribute_values import COLUMNS, AttributeValueError, as_text, plain, read
from hub.accounts.models import (
    Account,
    AttributeChange,
    AttributeDefinition,
    AttributeEntity,
    AttributeKind,
    AttributeValue,
    Contact,
)
from hub.accounts.models.attributes import key_validator
from hub.accounts.services.locks import facts_touch, states_lock
from hub.accounts.services.provenance import Voice
from hub.accounts.words import ATTRIBUTE, HAND, words_of
from hub.people.audit import Actor, audit

MOST = 200


class AttributeDefinitionError(ValueError):
    """A definition that cannot be."""


class AttributesError(ValueError):
    """Values that cannot be stored, each named by its key in `problems`."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{key}: {problem}" for key, problem in self.problems.items()))


@transaction.atomic
def attribute_define(
    *, entity: str, key: str, label: str, kind: str, choices: Sequence[str] = (), actor: Actor
) -> AttributeDefinition:
    """Add an attribute to accounts or contacts. Raises AttributeDefinitionError.

    Values that sources gave under this key before stay as they came; they become typed when they come again.
    """
    if entity not in AttributeEntity.values or kind not in AttributeKind.values:
        raise AttributeDefinitionError("unknown entity or kind")
    try:
        key_validator(key)
    except ValidationError:
        raise AttributeDefinitionError(
            "the key is lower-case letters, digits and underscores, begins with a letter and has at most 50"
        ) from None
    if AttributeDefinition.objects.filter(entity=entity).count() >= MOST:
        raise AttributeDefinitionError(f"there are {MOST} attributes already")
    try:
        with transaction.atomic():
            row: AttributeDefinition = AttributeDefinition.objects.create(
                entity=entity, key=key, label=label.strip() or key, kind=kind, choices=_choices(kind, choices)
            )
    except IntegrityError:
        raise AttributeDefinitionError(f"there is an attribute {key} already") from None
    audit(actor, "attribute.define", row, entity=entity, key=key, kind=kind)
    return row


@transaction.atomic
def attribute_change(
    *, definition: AttributeDefinition, label: str, choices: Sequence[str] = (), archived: bool = False, actor: Actor
) -> None:
    """Rename an attribute, change its choices, or put it away; key and kind stay. Values that it has are kept."""
    definition.label, definition.choices = label.strip() or definition.key, _choices(definition.kind, choices)
    definition.archived_at = (definition.archived_at or timezone.now()) if archived else None
    definition.save(update_fields=["label", "choices", "archived_at"])
    audit(actor, "attribute.change", definition, label=definition.label, choices=definition.choices, archived=archived)


def _choices(kind: str, choices: Sequence[str]) -> list[str]:
    wanted = [text for text in dict.fromkeys(choice.strip()[:100] for choice in choices) if text]
    if kind != AttributeKind.CHOICE:
        return []
    if not wanted:
        raise AttributeDefinitionError("a choice needs at least one thing to choose")
    return wanted[:MOST]


@transaction.atomic
def attributes_set(
    *,
    account: Account,
    values: Mapping[str, object],
    contact: Contact | None = None,
    source: str = "",
    actor: Actor | None = None,
    known_only: bool = True,
    lenient: bool = False,
    voice: Voice | None = None,
) -> list[str]:
    """Set attributes of an account, or of one of its contacts; returns the keys that changed.

    Several sources may speak of one attribute: what is stored is the word that wins. `voice` is whose word this is when
    it says more than these attributes; it then notes its conflicts itself.

    What no attribute is defined for is refused, or kept untyped as it came without `known_only`. So is, when `lenient`,
    what does not fit its kind. None or blank text takes a value away. Raises AttributesError; then nothing is changed.
    """
    own = voice or Voice(source, by=actor.label if actor and source == HAND else "")
    if voice is None:
        # The caller's row may be older than the lock.
        states_lock([account.pk])
        (contact or account).refresh_from_db(fields=["attributes", "words"])
    changed = attributes_set_many(
        [(account, contact, values)],
        source=source,
        label=actor.label if actor else source,
        known_only=known_only,
        lenient=lenient,
        voice=own,
    )
    if voice is None:
        own.note()
    if changed and actor is not None:
        audit(actor, "attributes.set", contact or account, keys=changed[0])
    return changed[0] if changed else []


@transaction.atomic
def attributes_set_many(
    rows: Iterable[tuple[Account, Contact | None, Mapping[str, object]]],
    *,
    source: str = "",
    label: str = "",
    known_only: bool = False,
    lenient: bool = True,
    voice: Voice | None = None,
) -> list[list[str]]:
    """`attributes_set` for many at once, for imports: per row the keys that changed. Five queries a call.

    Takes the accounts' locks. The rows' `attributes` are written too: the copy that reading uses. The caller notes the
    conflicts of its `voice`; without one, nobody's word is kept.
    """
    given = [row for row in rows if row[2]]
    if not given:
        return []
    voice = voice or Voice("")
    states_lock({account.pk for account, _, _ in given})
    known = {(d.entity, d.key): d for d in AttributeDefinition.objects.filter(archived_at__isnull=True)}
    typed = [
        (account, contact, _typed(known, contact, values, known_only, lenient)) for account, contact, values in given
    ]
    held = _held(given)
    store: list[AttributeValue] = []
    gone: list[AttributeValue] = []
    log: list[AttributeChange] = []
    told: list[list[str]] = []
    owners: dict[type[Any], list[Any]] = {Account: [], Contact: []}
    for account, contact, values in typed:
        owner = contact or account
        before, words = dict(owner.attributes), owner.words
        won = _won(voice, owner, values)
        for key, (definition, value) in won.items():
            _merge(owner.attributes, key, plain(value) if definition else value)
            if definition is None:
                continue
            row = held.get((account.pk, contact and contact.pk, definition.pk))
            if (row.value if row else None) == value:
                continue
            log.append(_change(account, contact, definition, row.value if row else None, value, source, label))
            if value is None and row is not None:
                gone.append(row)
            elif value is not None:
                row = row or AttributeValue(account=account, contact=contact, definition=definition)
                setattr(row, COLUMNS[definition.kind], value)
                row.source, row.updated_at = _source_of(owner, key, value, source), timezone.now()
                store.append(row)
        told.append([key for key in values if before.get(key) != owner.attributes.get(key)])
        if told[-1] or owner.words is not words:
            owners[type(owner)].append(owner)
    _write(store, gone, log, owners)
    facts_touch({account.pk for (account, _, _), keys in zip(typed, told, strict=True) if keys})
    return told


def _typed(
    known: Mapping[tuple[str, str], AttributeDefinition],
    contact: Contact | None,
    values: Mapping[str, object],
    known_only: bool,
    lenient: bool,
) -> dict[str, tuple[AttributeDefinition | None, Any]]:
    entity = AttributeEntity.CONTACT if contact else AttributeEntity.ACCOUNT
    found: dict[str, tuple[AttributeDefinition | None, Any]] = {}
    problems: dict[str, str] = {}
    for key, raw in values.items():
        definition = known.get((entity, key))
        if definition is None:
            found[key] = (None, raw)
            if known_only:
                problems[key] = "there is no such attribute"
            continue
        try:
            found[key] = (definition, read(definition.kind, raw, definition.choices))
        except AttributeValueError as error:
            found[key] = (None, raw)
            if not lenient:
                problems[key] = str(error)
    if problems:
        raise AttributesError(problems)
    return found


def _won(
    voice: Voice, owner: Account | Contact, values: Mapping[str, tuple[AttributeDefinition | None, Any]]
) -> dict[str, tuple[AttributeDefinition | None, Any]]:
    """The values that win, of those that are said; one that its kind no longer takes gives way to the one said now."""
    said = {f"{ATTRIBUTE}{key}": plain(value) if kind else value for key, (kind, value) in values.items()}
    won: dict[str, tuple[AttributeDefinition | None, Any]] = {}
    for name, value in voice.says(owner, said).items():
        key = name.removeprefix(ATTRIBUTE)
        definition, given = values[key]
        try:
            won[key] = definition, read(definition.kind, value, definition.choices) if definition else value
        except AttributeValueError:
            won[key] = definition, given
    return won


def _source_of(owner: Account | Contact, key: str, value: Any, source: str) -> str:
    """Whose word a value is."""
    said = [word.source for word in words_of(owner.words, f"{ATTRIBUTE}{key}") if word.value == plain(value)]
    return source if source in said or not said else said[0]


def _held(rows: Sequence[tuple[Account, Contact | None, Any]]) -> dict[tuple[Any, Any, Any], AttributeValue]:
    values = AttributeValue.objects.filter(account_id__in={account.pk for account, _, _ in rows})
    return {(value.account_id, value.contact_id, value.definition_id): value for value in values}


def _merge(copy: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        copy.pop(key, None)
    else:
        copy[key] = value


def _change(
    account: Account,
    contact: Contact | None,
    definition: AttributeDefinition,
    before: Any,
    after: Any,
    source: str,
    label: str,
) -> AttributeChange:
    return AttributeChange(
        account=account,
        contact=contact,
        definition=definition,
        before=as_text(before),
        after=as_text(after),
        source=source,
        actor_label=label[:200],
    )


def _write(
    store: Sequence[AttributeValue],
    gone: Sequence[AttributeValue],
    log: Sequence[AttributeChange],
    owners: Mapping[type[Any], Sequence[Any]],
) -> None:
    fresh = [row for row in store if row._state.adding]
    AttributeValue.objects.bulk_create(fresh, batch_size=1000)
    columns = [*set(COLUMNS.values()), "source", "updated_at"]
    AttributeValue.objects.bulk_update([row for row in store if row not in fresh], columns, batch_size=500)
    AttributeValue.objects.filter(pk__in=[row.pk for row in gone]).delete()
    AttributeChange.objects.bulk_create(log, batch_size=1000)
    for model, rows in owners.items():
        for row in rows:
            row.updated_at = timezone.now()
        model.objects.bulk_update(rows, ["attributes", "words", "updated_at"], batch_size=500)
