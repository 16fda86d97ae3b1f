"""Pages of storms: what is held, and the decision about it."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from signals.models import Signal, Storm
from signals.storms.deciding import storm_drop, storm_release
from signals.storms.limits import BOUNDS, storm_limits, storm_limits_set
from signals.storms.selectors import storms

LISTED = 50
SHOWN = 50


class LimitsForm(forms.Form):
    """How many signals of one trigger go out before further ones are held."""

    least = forms.IntegerField(
        label="Signals",
        help_text="So many of one trigger always go out.",
        min_value=BOUNDS["storm_least"][0],
        max_value=BOUNDS["storm_least"][1],
    )
    percent = forms.IntegerField(
        label="Per cent of the accounts",
        help_text="So many, where that is more.",
        min_value=BOUNDS["storm_percent"][0],
        max_value=BOUNDS["storm_percent"][1],
    )
    minutes = forms.IntegerField(
        label="Within minutes", min_value=BOUNDS["storm_minutes"][0], max_value=BOUNDS["storm_minutes"][1]
    )


@staff_page("signals.view")
@require_safe
def storm_list(request: StaffRequest) -> HttpResponse:
    """Storms, the latest first, and how many signals make one."""
    limits = storm_limits(request.tenant.settings)
    form = LimitsForm(initial={"least": limits.least, "percent": limits.percent, "minutes": limits.minutes})
    return _list(request, form)


def _list(request: StaffRequest, form: LimitsForm, status: int = 200) -> HttpResponse:
    context = {"storms": storms()[:LISTED], "form": form, "limits": storm_limits(request.tenant.settings)}
    return render(request, "signals/storms.html", context, status=status)


@staff_page("triggers.edit")
@require_POST
def limits_save(request: StaffRequest) -> HttpResponse:
    """Change how many signals make a storm."""
    form = LimitsForm(request.POST)
    if not form.is_valid():
        return _list(request, form, status=422)
    storm_limits_set(tenant=request.tenant, actor=actor_of(request), **form.cleaned_data)
    messages.success(request, "The limits are saved; they count from the next signal on.")
    return redirect("signals:storms", tenant=request.tenant.slug)


@staff_page("signals.view")
@require_safe
def storm_page(request: StaffRequest, storm_id: UUID) -> HttpResponse:
    """A storm: what it holds, and what became of it."""
    storm = get_object_or_404(storms(), pk=storm_id)
    held = Signal.objects.select_related("account").filter(storm=storm).order_by("pk")
    context = {"storm": storm, "signals": held[:SHOWN], "shown": SHOWN, "waiting": storm.held - _dealt_with(storm)}
    return render(request, f"signals/storm.html{'#state' if request.htmx else ''}", context)


def _dealt_with(storm: Storm) -> int:
    return storm.released + storm.dropped


@staff_page("triggers.edit")
@require_POST
def release(request: StaffRequest, storm_id: UUID) -> HttpResponse:
    """Let out what a storm holds: it starts what it would have started."""
    return _decided(request, storm_id, drop=False)


@staff_page("triggers.edit")
@require_POST
def drop(request: StaffRequest, storm_id: UUID) -> HttpResponse:
    """Drop what a storm holds: nothing comes of it."""
    return _decided(request, storm_id, drop=True)


def _decided(request: StaffRequest, storm_id: UUID, *, drop: bool) -> HttpResponse:
    storm = get_object_or_404(storms(), pk=storm_id)
    decide = storm_drop if drop else storm_release
    done = decide(storm=storm, actor=actor_of(request), note=request.POST.get("note", "").replace("\x00", ""))
    words = "dropped; nothing comes of them" if drop else "being released"
    said = f"The held signals are {words}." if done else "Somebody has decided already; nothing was changed."
    (messages.success if done else messages.info)(request, said)
    return redirect("signals:storm", tenant=request.tenant.slug, storm_id=storm.pk)
