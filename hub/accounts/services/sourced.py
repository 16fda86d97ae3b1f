"""One way to write what a source keeps: found by (source, external id), idempotent, deaf to older word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import IntegrityError, transaction

from hub.accounts.models import Account, SourcedModel, TimelineEntry
from hub.accounts.services.happenings import timeline_record_many
from hub.accounts.services.locks import facts_touch, states_lock
from hub.accounts.services.record import checked, is_stale
from hub.people.audit import Actor, audit

Row = TypeVar("Row", bound=SourcedModel)


@dataclass(frozen=True)
class Noun(Generic[Row]):
    """A kind of row that sources keep: its model, the fields that may be given, and those that a new row needs.

    `prepare(values, stored row or None)` makes the values that are stored of those that were given. `timeline(row)`
    gives entries with keys of their own, so that telling them again changes nothing. `follow(row, accounts)` writes
    what follows, in the same transaction, under the locks of those accounts. `written(rows, historical)` hears of every
    row that was made, changed or taken back, in its transaction.
    """

    name: str
    model: type[Row]
    fields: frozenset[str]
    required: frozenset[str] = frozenset()
    prepare: Callable[[dict[str, Any], Row | None], dict[str, Any]] = lambda values, row: values
    timeline: Callable[[Row], list[TimelineEntry]] = lambda row: []
    follow: Callable[[Row, list[Any]], None] = lambda row, accounts: None
    written: Callable[[Sequence[Row], bool], None] = lambda rows, historical: None


class MissingFieldError(ValueError):
    """A new row lacks what it cannot be without; `names` says which fields."""

    def __init__(self, noun: str, names: set[str]) -> None:
        self.names = sorted(names)
        super().__init__(f"a new {noun.replace('_', ' ')} needs {', '.join(self.names)}")


@transaction.atomic
def sourced_upsert(
    noun: Noun[Row],
    *,
    account: Account,
    source: str,
    external_id: str,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[Row, str]:
    """Create or update a row; say "created", "updated", "unchanged", or "stale" when `as_of` is before the last word.

    What `fields` leaves out stays. A row that names another account moves there, and the facts of both follow. With
    an `actor` an audit row is written. Unknown fields, and a contact of another account, raise ValueError; a new row
    that lacks what it needs raises MissingFieldError.
    """
    values = {name: _storable(name, value) for name, value in checked(fields, noun.fields).items()}
    contact = values.get("contact")
    if contact is not None and contact.account_id != account.id:
        raise ValueError("the contact belongs to another account")
    row = _locked(noun, account, source, external_id)
    if row is None:
        row, made = _created(noun, account, source, external_id, {**values, "source_updated_at": as_of})
        outcome = "created" if made else _changed(noun, row, account, values, as_of)
    else:
        outcome = _changed(noun, row, account, values, as_of)
    if outcome in ("created", "updated"):
        timeline_record_many(noun.timeline(row))
        noun.written([row], False)
    if actor is not None:
        audit(actor, f"{noun.name}.{outcome}", row, source=source, external_id=external_id)
    return row, outcome


def _storable(name: str, value: Any) -> Any:
    """Text without the NUL that PostgreSQL refuses; an address only when a browser may follow it."""
    if not isinstance(value, str):
        return value
    value = value.replace("\x00", "")
    return value if name != "url" or value.startswith(("https://", "http://")) else ""


def _locked(noun: Noun[Row], account: Account, source: str, external_id: str) -> Row | None:
    """The row as it stands once the locks of its account and of the one named now are held."""
    rows = noun.model.objects.filter(source=source, external_id=external_id)
    held = rows.values_list("account_id", flat=True).first()
    states_lock({account.id} | ({held} if held else set()))
    found: Row | None = rows.select_for_update().first()
    return found


def _created(
    noun: Noun[Row], account: Account, source: str, external_id: str, values: dict[str, Any]
) -> tuple[Row, bool]:
    if missing := {name for name in noun.required if values.get(name) is None}:
        raise MissingFieldError(noun.name, missing)
    try:
        with transaction.atomic():
            row = noun.model.objects.create(
                account=account, source=source, external_id=external_id, **noun.prepare(values, None)
            )
    except IntegrityError:
        # Somebody made it at another account at the same moment: now it can be found.
        found = _locked(noun, account, source, external_id)
        if found is None:
            raise
        return found, False
    noun.follow(row, [account.id])
    facts_touch([account.id])
    return row, True


def _changed(noun: Noun[Row], row: Row, account: Account, values: dict[str, Any], as_of: datetime | None) -> str:
    if is_stale(row, as_of):
        return "stale"
    before, values = row.account_id, noun.prepare(values, row)
    values = {**values, "account": account} if before != account.id else values
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    if not changed:
        return "unchanged"
    for name in changed:
        setattr(row, name, values[name])
    row.save(update_fields=[*changed, "updated_at"])
    accounts = sorted({before, account.id})
    noun.follow(row, accounts)
    facts_touch(accounts)
    return "updated"


@transaction.atomic
def sourced_retract(noun: Noun[Row], *, source: str, external_id: str) -> Row | None:
    """Take a row back that its source does not have (any more), with its timeline; returns it, None when there is none.

    What was told of it stays told.
    """
    rows = noun.model.objects.filter(source=source, external_id=external_id)
    held = rows.values_list("account_id", flat=True).first()
    if held is None:
        return None
    states_lock([held])
    row: Row | None = rows.select_for_update().first()
    if row is None:
        return None
    kinds = {entry.kind for entry in noun.timeline(row)}
    entries = TimelineEntry.objects.filter(account_id=row.account_id, kind__in=kinds).values_list("pk", "key")
    TimelineEntry.objects.filter(pk__in=[pk for pk, key in entries if key.endswith(str(row.pk))]).delete()
    noun.model.objects.filter(pk=row.pk).delete()
    noun.written([row], False)
    facts_touch([row.account_id])
    return row
