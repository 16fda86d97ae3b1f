"""Pages that read triggers."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from hub.people.guards import StaffRequest, staff_page
from signals.inbox.query import families
from signals.models import UNTOLD, Signal, Trigger
from signals.selectors import ROW
from signals.storms.selectors import storms
from signals.trigger_page import TriggerCounts, TriggerQuery, counts_of, trigger_lines, true_now, unreadable
from signals.triggers.page import version_lines

RECENT = 20


@staff_page("signals.view")
@require_safe
def trigger_list(request: StaffRequest) -> HttpResponse:
    """Every trigger as a sentence, under its family."""
    query = TriggerQuery.read(request.GET)
    groups = trigger_lines(query)
    context = {
        "query": query,
        "groups": groups,
        "families": families(),
        "states": (("on", "On"), ("off", "Off"), ("broken", "Cannot be read")),
        "count": sum(len(lines) for lines in groups.values()),
    }
    return render(request, f"signals/triggers.html{'#list' if request.htmx else ''}", context)


@staff_page("signals.view")
@require_safe
def trigger_page(request: StaffRequest, trigger_id: UUID) -> HttpResponse:
    """A trigger: its rule in words, its versions, what it has led to and how often it was right."""
    trigger = get_object_or_404(Trigger, pk=trigger_id)
    versions = version_lines(trigger)
    signals = Signal.objects.select_related(*ROW).filter(trigger=trigger).exclude(status__in=UNTOLD)
    context = {
        "trigger": trigger,
        "sentence": next((line.sentence for line in versions if line.is_current), ""),
        "versions": versions,
        "counts": counts_of([trigger.pk]).get(trigger.pk, TriggerCounts()),
        "true_now": true_now(trigger),
        "unreadable": unreadable(trigger),
        "storms": storms().filter(trigger=trigger)[:RECENT],
        "signals": signals.order_by("-recorded_at", "-id")[:RECENT],
    }
    return render(request, "signals/trigger.html", context)
