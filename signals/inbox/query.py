"""What the inbox may be asked for in the URL, and pages of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet

from hub.shell.paging import Page, cursor_values, page_of
from signals.models import SEVERE, Severity, Signal, SignalStatus, Trigger
from signals.selectors import ROW, URGENCY

PAGE_SIZE: Final = 50
ACCOUNTS_PAGE: Final = 20
MOST_OF_ACCOUNTS: Final = 500
# A count beyond this is told as "more than".
MOST_COUNTED: Final = 10_000
ANY_STATUS: Final = "all"
SNOOZED: Final = "snoozed"
NOBODY: Final = "none"
ME: Final = "me"
BY_SEVERITY: Final = "severity"
BY_ACCOUNT: Final = "account"
TABS: Final = {
    SignalStatus.OPEN.value: "Open",
    SNOOZED: "Snoozed",
    SignalStatus.RESOLVED.value: "Resolved",
    SignalStatus.DISMISSED.value: "Dismissed",
    SignalStatus.HELD.value: "Held",
}
FILTERS: Final = ("severity", "family", "trigger", "assignee", "segment", "account")
PARAMETERS: Final = ("status", *FILTERS, "sort", "group", "whose")


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """Filters of the inbox; ``status`` is a key of `TABS` or ``all``, the others may be empty.

    ``trigger`` is a key, ``assignee`` a user's id, ``me`` or ``none``, ``account`` an id.
    """

    status: str = SignalStatus.OPEN
    severity: str = ""
    family: str = ""
    trigger: str = ""
    assignee: str = ""
    segment: str = ""
    account: str = ""
    sort: str = ""
    group: str = ""
    cursor: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> InboxQuery:
        """Read a query string; values that nobody offers are left out."""
        status, severity = params.get("status", ""), params.get("severity", "")
        assignee = params.get("assignee", "")
        return cls(
            status=status if status in (*TABS, ANY_STATUS) else SignalStatus.OPEN,
            severity=severity if severity in Severity.values else "",
            family=_text(params, "family", 32),
            trigger=_text(params, "trigger", 64),
            assignee=assignee if assignee in (ME, NOBODY) else _id(assignee),
            segment=_text(params, "segment", 100),
            account=_id(params.get("account", "")),
            sort=BY_SEVERITY if params.get("sort") == BY_SEVERITY else "",
            group=BY_ACCOUNT if params.get("group") == BY_ACCOUNT else "",
            cursor=params.get("cursor", ""),
        )

    @property
    def narrows(self) -> bool:
        return any(getattr(self, name) for name in FILTERS)

    def params(self) -> dict[str, str]:
        """What reads as the same selection: status and filters, without empty ones."""
        found = {"status": str(self.status), **{name: getattr(self, name) for name in FILTERS}}
        return {name: value for name, value in found.items() if value}


def _text(params: Mapping[str, str], name: str, longest: int) -> str:
    return params.get(name, "").replace("\x00", "").strip()[:longest]


def _id(text: str) -> str:
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        return ""


def selection(query: InboxQuery, *, owner_id: UUID | None = None, user_id: UUID | None = None) -> QuerySet[Signal]:
    """The signals that a query leaves, in no order; of an owner's accounts. ``user_id`` is who ``me`` means."""
    signals: QuerySet[Signal] = Signal.objects.filter(_of_status(query.status))
    if owner_id is not None:
        signals = signals.filter(account__owner_id=owner_id)
    given: dict[str, Any] = {
        "severity": query.severity,
        "trigger__family": query.family,
        "trigger__key": query.trigger,
        "account__segment": query.segment,
        "account_id": query.account,
    }
    signals = signals.filter(**{name: value for name, value in given.items() if value})
    if query.assignee == NOBODY:
        return signals.filter(assignee__isnull=True)
    if query.assignee:
        return signals.filter(assignee_id=user_id if query.assignee == ME else UUID(query.assignee))
    return signals


def _of_status(status: str) -> Q:
    if status == ANY_STATUS:
        return Q()
    if status == SNOOZED:
        return Q(status=SignalStatus.OPEN, snoozed_until__isnull=False)
    if status == SignalStatus.OPEN:
        return Q(status=SignalStatus.OPEN, snoozed_until__isnull=True)
    return Q(status=status)


def inbox_page(
    query: InboxQuery, *, owner_id: UUID | None = None, user_id: UUID | None = None, size: int = PAGE_SIZE
) -> Page[Signal]:
    """Signals from the cursor on: newest first, or the most severe first. One query."""
    signals = _with_names(selection(query, owner_id=owner_id, user_id=user_id))
    if query.sort == BY_SEVERITY:
        return _most_severe(signals, query.cursor, size)
    signals = signals.order_by("-recorded_at", "-id")
    if after := cursor_values(query.cursor, datetime.fromisoformat, UUID):
        at, pk = after
        signals = signals.filter(recorded_at__lte=at).exclude(recorded_at=at, pk__gte=pk)
    rows = list(signals[: size + 1])
    return page_of(rows, size, lambda signal: (signal.recorded_at.isoformat(), signal.pk))


def _most_severe(signals: QuerySet[Signal], cursor: str, size: int) -> Page[Signal]:
    signals = signals.annotate(urgency=URGENCY).order_by("urgency", "-recorded_at", "-id")
    if after := cursor_values(cursor, int, datetime.fromisoformat, UUID):
        rank, at, pk = after
        later = Q(urgency=rank) & (Q(recorded_at__lt=at) | Q(recorded_at=at, pk__lt=pk))
        # The first condition is told by the second, too; by it the index is entered where the page begins.
        signals = signals.filter(Q(urgency__gte=rank), Q(urgency__gt=rank) | later)
    rows = list(signals[: size + 1])
    return page_of(rows, size, lambda row: (SEVERE.index(row.severity), row.recorded_at.isoformat(), row.pk))


def _with_names(signals: QuerySet[Signal]) -> QuerySet[Signal]:
    named: QuerySet[Signal] = signals.select_related(*ROW)
    return named


@dataclass(frozen=True, slots=True)
class FamilyGroup:
    """The signals of one family at an account: the newest stands for the others."""

    family: str
    newest: Signal
    others: Sequence[Signal]


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """An account's signals by family, the latest family first; ``count`` may be more than are shown."""

    account: Any
    count: int
    families: Sequence[FamilyGroup]


def grouped_page(
    query: InboxQuery, *, owner_id: UUID | None = None, user_id: UUID | None = None, size: int = ACCOUNTS_PAGE
) -> Page[AccountGroup]:
    """Accounts by their newest signal, each with its signals by family. Two queries."""
    chosen = selection(query, owner_id=owner_id, user_id=user_id)
    groups = chosen.order_by().values("account_id").annotate(n=Count("account_id"), latest=Max("recorded_at"))
    if after := cursor_values(query.cursor, datetime.fromisoformat, UUID):
        at, pk = after
        groups = groups.filter(Q(latest__lt=at) | Q(latest=at, account_id__lt=pk))
    found = page_of(
        list(groups.order_by("-latest", "-account_id")[: size + 1]),
        size,
        lambda group: (group["latest"].isoformat(), group["account_id"]),
    )
    counts = {group["account_id"]: group["n"] for group in found.rows}
    signals = _with_names(chosen.filter(account_id__in=list(counts))).order_by("-recorded_at", "-id")
    by_account: dict[UUID, list[Signal]] = defaultdict(list)
    for signal in signals[:MOST_OF_ACCOUNTS]:
        by_account[signal.account_id].append(signal)
    return Page([_account_group(by_account[pk], n) for pk, n in counts.items() if by_account[pk]], found.next_cursor)


def _account_group(signals: Sequence[Signal], count: int) -> AccountGroup:
    families: dict[str, list[Signal]] = defaultdict(list)
    for signal in signals:
        families[signal.trigger.family].append(signal)
    groups = [FamilyGroup(family, own[0], own[1:]) for family, own in families.items()]
    return AccountGroup(signals[0].account, count, groups)


def matching(query: InboxQuery, *, owner_id: UUID | None = None, user_id: UUID | None = None) -> int:
    """How many signals the query leaves, counted as far as `MOST_COUNTED` + 1. One query."""
    return selection(query, owner_id=owner_id, user_id=user_id).order_by()[: MOST_COUNTED + 1].count()


def open_counts(owner_id: UUID | None = None) -> dict[str, int]:
    """How many open signals there are, and how many are snoozed, counted as far as `MOST_COUNTED` + 1; what is closed
    nobody has to deal with, and counting it would walk all there ever was. One query."""
    tabs = (SignalStatus.OPEN.value, SNOOZED)
    found = [
        selection(InboxQuery(status=tab), owner_id=owner_id).values("pk")[: MOST_COUNTED + 1].query.sql_with_params()
        for tab in tabs
    ]
    counts = ", ".join(f"(SELECT count(*) FROM ({sql}) AS counted)" for sql, _ in found)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [param for _, params in found for param in params])
        return dict(zip(tabs, cursor.fetchone(), strict=True))


def families() -> list[str]:
    """The families of the tenant's triggers, in order. One query."""
    return list(Trigger.objects.order_by("family").values_list("family", flat=True).distinct())
