"""The list of accounts that may expand, for both teams, and the figures of its criteria."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.selectors import members
from hub.registry.lists import with_views
from signals.readiness import services
from signals.readiness.criteria import BOUNDS, FigureError, Kind
from signals.readiness.listing import SORTS, STATES, UNOWNED, ReadinessQuery, readiness_page, totals
from signals.readiness.models import ReadinessVersion


@staff_page("signals.view")
@require_safe
@with_views("expansion")
def expansion(request: StaffRequest) -> HttpResponse:
    """Accounts that are ready to expand or nearly so, by type: one list for both teams."""
    query = ReadinessQuery.read(request.GET)
    context = {
        "query": query,
        "page": readiness_page(query, request.tenant),
        "kinds": [(kind.value, kind.words) for kind in Kind],
        "states": STATES,
        "sorts": SORTS,
        "owners": members(request.tenant),
        "unowned": UNOWNED,
        "totals": totals(),
    }
    return render(request, f"signals/readiness/list.html{'#list' if request.htmx else ''}", context)


@staff_page("stages.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def figures(request: StaffRequest) -> HttpResponse:
    """The figures of the criteria; another one is the next version."""
    number, now = services.current_figures()
    typed = {name: request.POST.get(name, str(value)).strip() for name, value in asdict(now).items()}
    context: dict[str, Any] = {"seen": number, "note": ""}
    status = 200
    if request.method == "POST":
        context = {"seen": request.POST.get("seen", ""), "note": request.POST.get("note", "")}
        try:
            _publish(request, typed)
        except FigureError as error:
            context["problem"], status = str(error), 422
        except services.StaleError:
            context["problem"], status = "somebody else has changed the figures since you opened this page", 409
        else:
            messages.success(request, "The figures are published. Accounts follow in the background.")
            address = reverse("readiness:list", kwargs={"tenant": request.tenant.slug})
            return HttpResponseRedirect(address)
    context |= {
        "fields": [(name, BOUNDS[name][2], typed[name]) for name in BOUNDS],
        "versions": ReadinessVersion.objects.select_related("published_by").order_by("-number")[:20],
    }
    return render(request, "signals/readiness/figures.html", context, status=status)


def _publish(request: StaffRequest, typed: dict[str, str]) -> None:
    given = {
        name: int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else text
        for name, text in typed.items()
    }
    seen = request.POST.get("seen", "")
    services.figures_publish(
        given=given,
        note=request.POST.get("note", ""),
        seen=int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 7 else -1,
        user=request.user,
        actor=actor_of(request),
    )
