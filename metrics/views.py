from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from hub.people.guards import StaffRequest, staff_page
from hub.shell.formatting import day, locale_of
from metrics import contradictions as contradiction
from metrics import selectors
from metrics.dashboard import KIND_WORDS, Months, ledger_chart, reported_months, trend_chart, waterfall
from metrics.figures import Figures, Waiting, figures_of
from metrics.methodology import MovementKind, months_back
from metrics.quality.counting import latest_score
from metrics.query import ENDS, OVERLAPS, SPLITS, MetricsQuery
from metrics.selectors import NrrReport
from metrics.window_types import window_types

PAGE_SIZE = 100
TREND_MONTHS = 24


@staff_page("metrics.view")
@require_safe
def dashboard(request: StaffRequest) -> HttpResponse:
    """Retention: what both customer success and customer marketing are measured by."""
    months = reported_months(timezone.localdate())
    if months is None:
        return render(request, "metrics/empty.html", {})
    query = MetricsQuery.read(request.GET, months.ends, months.default)
    figures = figures_of(query)
    context = _choices(request, query, months) | {"query": query, "state_url": _state_url(request, query, figures)}
    if "counted" in request.GET and request.headers.get("HX-Request"):
        return _state(request, context, figures)
    if isinstance(figures, Waiting):
        return render(request, "metrics/dashboard.html", context | {"waiting": True})
    context |= {"quality": latest_score()}
    return render(request, "metrics/dashboard.html", context | _shown(request, query, figures))


def _state(request: StaffRequest, context: dict[str, Any], figures: Figures | Waiting) -> HttpResponse:
    """The line that says as of when the page's figures are; once there are newer ones, where to see them.

    A page that has none yet is loaded again as soon as there are some.
    """
    waits = request.GET["counted"] == ""
    if isinstance(figures, Waiting):
        return render(request, "metrics/dashboard.html#state", context | {"waiting": True})
    if waits:
        return HttpResponse(headers={"HX-Refresh": "true"})
    newer = figures.counted_at is None or figures.counted_at.isoformat() != request.GET["counted"]
    counted = {"counted_at": figures.counted_at, "behind": figures.behind, "newer": newer and not figures.behind}
    return render(request, "metrics/dashboard.html#state", context | counted)


def _state_url(request: StaffRequest, query: MetricsQuery, figures: Figures | Waiting) -> str:
    """Where the line asks: with what the page shows, which stays when newer figures come."""
    counted = figures.counted_at if isinstance(figures, Figures) else None
    shown = request.GET.get("counted") or (counted.isoformat() if counted else "")
    return f"{request.path}?{query.urlencode(counted=shown)}"


def _shown(request: StaffRequest, query: MetricsQuery, figures: Figures) -> dict[str, Any]:
    report = figures.year
    trend = selectors.nrr_trend(as_of=query.as_of, points=TREND_MONTHS, window=12, overlap=query.method.overlap)
    return {
        "report": report,
        "year": _rates(report, figures.year_before),
        "month": _rates(figures.month, None),
        "month_report": figures.month,
        "waterfall": waterfall(report, lambda kind: _accounts_url(request, query, kind=kind)),
        "trend": trend_chart(trend),
        "ledger": ledger_chart(figures.ledger, report.currency),
        "segments": [
            (name, window, _accounts_url(request, query, segment=name)) for name, window in report.segments.items()
        ],
        "contradictions": contradiction.in_words(figures.contradictions),
        "counted_at": figures.counted_at,
        "behind": figures.behind,
        # With few accounts the trend, too, is counted while the page is made.
        "trend_at": selectors.trend_behind() if figures.counted_at else None,
    }


def _rates(report: NrrReport, before: NrrReport | None) -> dict[str, float | None]:
    """Ratios of a window, and how far each lies from the window of a month earlier."""
    rates: dict[str, float | None] = {}
    for name in ("nrr", "grr", "logo_retention"):
        now, then = getattr(report.total, name), getattr(before.total, name) if before else None
        rates[name] = None if now is None else float(now)
        rates[f"{name}_change"] = None if now is None or then is None else float(now - then)
    return rates


def _choices(request: StaffRequest, query: MetricsQuery, months: Months) -> dict[str, Any]:
    return {
        "ends": months.ends,
        "overlaps": list(OVERLAPS.items()),
        "end_days": list(ENDS.items()),
        "splits": list(SPLITS.items()),
        "split_title": SPLITS[query.segment_by],
        "year_url": _accounts_url(request, query, window="12m"),
        "cohort_url": _accounts_url(request, query, window="12m", kind="cohort"),
        "month_url": _accounts_url(request, query, window="1m"),
    }


def _accounts_url(request: StaffRequest, query: MetricsQuery, **more: str) -> str:
    return f"{reverse('metrics:accounts', kwargs={'tenant': request.tenant.slug})}?{query.urlencode(**more)}"


@staff_page("metrics.view")
@require_safe
def accounts(request: StaffRequest) -> HttpResponse:
    """The accounts behind a figure, the largest change first."""
    months = reported_months(timezone.localdate())
    if months is None:
        return render(request, "metrics/empty.html", {})
    query = MetricsQuery.read(request.GET, months.ends, months.default)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KIND_WORDS else ""
    segment, offset = request.GET.get("segment", "")[:100], _offset(request.GET.get("offset", ""))
    rows = selectors.nrr_accounts(
        as_of=query.as_of,
        months=query.months,
        method=query.method,
        kind=kind,
        segment_by=query.segment_by,
        segment=segment,
        limit=PAGE_SIZE + 1,
        offset=offset,
    )
    shown = rows[:PAGE_SIZE]
    types = window_types(shown, as_of=query.as_of, months=query.months, method=query.method)
    context = {
        "query": query,
        "kind": kind,
        "kinds": list(KIND_WORDS.items()),
        "segment": segment,
        "split_title": SPLITS[query.segment_by],
        "start": months_back(query.as_of, query.months),
        "title": f"{KIND_WORDS[kind]}{f': {segment}' if segment else ''}",
        "purpose": _purpose(request, query),
        "rows": [(row, _tone(row.kind), _types(types.get(row.account_id, {}))) for row in shown],
        "offset": offset,
        "next_offset": offset + PAGE_SIZE if len(rows) > PAGE_SIZE else None,
        "dashboard_url": f"{reverse('metrics:dashboard', kwargs={'tenant': request.tenant.slug})}?{query.urlencode()}",
    }
    return render(request, "metrics/accounts.html", context)


def _types(types: dict[str, int]) -> list[tuple[str, int]]:
    """Types in words, the largest first."""
    ordered = sorted(types.items(), key=lambda part: (-part[1], part[0]))
    return [(name.replace("_", "-"), amount) for name, amount in ordered]


def _purpose(request: StaffRequest, query: MetricsQuery) -> str:
    as_of = day(query.as_of, locale_of(request.tenant.locale))
    return f"Accounts behind the figure: {query.window_words} to {as_of}, {query.methodology_words}."


def _offset(text: str) -> int:
    return min(int(text), 1_000_000) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def _tone(kind: str) -> str:
    gains = (MovementKind.NEW, MovementKind.REACTIVATION, MovementKind.EXPANSION)
    if kind in gains:
        return "success"
    return (
        {MovementKind.CONTRACTION: "warning", MovementKind.CHURN: "error"}.get(MovementKind(kind), "muted")
        if kind
        else "muted"
    )


@staff_page("metrics.view")
@require_safe
def contradictions(request: StaffRequest) -> HttpResponse:
    """The accounts about which the sources contradict each other; both sides are shown, none is picked."""
    months = reported_months(timezone.localdate())
    if months is None:
        return render(request, "metrics/empty.html", {})
    query = MetricsQuery.read(request.GET, months.ends, months.default)
    found = contradiction.in_words(selectors.contradictions(as_of=query.as_of))
    kind = request.GET.get("kind", "") or (found[0].key if found else "")
    if kind and kind not in contradiction.KINDS:
        raise Http404
    url = reverse("metrics:contradictions", kwargs={"tenant": request.tenant.slug})
    context = {
        "query": query,
        "kind": kind,
        "tabs": [(one, f"{url}?{urlencode({'as_of': query.as_of.isoformat(), 'kind': one.key})}") for one in found],
        "rows": contradiction.contradicted_accounts(kind, as_of=query.as_of) if kind else [],
        "shown": contradiction.SHOWN,
    }
    return render(request, "metrics/contradictions.html", context)
