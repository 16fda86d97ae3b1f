"""How many accounts an experiment needs, and what the accounts of a journey can show."""

from __future__ import annotations

from math import ceil
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.people.guards import StaffRequest, staff_page
from journeys.experiments.forms import PERCENT
from journeys.experiments.selectors import entry_rate
from journeys.models import Journey

DEFAULTS = {"baseline": "20", "change": "5", "arms": "2", "power": "80", "alpha": "5"}
LIMITS = {"baseline": (0.1, 99.9), "change": (-99.0, 99.0), "arms": (2, 10), "power": (50, 99), "alpha": (0.1, 20)}
WEEKS = (2, 4, 8, 13, 26)


@staff_page("journeys.view")
@require_safe
def size(request: StaffRequest) -> HttpResponse:
    """Baseline, change, arms, power and alpha make a number of accounts; a journey's entry rate makes it days."""
    given = {name: request.GET.get(name, default)[:12] for name, default in DEFAULTS.items()}
    sequential = request.GET.get("reading") == "sequential"
    journeys = list(Journey.objects.filter(live__gt=0).order_by("name", "id")[:200])
    journey = _chosen(request.GET.get("journey", ""), journeys)
    context: dict[str, Any] = {"given": given, "sequential": sequential, "journeys": journeys, "chosen": journey}
    numbers, problems = _read(given)
    context["problems"] = problems
    if not problems:
        context |= _sized(numbers, sequential, journey)
    return render(request, "journeys/experiments/size.html", context)


def _chosen(text: str, journeys: list[Journey]) -> Journey | None:
    try:
        wanted = UUID(text)
    except ValueError:
        return journeys[0] if journeys else None
    return next((journey for journey in journeys if journey.pk == wanted), None)


def _read(given: dict[str, str]) -> tuple[dict[str, float], list[str]]:
    numbers, problems = {}, []
    for name, text in given.items():
        low, high = LIMITS[name]
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            problems.append(f"{name} is a number from {low:g} to {high:g}")
        numbers[name] = value
    if not problems and not 0 <= numbers["baseline"] + numbers["change"] <= 100:
        problems.append("baseline and change together lie between 0 and 100")
    return numbers, problems


def _sized(numbers: dict[str, float], sequential: bool, journey: Journey | None) -> dict[str, Any]:
    from journeys.experiments.sizing import Plan, accounts_for_share, detectable_share

    arms, share = int(numbers["arms"]), numbers["baseline"] / 100
    told = {name: numbers[name] / 100 for name in PERCENT}
    plan = Plan(arms, told["alpha"], told["power"], sequential)
    per_arm = accounts_for_share(share, numbers["change"] / 100, plan)
    rate = entry_rate(journey) if journey else 0.0
    total = per_arm * arms if per_arm else None
    rows = []
    for weeks in WEEKS if rate else ():
        accounts = int(rate * 7 * weeks)
        found = detectable_share(share, accounts // arms, plan)
        points = f"{abs(found) * 100:.1f}" if found else ""
        rows.append({"weeks": weeks, "accounts": accounts, "change": found, "points": points})
    return {
        "per_arm": per_arm,
        "total": total,
        "rate": rate * 7,
        "days": ceil(total / rate) if total and rate else None,
        "rows": rows,
    }
