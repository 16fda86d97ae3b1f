"""Metrics → Themes: what customers write about, how many of them and how much MRR, and the words behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from hub.accounts.models import Account
from hub.feedback.models import ReadText
from hub.feedback.text.sentiment import Feeling
from hub.feedback.text_selectors import ThemeWeight, read_texts, texts_by_month, theme_weights, with_words
from hub.feedback.theme_selectors import theme_titles
from hub.people.guards import StaffRequest, staff_page
from hub.registry.texts import text_sources
from hub.shell.charts import Series, Unit, XYChart
from hub.shell.paging import cursor_values, page_of
from metrics.dashboard import month_name
from metrics.methodology import months_back

WINDOWS = {"30": "30 days", "90": "90 days", "365": "12 months"}
FEELINGS = {"": "Any", **{str(feeling): feeling.capitalize() for feeling in Feeling}}
MONTHS, DRAWN, PAGE_SIZE = 12, 5, 50


def _chosen(request: StaffRequest) -> dict[str, Any]:
    """Window and kind of text, from the address; what is not known there is the default."""
    days, kind = request.GET.get("days", ""), request.GET.get("kind", "")
    return {
        "days": days if days in WINDOWS else "90",
        "windows": list(WINDOWS.items()),
        "kind": kind if kind in text_sources else "",
        "kinds": [("", "All texts"), *((source.key, source.title) for source in text_sources)],
    }


@staff_page("metrics.view")
@require_safe
def themes(request: StaffRequest) -> HttpResponse:
    """Themes by the revenue of the accounts that write about them."""
    chosen, titles, today = _chosen(request), theme_titles(), timezone.now().date()
    weights = [
        weight
        for weight in theme_weights(today=today, days=int(chosen["days"]), kind=chosen["kind"])
        if weight.key in titles
    ]
    rows = [(weight, titles[weight.key], 12 * weight.mrr_minor) for weight in weights if weight.texts]
    context = chosen | {"rows": rows, "chart": _chart(weights, titles, today, chosen["kind"])}
    return render(request, "metrics/themes.html", context | {"any": bool(rows) or ReadText.objects.exists()})


def _chart(weights: Sequence[ThemeWeight], titles: dict[str, str], today: date, kind: str) -> XYChart | None:
    drawn = sorted((w for w in weights if w.texts), key=lambda weight: (-weight.texts, weight.key))[:DRAWN]
    if not drawn:
        return None
    months = [months_back(today, back).replace(day=1) for back in reversed(range(MONTHS))]
    counts = texts_by_month([weight.key for weight in drawn], months=months, kind=kind)
    return XYChart(
        kind="line",
        title="Texts a month, the themes named most",
        unit=Unit("number", "texts"),
        x=[month_name(month) for month in months],
        series=[Series(titles[weight.key], counts[weight.key]) for weight in drawn],
        x_name="Month",
    )


@staff_page("metrics.view")
@require_safe
def texts(request: StaffRequest) -> HttpResponse:
    """The texts behind a theme, newest first."""
    chosen, titles = _chosen(request), theme_titles()
    theme, feeling = request.GET.get("theme", ""), request.GET.get("feeling", "")
    theme, feeling = theme if theme in titles else "", feeling if feeling in FEELINGS else ""
    account = _account(request)
    end = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    rows = read_texts().filter(at__gte=end - timedelta(days=int(chosen["days"])), at__lt=end)
    if theme:
        rows = rows.filter(themes__contains=[theme])
    for name, value in (("kind", chosen["kind"]), ("feeling", feeling), ("account", account)):
        rows = rows.filter(**{name: value}) if value else rows
    if start := cursor_values(request.GET.get("cursor", ""), datetime.fromisoformat, UUID):
        at, pk = start
        rows = rows.filter(at__lte=at).exclude(at=at, id__gte=pk)
    page = page_of(list(rows.order_by("-at", "-id")[: PAGE_SIZE + 1]), PAGE_SIZE, lambda row: (row.at, row.pk))
    context = chosen | {
        "theme": theme,
        "title": titles.get(theme, "Texts"),
        "themes": [("", "Any theme"), *sorted(titles.items(), key=lambda one: one[1])],
        "feeling": feeling,
        "feelings": list(FEELINGS.items()),
        "account": account,
        "rows": [(said, [titles[key] for key in said.read.themes if key in titles]) for said in with_words(page.rows)],
        "next_cursor": page.next_cursor,
    }
    return render(request, "metrics/texts.html", context)


def _account(request: StaffRequest) -> Account | None:
    try:
        wanted = UUID(request.GET.get("account", ""))
    except ValueError:
        return None
    found: Account | None = Account.objects.filter(pk=wanted).first()
    return found
