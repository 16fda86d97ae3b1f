"""The pressure budget as a ledger: who used it, what for, and when it is free again. Reads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.outbox.gates import Policy, capped_until
from hub.outbox.models import COUNTED_CLASSES, FELT, Message

PAGE = 50


@dataclass(frozen=True, slots=True)
class Used:
    """A message that counts, and when it stops counting."""

    message: Message
    frees_at: datetime


@dataclass(frozen=True, slots=True)
class Budget:
    """So many of `cap` are used; the next may go at `free_at` (now or earlier: at once, None: never)."""

    used: int
    cap: int
    free_at: datetime | None

    @property
    def is_full(self) -> bool:
        return self.used >= self.cap


@dataclass(frozen=True, slots=True)
class Ledger:
    """The budget of an account and of its contacts who used any, with what used it, latest first."""

    account: Budget
    contacts: tuple[tuple[Contact, Budget], ...]
    entries: tuple[Used, ...]
    policy: Policy


def counted(now: datetime, policy: Policy) -> QuerySet[Message]:
    """Messages that count in the window before `now`: by mail, of the classes that caps count, however they ended."""
    found: QuerySet[Message] = Message.objects.filter(
        sent_at__gt=now - policy.cap_window, message_class__in=COUNTED_CLASSES, status__in=FELT, channel="email"
    )
    return found


def ledger_of(account_id: UUID, policy: Policy, now: datetime | None = None) -> Ledger:
    """What the account and its people have been written within the window. One query."""
    now = now or timezone.now()
    rows = counted(now, policy).filter(account_id=account_id).select_related("contact")
    entries = [row for row in rows.defer("body_html", "body_text").order_by("-sent_at", "-id") if row.sent_at]
    by_contact: dict[Contact, list[datetime]] = defaultdict(list)
    for row in entries:
        by_contact[row.contact].append(_sent(row))
    people = [(contact, _budget(sent, policy.contact_cap, policy, now)) for contact, sent in by_contact.items()]
    return Ledger(
        _budget([_sent(row) for row in entries], policy.account_cap, policy, now),
        tuple(sorted(people, key=lambda pair: (-pair[1].used, str(pair[0])))),
        tuple(Used(row, _sent(row) + policy.cap_window) for row in entries),
        policy,
    )


def _sent(row: Message) -> datetime:
    assert row.sent_at is not None
    return row.sent_at


def _budget(sent: list[datetime], cap: int, policy: Policy, now: datetime) -> Budget:
    return Budget(len(sent), cap, capped_until(sent, cap, policy.cap_window, now))


def most_pressed(policy: Policy, now: datetime | None = None) -> list[tuple[Account, int]]:
    """Accounts that have been written to within the window, most first. Two queries."""
    rows = counted(now or timezone.now(), policy).order_by().values_list("account_id").annotate(n=Count("pk"))
    counts = dict(rows.order_by("-n", "account_id")[:PAGE])
    accounts = {account.pk: account for account in Account.objects.filter(pk__in=list(counts))}
    return [(accounts[pk], n) for pk, n in counts.items() if pk in accounts]
