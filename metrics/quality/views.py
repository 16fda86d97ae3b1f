"""Metrics → Data quality: the figure, its parts, and the lists behind them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from hub.accounts.facts import today_of
from hub.people.guards import StaffRequest, staff_page
from hub.shell.charts import Series, Unit, XYChart
from metrics.quality.counting import strangers
from metrics.quality.lacking import CHECKS, lacking_page
from metrics.quality.models import QualityDay
from metrics.quality.parts import PARTS, Counts

TREND: Final = timedelta(days=90)
TITLES: Final = {
    "freshness": ("Sources that deliver", "sources are quiet or fail"),
    "matching": ("Events with an account", "events of seven days belong to no account"),
    "agreement": ("Accounts without a conflict", "accounts have fields on which sources disagree"),
    "completeness": ("Complete accounts", "accounts that pay lack something"),
}


@staff_page("metrics.view")
@require_safe
def quality(request: StaffRequest) -> HttpResponse:
    """How good the data is that everything else is made of."""
    today = today_of(request.tenant)
    days = list(QualityDay.objects.filter(day__gt=today - TREND).order_by("day"))
    latest = days[-1] if days else None
    context: dict[str, Any] = {"latest": latest, "chart": _chart(days)}
    if latest:
        counts = Counts.read(latest.counts)
        context["parts"] = [_part(request, part, latest, counts) for part in PARTS]
        listed = sorted(((latest.lacking.get(key, 0), key, check.label) for key, check in CHECKS.items()), reverse=True)
        context["lacking"] = [(count, key, label) for count, key, label in listed if count]
    return render(request, "metrics/quality/quality.html", context)


def _part(request: StaffRequest, part: str, latest: QualityDay, counts: Counts) -> dict[str, Any]:
    title, words = TITLES[part]
    bad, whole = counts.of(part)
    addresses = {
        "freshness": "sources:keys",
        "matching": "metrics:unmatched",
        "agreement": "record:conflicts",
        "completeness": "metrics:incomplete",
    }
    return {
        "title": title, "words": words, "value": getattr(latest, part), "bad": bad, "whole": whole,
        "url": reverse(addresses[part], kwargs={"tenant": request.tenant.slug}),
    }  # fmt: skip


def _chart(days: list[QualityDay]) -> XYChart | None:
    if len(days) < 2:
        return None
    series = [Series("Data quality", [day.score for day in days])]
    series += [Series(TITLES[part][0], [getattr(day, part) for day in days]) for part in PARTS]
    return XYChart(
        "line", "Data quality, 90 days", Unit("number", "of 100"), [f"{day.day:%b} {day.day.day}" for day in days],
        series, x_name="Day",
    )  # fmt: skip


@staff_page("metrics.view")
@require_safe
def incomplete(request: StaffRequest) -> HttpResponse:
    """Accounts that pay and lack something, those that pay most first."""
    key = request.GET.get("lacks", "")
    context = {
        "key": key if key in CHECKS else "",
        "choices": [("", "Anything"), *((key, check.label) for key, check in CHECKS.items())],
        "page": lacking_page(key, request.GET.get("cursor", "")),
        "cursor": request.GET.get("cursor", ""),
    }
    return render(request, "metrics/quality/incomplete.html", context)


@staff_page("metrics.view")
@require_safe
def unmatched(request: StaffRequest) -> HttpResponse:
    """Whose events belong to no account."""
    return render(request, "metrics/quality/unmatched.html", {"strangers": strangers()})
