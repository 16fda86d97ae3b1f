"""The list of accounts that may expand: what may be asked for in the address, and pages of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from babel.numbers import get_currency_precision
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.rules.compile import Clock
from hub.rules.explain import findings, why_false
from hub.rules.language import Sustained, facts_of
from hub.shell.paging import Page, cursor_values, page_of
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from signals.readiness.criteria import Criterion, Kind, State
from signals.readiness.models import ExpansionReadiness
from signals.readiness.reading import Asked, Said, asked_now, read, today_of_rule

PAGE_SIZE: Final = 50
READY, NEARLY, EVERY = "ready", "nearly", "all"
STATES: Final = ((READY, "Ready"), (NEARLY, "Nearly: lacks one"), (EVERY, "Everybody who pays"))
SORTS: Final = (("score", "Score"), ("arr", "ARR"))
PARAMETERS: Final = ("type", "state", "owner", "arr", "sort")
UNOWNED: Final = "none"
MOST_MINOR: Final = 2**62


@dataclass(frozen=True, slots=True)
class ReadinessQuery:
    """What of the list is asked for. ``type`` is a kind or empty for any, ``arr`` the least ARR in whole units of the
    tenant's currency, as typed, ``owner`` an id or `UNOWNED`."""

    type: str = ""
    state: str = READY
    owner: str = ""
    arr: str = ""
    sort: str = "score"
    cursor: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> ReadinessQuery:
        """Read a query string; values that nobody offers are left out."""
        kind, state, sort = params.get("type", ""), params.get("state", ""), params.get("sort", "")
        arr = params.get("arr", "").strip()
        return cls(
            type=kind if kind in set(Kind) else "",
            state=state if state in dict(STATES) else READY,
            owner=_owner(params.get("owner", "")),
            arr=arr if arr.isascii() and arr.isdecimal() and len(arr) <= 12 else "",
            sort=sort if sort in dict(SORTS) else "score",
            cursor=params.get("cursor", ""),
        )

    @property
    def narrows(self) -> bool:
        return bool(self.type or self.owner or self.arr or self.state != READY)


def _owner(text: str) -> str:
    if text == UNOWNED:
        return text
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def readiness_rows(query: ReadinessQuery) -> QuerySet[ExpansionReadiness]:
    """The rows that a query asks for, without an order."""
    rows: QuerySet[ExpansionReadiness] = ExpansionReadiness.objects.select_related("account__owner")
    lacks = f"lacks_{query.type}" if query.type else "lacks"
    if query.state != EVERY:
        rows = rows.filter(**{lacks: 0 if query.state == READY else 1})
    if query.owner:
        rows = rows.filter(account__owner_id=None if query.owner == UNOWNED else UUID(query.owner))
    if query.arr:
        currency = Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id())
        # A year's recurring revenue is twelve months'.
        rows = rows.filter(mrr_minor__gte=-(-int(query.arr) * 10 ** get_currency_precision(currency) // 12))
    return rows


@dataclass(frozen=True, slots=True)
class Shown:
    """A criterion as a page shows it: what was seen, in words, and as of when."""

    criterion: Criterion
    state: State
    seen: str
    as_of: date | None
    source: str


@dataclass(frozen=True, slots=True)
class KindShown:
    """A type with its criteria, those that are missing first."""

    kind: Kind
    lacks: int
    criteria: Sequence[Shown]

    @property
    def missing(self) -> list[Shown]:
        return [shown for shown in self.criteria if shown.state is not State.MET]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the list with what its criteria see now."""

    row: ExpansionReadiness
    kinds: Sequence[KindShown]

    @property
    def least(self) -> int:
        """How many criteria the nearest of the types shown lacks."""
        return min(kind.lacks for kind in self.kinds)

    @property
    def of(self) -> int:
        return len(self.kinds[0].criteria)

    @property
    def arr_minor(self) -> int:
        return self.row.mrr_minor * 12


def readiness_page(query: ReadinessQuery, tenant: Tenant, *, size: int = PAGE_SIZE) -> Page[Line]:
    """A page of the list, from the cursor on. Ten queries at most, however many rows."""
    column = "rank" if query.sort == "score" else "mrr_minor"
    rows = readiness_rows(query)
    if after := cursor_values(query.cursor, int, UUID):
        value, pk = after
        if abs(value) <= MOST_MINOR:
            rows = rows.filter(Q(**{f"{column}__lt": value}) | Q(**{column: value, "pk__gt": pk}))
    found = list(rows.order_by(f"-{column}", "pk")[: size + 1])
    page = page_of(found, size, lambda row: (getattr(row, column), row.pk))
    return Page(lines_of(page.rows, tenant, query.type), page.next_cursor)


def lines_of(rows: Sequence[ExpansionReadiness], tenant: Tenant, kind: str = "") -> list[Line]:
    """Rows with what their criteria see at this moment."""
    if not rows:
        return []
    now = timezone.now()
    clock, asked = Clock(now, today_of(tenant, now)), asked_now()
    said = read(asked, [row.account_id for row in rows], clock)
    kinds = [Kind(kind)] if kind else list(Kind)
    return [
        Line(row, [_kind(each, asked, said[row.account_id], clock) for each in kinds])
        for row in rows
        if row.account_id in said
    ]


def _kind(kind: Kind, asked: Asked, said: Said, clock: Clock) -> KindShown:
    shown = [_shown(criterion, said, clock) for criterion in asked.of(kind)]
    return KindShown(kind, said.lacks(kind, asked), sorted(shown, key=lambda each: each.state is State.MET))


def _shown(criterion: Criterion, said: Said, clock: Clock) -> Shown:
    node: Any = criterion.node
    days = f", for {node.days} days running" if isinstance(node, Sustained) else ""
    today = today_of_rule(node)
    seen = findings(today, said.values, clock)
    # What decides: what is lacking, or what is so; not every condition that was asked beside it.
    told = why_false(today, said.values, clock) or [finding for finding in seen if finding.met] or seen
    known = [finding for finding in told if finding.value is not None] or told
    source = _sources(criterion)
    known_ages = [age for name in source if (age := said.ages.get(name)) is not None]
    state = said.states[criterion.key]
    if days and state is State.NOT and all(finding.met for finding in seen):
        days = f", but not for {node.days} days running"
    return Shown(
        criterion,
        state,
        "; ".join(finding.text for finding in known) + (days if state is not State.UNKNOWN else ""),
        clock.today - timedelta(days=max(known_ages)) if known_ages else None,
        ", ".join(source),
    )


def _sources(criterion: Criterion) -> list[str]:
    return sorted({fact.source for fact in facts_of(criterion.node).values()})


def totals() -> dict[str, int]:
    """How many accounts are ready for each type, and for any. One query."""
    counted = ExpansionReadiness.objects.aggregate(
        **{kind.value: Count("pk", filter=Q(**{f"lacks_{kind.value}": 0})) for kind in Kind},
        any=Count("pk", filter=Q(lacks=0)),
        nearly=Count("pk", filter=Q(lacks=1)),
        pay=Count("pk"),
    )
    return dict(counted)
