"""Writing switched on and off, tried on one account, and asked for at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Func, Value
from django.utils import timezone

from hub.accounts.models import Account
from hub.ingest.models import HookEndpoint, PullAccess, WriteBack, WriteCall, WrittenRow
from hub.ingest.pulling.services import WRITING as QUEUE
from hub.ingest.writing.base import MOST_FIELDS, BadField, Entry, Writer, field_checked, plain, shown, writers
from hub.ingest.writing.comparing import UnknownFact, current_values
from hub.people.audit import Actor, audit
from hub.registry.facts import known_facts
from hub.tenancy.wake import wake

NO_KEY: Final = "the connection has no key that the system takes: give one under Reading first"


@transaction.atomic
def writing_set(*, endpoint: HookEndpoint, fields: Mapping[str, str], on: bool, actor: Actor) -> WriteBack:
    """Say which facts of the record go to which fields over there (fact → field), and whether they are written.

    Writing begins at once with all that differs from what was written before. Raises ValidationError.
    """
    # Two who change it at once do so one after the other.
    endpoint = HookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    chosen = _fields(writer_of(endpoint), fields)
    if on:
        _may_be_on(endpoint, chosen)
    writing: WriteBack = WriteBack.objects.get_or_create(endpoint=endpoint, defaults={"made_by": actor.label[:200]})[0]
    _forget_fields(writing, sorted({*writing.fields.values()} - {*chosen.values()}))
    now = timezone.now()
    writing.fields, writing.is_on, writing.due_at = chosen, on, now if on else None
    writing.stopped_at, writing.attempts, writing.room, writing.alone, writing.reason = None, 0, 0, 0, ""
    writing.save()
    if on:
        # What was refused before may be taken now.
        WrittenRow.objects.filter(writing=writing, due_at__isnull=False).update(due_at=now, attempts=0, reason="")
        wake(QUEUE)
    audit(actor, "write.set", endpoint, on=on, fields=chosen)
    return writing


def writer_of(endpoint: HookEndpoint) -> Writer:
    """How the connection's system is written. Raises ValidationError."""
    if endpoint.source not in writers:
        raise ValidationError("nothing is written to this system")
    if endpoint.revoked_at is not None:
        raise ValidationError("this connection is closed")
    return writers.get(endpoint.source)


def _fields(writer: Writer, given: Mapping[str, str]) -> dict[str, str]:
    known, chosen = known_facts(), {}
    for name, target in given.items():
        if not target.strip():
            continue
        if name not in known:
            raise ValidationError({"fields": f"the record has no {plain(name, 60)}"})
        try:
            chosen[name] = field_checked(writer, target)
        except BadField as error:
            raise ValidationError({"fields": str(error)}) from None
    if len({target.lower() for target in chosen.values()}) < len(chosen):
        raise ValidationError({"fields": "two values cannot go to one field"})
    if len(chosen) > MOST_FIELDS:
        raise ValidationError({"fields": f"at most {MOST_FIELDS} values are written"})
    return chosen


def _may_be_on(endpoint: HookEndpoint, chosen: Mapping[str, str]) -> None:
    if not chosen:
        raise ValidationError({"fields": "name a field over there for at least one value"})
    if not has_key(endpoint):
        raise ValidationError(NO_KEY)
    # Customers are known by one name of the source: ids of one organisation must not be written to another.
    others = WriteBack.objects.filter(is_on=True, endpoint__source=endpoint.source, endpoint__revoked_at=None)
    if others.exclude(endpoint=endpoint).exists():
        raise ValidationError("another connection to this system writes already: switch that off first")


def has_key(endpoint: HookEndpoint) -> bool:
    """Whether the connection has a key that was not turned away."""
    found: bool = PullAccess.objects.filter(endpoint=endpoint, stopped_at=None).exclude(secret="").exists()
    return found


def _forget_fields(writing: WriteBack, names: list[str]) -> None:
    """A field that is written no more keeps over there what it has; chosen again, it is written anew."""
    if not names or not writing.fields:
        return
    gone = Value(names, output_field=ArrayField(models.TextField()))
    less: Any = {
        name: Func(F(name), gone, template="(%(expressions)s)", arg_joiner=" - ", output_field=models.JSONField())
        for name in ("wanted", "written")
    }
    WrittenRow.objects.filter(writing=writing).update(**less)


@transaction.atomic
def writing_now(*, writing: WriteBack, actor: Actor) -> None:
    """Look at once for what differs, and write it."""
    live = WriteBack.objects.filter(pk=writing.pk, is_on=True, stopped_at=None)
    if live.update(due_at=timezone.now()):
        audit(actor, "write.now", writing.endpoint)
        wake(QUEUE)


def trial_entries(writing: WriteBack, account: Account) -> tuple[Entry, ...]:
    """What a trial would write of an account, by its ids over there. Raises ValidationError."""
    writer = writer_of(writing.endpoint)
    try:
        found = current_values(writing.fields, writing.endpoint.record_source, account.pk) if writing.fields else {}
    except UnknownFact as error:
        raise ValidationError(str(error)) from None
    if not found:
        raise ValidationError(f"{account.name} has no id there: no {writer.thing} of the connection is matched with it")
    if not any(found.values()):
        raise ValidationError(f"there is nothing to write of {account.name}: none of the values is known")
    return tuple(Entry(account.pk, external_id, values) for external_id, values in found.items() if values)


def request_of(writing: WriteBack, entries: tuple[Entry, ...]) -> str:
    """The request that these would be sent with, for reading: all but the key."""
    address = PullAccess.objects.filter(endpoint=writing.endpoint).values_list("address", flat=True).first()
    return shown(address or "", writer_of(writing.endpoint).ask(entries))


@transaction.atomic
def trial_ask(*, writing: WriteBack, account: Account, actor: Actor) -> WriteCall:
    """Have one account written by a worker, whether writing is on or not. Raises ValidationError."""
    if not has_key(writing.endpoint):
        raise ValidationError(NO_KEY)
    entries = trial_entries(writing, account)
    now = timezone.now()
    call: WriteCall = WriteCall.objects.create(
        writing=writing,
        is_trial=True,
        asked_at=now,
        due_at=now,
        request=request_of(writing, entries),
        entries=[
            {
                "account": str(entry.account_id),
                "name": account.name,
                "external_id": entry.external_id,
                "values": entry.values,
                "outcome": "waiting",
            }
            for entry in entries
        ],
    )
    audit(actor, "write.try", writing.endpoint, account=str(account.pk))
    wake(QUEUE)
    return call
