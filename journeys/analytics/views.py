"""Staff pages: the figures of one journey, and how soon signals are acted on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages as flash
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.models import Account
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from journeys.analytics.figures import ENOUGH
from journeys.analytics.latency import LISTED, MOST, breaches, limit_of, limit_set, published
from journeys.analytics.shown import figures_of
from journeys.models import Journey

PERIODS: Final = {"30": "30 days", "90": "90 days", "365": "a year", "all": "ever"}
WINDOWS: Final = {"1": "a day", "7": "7 days", "30": "30 days"}


def since_of(asked: str | None, offered: dict[str, str], default: str, now: datetime) -> tuple[str, datetime | None]:
    """The period that was asked for, by its key, and when it began; None where it has no beginning."""
    key = asked if asked in offered else default
    return key, None if key == "all" else now - timedelta(days=int(key))


@staff_page("journeys.view")
@require_safe
def figures(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """What one journey came to, over the accounts that entered it within a period."""
    journey = get_object_or_404(Journey, pk=journey_id)
    if not journey.live:
        return redirect("journeys:page", tenant=request.tenant.slug, journey_id=journey.pk)
    now = timezone.now()
    period, since = since_of(request.GET.get("period"), PERIODS, "90", now)
    shown = figures_of(journey, since=since)
    context: dict[str, Any] = {
        "journey": journey,
        "mode": "figures",
        "period": period,
        "periods": PERIODS,
        "goals": shown.goals,
        "enough": ENOUGH,
        "figures": shown.figures,
    }
    week = published(since=now - timedelta(days=7), now=now, limit=limit_of(request.tenant.settings))
    context |= {"latency": week.journeys.get(journey.pk), "limit": week.limit}
    return render(request, "journeys/analytics/figures.html", context)


@staff_page("journeys.view")
@require_safe
def latency(request: StaffRequest) -> HttpResponse:
    """The published figure: seconds from signal to action, by journey, and every breach of the limit."""
    now = timezone.now()
    window, since = since_of(request.GET.get("window"), WINDOWS, "7", now)
    assert since is not None
    asked: dict[str, Any] = {"since": since, "now": now, "limit": limit_of(request.tenant.settings)}
    found, late = published(**asked), breaches(**asked)
    names = dict(Journey.objects.values_list("pk", "name"))
    accounts = dict(Account.objects.filter(pk__in={breach.account_id for breach in late}).values_list("pk", "name"))
    context = {
        "window": window,
        "windows": WINDOWS,
        "found": found,
        "limit": found.limit,
        "most": MOST,
        "listed": LISTED,
        "rows": sorted(((pk, names.get(pk, ""), each) for pk, each in found.journeys.items()), key=lambda row: row[1]),
        "breaches": [
            (breach, names.get(breach.journey_id, ""), accounts.get(breach.account_id, "")) for breach in late
        ],
        "may_edit": allowed(request.membership.role, "journeys.edit"),
    }
    return render(request, "journeys/analytics/latency.html", context)


@staff_page("journeys.edit")
@require_POST
def limit(request: StaffRequest) -> HttpResponse:
    """Change within how many seconds a signal should be acted on."""
    text = request.POST.get("act_within", "")
    try:
        limit_set(tenant=request.tenant, seconds=int(text), actor=actor_of(request))
    except ValueError:
        flash.error(request, f"The limit is a whole number of seconds, 1 to {MOST:,}. It stays as it was.")
    else:
        flash.success(request, f"Signals should be acted on within {int(text):,} seconds.")
    return redirect("journeys:latency", tenant=request.tenant.slug)
