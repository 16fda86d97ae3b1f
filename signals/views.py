from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from hub.people.answers import changed, refused
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.scope import owner_wanted
from hub.registry.lists import with_views
from signals import services
from signals.forms import DismissForm
from signals.inbox import ANY_STATUS, InboxQuery, families, inbox_page, status_counts
from signals.models import Severity, Signal, SignalStatus, Trigger
from signals.trigger_page import trigger_counts, trigger_lines
from signals.triggers.page import version_lines

RECENT = 20


@staff_page("signals.view")
@require_safe
@with_views("signals")
def signal_list(request: StaffRequest) -> HttpResponse:
    """The inbox: what happened or became true, with filters in the URL."""
    query, owner = InboxQuery.read(request.GET), owner_wanted(request)
    counts = status_counts(owner)
    labels = {status.value: status.label for status in SignalStatus}
    context = {
        "query": query,
        "page": inbox_page(query, owner_id=owner),
        "statuses": [(value, labels[value], count) for value, count in counts.items()],
        "any_status": ANY_STATUS,
        "severities": Severity.choices,
        "families": families(),
        "nothing_ever": not any(counts.values()),
    }
    return render(request, f"signals/list.html{'#inbox' if request.htmx else ''}", context)


@staff_page("signals.resolve")
@require_POST
def signal_resolve(request: StaffRequest, signal_id: UUID) -> HttpResponse:
    """Somebody has dealt with the signal; when somebody was faster, show what they made of it."""
    signal = _signal(signal_id)
    services.signal_close(signal=signal, status=SignalStatus.RESOLVED, user=request.user, actor=actor_of(request))
    return _closed(request, signal, "The signal is resolved.")


@staff_page("signals.resolve")
@require_POST
def signal_dismiss(request: StaffRequest, signal_id: UUID) -> HttpResponse:
    """The signal is not worth acting on, for a reason."""
    signal = _signal(signal_id)
    form = DismissForm(request.POST)
    if not form.is_valid():
        return refused(
            request,
            template="signals/_row.html",
            context=_row(request, signal),
            back=_inbox_url(request),
            problem=str(form.errors["reason"][0]),
        )
    services.signal_close(
        signal=signal,
        status=SignalStatus.DISMISSED,
        user=request.user,
        actor=actor_of(request),
        reason=form.cleaned_data["reason"],
    )
    return _closed(request, signal, "The signal is dismissed.")


def _signal(signal_id: UUID) -> Signal:
    signal: Signal = get_object_or_404(Signal.objects.select_related("account", "trigger"), pk=signal_id)
    return signal


def _closed(request: StaffRequest, signal: Signal, say: str) -> HttpResponse:
    signal.refresh_from_db(fields=["status", "closed_at", "closed_by", "closed_reason"])
    context = _row(request, signal)
    return changed(request, template="signals/_row.html", context=context, back=_inbox_url(request), say=say)


def _row(request: StaffRequest, signal: Signal) -> dict[str, object]:
    return {"signal": signal, "show_account": bool(request.POST.get("show_account"))}


def _inbox_url(request: StaffRequest) -> str:
    return reverse("signals:list", kwargs={"tenant": request.tenant.slug})


@staff_page("signals.view")
@require_safe
def trigger_list(request: StaffRequest) -> HttpResponse:
    """Every trigger, as a sentence."""
    return render(request, "signals/triggers.html", {"lines": trigger_lines()})


@staff_page("signals.view")
@require_safe
def trigger_page(request: StaffRequest, trigger_id: UUID) -> HttpResponse:
    """A trigger: its rule in words, its versions, what it has led to."""
    trigger = get_object_or_404(Trigger, pk=trigger_id)
    versions = version_lines(trigger)
    context = {
        "trigger": trigger,
        "sentence": next((line.sentence for line in versions if line.is_current), ""),
        "versions": versions,
        "counts": trigger_counts(trigger),
        "signals": Signal.objects.select_related("account", "trigger", "closed_by")
        .filter(trigger=trigger)
        .order_by("-recorded_at", "-id")[:RECENT],
    }
    return render(request, "signals/trigger.html", context)
