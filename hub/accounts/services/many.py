"""The same change on many accounts at once: owner, segment and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Account
from hub.accounts.outgoing import account_told
from hub.accounts.services.attributes import attributes_set_many
from hub.accounts.services.locks import facts_touch, figures_touch, states_lock
from hub.accounts.services.provenance import Voice, plain
from hub.accounts.words import HAND

OWNER: Final = "owner"
SEGMENT: Final = "segment"
# Fields of the account itself, by their key.
FIELDS: Final = {OWNER: "owner_id", SEGMENT: "segment"}
ATTRIBUTE: Final = "attribute."
Values = Mapping[str, Any]


def values_of(account: Account, keys: Mapping[str, Any]) -> dict[str, Any]:
    """What an account has under ``owner`` (a user's id as text), ``segment`` and ``attribute.<key>``; None without."""
    return {
        key: plain(getattr(account, FIELDS[key])) or None
        if key in FIELDS
        else account.attributes.get(key.removeprefix(ATTRIBUTE))
        for key in keys
    }


@transaction.atomic
def accounts_change_many(
    *, changes: Mapping[UUID, Values], label: str, expected: Mapping[UUID, Values] | None = None
) -> dict[UUID, tuple[dict[str, Any], dict[str, Any]]]:
    """Set ``owner``, ``segment`` and ``attribute.<key>`` of accounts, to values of their own; ``label`` is who did it.

    Says of each account that is there, by its id, what the fields held before and after. With ``expected`` only a field
    that still holds what is expected is set. Takes the accounts' locks; raises AttributesError for a value that its
    attribute cannot hold, and then changes nothing.
    """
    states_lock(changes)
    accounts = {row.pk: row for row in Account.objects.filter(pk__in=list(changes))}
    before = {pk: values_of(row, changes[pk]) for pk, row in accounts.items()}
    wanted = {pk: _as_expected(changes[pk], before[pk], (expected or {}).get(pk)) for pk in accounts}
    voice = Voice(HAND, by=label[:200] or "somebody")
    _fields_set(accounts, wanted, voice)
    given = [(row, None, _attributes(wanted[pk])) for pk, row in accounts.items()]
    attributes_set_many(given, source=HAND, label=label, known_only=True, lenient=False, voice=voice)
    voice.note()
    told = {pk: (before[pk], values_of(row, changes[pk])) for pk, row in accounts.items()}
    changed = [pk for pk, (was, now) in told.items() if was != now]
    facts_touch(changed)
    for pk in changed:
        account_told(accounts[pk], "updated")
    return told


def _attributes(values: Values) -> dict[str, Any]:
    return {key.removeprefix(ATTRIBUTE): value for key, value in values.items() if key not in FIELDS}


def _as_expected(values: Values, held: Values, expected: Values | None) -> dict[str, Any]:
    if expected is None:
        return dict(values)
    return {key: value for key, value in values.items() if held[key] == expected.get(key)}


def _fields_set(accounts: Mapping[UUID, Account], wanted: Mapping[UUID, Values], voice: Voice) -> None:
    """What somebody chose is stored, and kept as their word."""
    changed: list[Account] = []
    for pk, values in wanted.items():
        differing = {
            name: _python(key, values[key])
            for key, name in FIELDS.items()
            if key in values and getattr(accounts[pk], name) != _python(key, values[key])
        }
        if differing:
            voice.says(accounts[pk], differing)
            for name, value in differing.items():
                setattr(accounts[pk], name, value)
            accounts[pk].updated_at = timezone.now()
            changed.append(accounts[pk])
    Account.objects.bulk_update(changed, ["owner", "segment", "words", "updated_at"], batch_size=500)
    figures_touch([account.pk for account in changed], [key for values in wanted.values() for key in values])


def _python(key: str, value: Any) -> Any:
    return (UUID(value) if value else None) if key == OWNER else value or ""
