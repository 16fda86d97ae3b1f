"""The worker's part: calls that wait are read and applied, one a transaction; customers that turned up follow."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, IntegrityError, OperationalError, transaction
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from hub.accounts.models import AccountExternalId, Contact, ContactExternalId
from hub.ingest.connectors import renaming
from hub.ingest.connectors.applying import Applied, things_project, words_apply
from hub.ingest.connectors.base import COMPANY, PERSON, Call, Connector, Malformed, NothingToDo, Word, connectors
from hub.ingest.connectors.keeping import source_lock
from hub.ingest.models import DeliveryState, HookDelivery, HookEndpoint, SourceObject, SourceWord
from hub.tenancy.context import tenant_context

log = logging.getLogger(__name__)

SLICE_SECONDS: Final = 15.0
MOST_ATTEMPTS: Final = 5
# What a source says lies no further ahead than this, whatever its clock.
AHEAD: Final = timedelta(minutes=5)
BACK_OFF: Final = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
# Calls are forgotten after this; what they said stays. Those whose account is unknown wait longer.
KEPT: Final = timedelta(days=30)
KEPT_UNMATCHED: Final = timedelta(days=90)
FORGET_AT_ONCE: Final = 500
CATCH_UP_AT_ONCE: Final = 50
# How long somebody rests who turned up and could not be caught up with, once, twice, and so on.
REST: Final = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))


def backlog() -> datetime | None:
    """When a call is due, or now when somebody who was unknown is known by now, or old calls can be forgotten."""
    now = timezone.now()
    earliest: datetime | None = _due().aggregate(at=Min("due_at"))["at"]
    if earliest is not None and earliest <= now:
        return earliest
    if turned_up().exists() or renaming.waits() or _old().exists():
        return now
    again: datetime | None = _unmatched().filter(try_at__gt=now).aggregate(at=Min("try_at"))["at"]
    return min((at for at in (earliest, again) if at), default=None)


def _due() -> QuerySet[HookDelivery]:
    found: QuerySet[HookDelivery] = HookDelivery.objects.filter(due_at__isnull=False)
    return found


def drain(tenant_id: UUID) -> datetime | None:
    """Apply what waits, oldest first, for a slice of time; returns when more will be due."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and apply_next(tenant_id):
        pass
    catch_up(tenant_id)
    renaming.follow(tenant_id)
    with tenant_context(tenant_id):
        forget()
        return backlog()


def apply_next(tenant_id: UUID) -> bool:
    """Apply the oldest call that is due and that nobody works on; False when there is none."""
    try:
        with tenant_context(tenant_id):
            now = timezone.now()
            due = _due().filter(due_at__lte=now).select_for_update(skip_locked=True, of=("self",))
            delivery = due.select_related("endpoint").order_by("due_at", "id").first()
            if delivery is None:
                return False
            _applied(delivery, now)
    except OperationalError:
        # A deadlock, or a database that went away: the row waits as before.
        log.warning("a call could not be applied now", exc_info=True)
        return False
    return True


def _applied(delivery: HookDelivery, now: datetime) -> None:
    delivery.attempts += 1
    connector = connectors.get(delivery.endpoint.source)
    try:
        with transaction.atomic():
            outcome = delivery_apply(connector, delivery)
        state, why = _state(outcome)
        _finish(delivery, state, now, why, became=outcome.rows)
        settle(outcome)
    except NothingToDo as reason:
        _finish(delivery, DeliveryState.NOTHING, now, str(reason))
    except (Malformed, ValueError) as error:
        _finish(delivery, DeliveryState.REFUSED, now, str(error))
    except IntegrityError:
        log.exception("call %s contradicts the record", delivery.pk)
        _finish(delivery, DeliveryState.REFUSED, now, "what it says contradicts the record: a key exists already")
    except OperationalError:
        raise
    except Exception as error:
        log.exception("call %s could not be applied", delivery.pk)
        _again(delivery, now, error)


def _again(delivery: HookDelivery, now: datetime, error: Exception) -> None:
    """Try once more later; a call that has failed often is put aside with its reason, and the others go on."""
    if delivery.attempts >= MOST_ATTEMPTS:
        kind = "the database refused it" if isinstance(error, DatabaseError) else type(error).__name__
        _finish(delivery, DeliveryState.REFUSED, now, f"a fault of ours: {kind}")
        return
    HookDelivery.objects.filter(pk=delivery.pk).update(
        attempts=delivery.attempts, due_at=now + BACK_OFF[delivery.attempts - 1], reason="a fault of ours; tried again"
    )


def _finish(
    delivery: HookDelivery, state: DeliveryState, now: datetime, reason: str, became: Sequence[Any] = ()
) -> None:
    HookDelivery.objects.filter(pk=delivery.pk).update(
        state=state,
        reason=" ".join(reason.replace("\x00", "").split())[:300],
        attempts=delivery.attempts,
        due_at=None,
        finished_at=now,
        became=list(became),
    )


def _state(outcome: Applied) -> tuple[DeliveryState, str]:
    """The state that a call ends in, and why."""
    if outcome.incomplete:
        return DeliveryState.REFUSED, f"kept until the rest comes: {'; '.join(outcome.incomplete)}"
    if not outcome.unmatched:
        return DeliveryState.APPLIED, ""
    names = sorted({thing.company or thing.person or thing.email or thing.external_id for thing in outcome.unmatched})
    return DeliveryState.UNMATCHED, f"nobody knows yet whose account {', '.join(names[:3])} is"


def call_of(delivery: HookDelivery) -> Call:
    """The call as it was kept; its headers are not."""
    return Call(method="POST", url="", headers={}, body=bytes(delivery.body), content_type=delivery.content_type)


def delivery_apply(connector: Connector, delivery: HookDelivery) -> Applied:
    """Read a call and write what it says. Raises NothingToDo, Malformed, and ValueError for what cannot be stored."""
    call, options = call_of(delivery), delivery.endpoint.options
    words = [_not_ahead(word, delivery.received_at) for word in connector.read(call, delivery.received_at, options)]
    outcome = words_apply(connector, words, source=delivery.endpoint.record_source, delivery_id=delivery.pk)
    if connector.acts is not None:
        outcome.rows.extend(connector.acts(call, delivery.received_at, options))
    return outcome


def _not_ahead(word: Word, received_at: datetime) -> Word:
    """A clock that is wrong by years must not have the last word for years."""
    return replace(word, at=min(word.at, received_at + AHEAD))


# --- Those who turned up ----------------------------------------------------------------------------------------------


def _unmatched() -> QuerySet[SourceObject]:
    found: QuerySet[SourceObject] = SourceObject.objects.filter(account__isnull=True)
    return found


def turned_up() -> QuerySet[SourceObject]:
    """Companies and people of sources whose account nobody knew, and that are known by now.

    Those with whom it has failed rest first, so that they keep nobody waiting.
    """
    company = AccountExternalId.objects.filter(source=OuterRef("source"), value=OuterRef("external_id"))
    person = ContactExternalId.objects.filter(source=OuterRef("source"), value=OuterRef("external_id"))
    holders = Contact.objects.filter(email=OuterRef("email")).values("email").annotate(n=Count("pk")).values("n")
    unmatched = _unmatched().filter(Q(try_at__isnull=True) | Q(try_at__lte=timezone.now()))
    found: QuerySet[SourceObject] = unmatched.annotate(holders=Subquery(holders)).filter(
        Q(Exists(company), kind=COMPANY)
        | Q(Exists(person), kind=PERSON)
        | Q(_may_make(), kind=COMPANY)
        # An address finds an account only when one contact alone has it.
        | (Q(company="", holders=1) & ~Q(kind=COMPANY) & ~Q(email=""))
    )
    return found


def _may_make() -> Q:
    """Their words name them, and an endpoint of the source lets them become accounts."""
    makes = HookEndpoint.objects.filter(source=OuterRef("connector"), revoked_at__isnull=True, makes_accounts=True)
    return Q(Exists(makes)) & ~Q(name="")


def catch_up(tenant_id: UUID) -> None:
    """Write what waited for customers that are known by now, one a transaction; those that never failed first."""
    try:
        for _ in range(CATCH_UP_AT_ONCE):
            with tenant_context(tenant_id):
                thing = turned_up().order_by("tries", "created_at", "pk").first()
                if thing is None:
                    return
                thing_catch_up(thing)
    except OperationalError:
        # A deadlock, or a database that went away: what waits is found again.
        log.warning("those who turned up could not be caught up with now", exc_info=True)


def thing_catch_up(thing: SourceObject) -> None:
    """Write what waited for a customer who is known by now, and settle the calls that told of it.

    What cannot be written, and who is not found after all, is tried again later, ever more rarely.
    """
    source_lock(thing.source)
    try:
        with transaction.atomic():
            settle(things_project(connectors.get(thing.connector), thing.source, [thing]))
    except OperationalError:
        raise
    except ValueError as error:
        log.warning("what %s said of %s cannot be stored: %s", thing.source, thing.external_id, error)
    except Exception:
        log.exception("what %s said of %s could not be stored", thing.source, thing.external_id)
    rest = REST[min(thing.tries, len(REST) - 1)]
    _unmatched().filter(pk=thing.pk).update(tries=F("tries") + 1, try_at=timezone.now() + rest)


def settle(outcome: Applied) -> None:
    """Settle the calls that waited for the things whose account has just been found."""
    told = SourceWord.objects.filter(thing_id__in=outcome.found, delivery_id__isnull=False)
    waiting = HookDelivery.objects.filter(
        pk__in=told.values_list("delivery_id", flat=True), state=DeliveryState.UNMATCHED
    )
    still = SourceWord.objects.filter(delivery_id=OuterRef("pk"), thing__account__isnull=True)
    labels = {label for connector in connectors for label in connector.labels}
    still = still.exclude(thing__kind__in=labels)
    for delivery in waiting.exclude(Exists(still)):
        _finish(delivery, DeliveryState.APPLIED, timezone.now(), "", became=_became(delivery, outcome))
    _settle_refused(outcome)


def _settle_refused(outcome: Applied) -> None:
    """The account of these is known by now, and still they cannot be stored: somebody has to mend something first."""
    for pk, reason in outcome.refused.items():
        told = SourceWord.objects.filter(thing_id=pk, delivery_id__isnull=False).values_list("delivery_id", flat=True)
        for delivery in HookDelivery.objects.filter(pk__in=told, state=DeliveryState.UNMATCHED):
            _finish(delivery, DeliveryState.REFUSED, timezone.now(), reason)


def _became(delivery: HookDelivery, outcome: Applied) -> list[Any]:
    accounts = set(SourceWord.objects.filter(delivery_id=delivery.pk).values_list("thing__account_id", flat=True))
    return [entry for entry in outcome.rows if entry["account"] and UUID(entry["account"]) in accounts][:20]


# --- Old calls --------------------------------------------------------------------------------------------------------


def _old() -> QuerySet[HookDelivery]:
    now = timezone.now()
    done = Q(state__in=[DeliveryState.APPLIED, DeliveryState.NOTHING, DeliveryState.REFUSED])
    found: QuerySet[HookDelivery] = HookDelivery.objects.filter(
        Q(done, received_at__lt=now - KEPT) | Q(received_at__lt=now - KEPT_UNMATCHED, due_at__isnull=True)
    )
    return found


def forget() -> None:
    """Drop old calls, some at a time."""
    ids = list(_old().values_list("pk", flat=True)[:FORGET_AT_ONCE])
    if ids:
        HookDelivery.objects.filter(pk__in=ids).delete()
