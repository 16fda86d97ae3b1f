from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.work import figures
from hub.work.forms import TargetsForm
from hub.work.targets import Targets, targets_of, targets_set


@staff_page("today.view")
@require_safe
def figures_page(request: StaffRequest) -> HttpResponse:
    """How tasks go: begun in time, completed, what helped; by playbook and by person."""
    days, now = 90 if request.GET.get("days") == "90" else 30, timezone.now()
    targets = targets_of(request.tenant.settings)
    said = {"respond_hours": targets.respond_hours, "clock": targets.clock, "completion": targets.completion}
    context = {
        "days": str(days),
        "windows": [(str(each), f"{each} days") for each in figures.WINDOWS],
        "all": figures.figures(days, now),
        "groups": [
            ("By playbook", "Playbook", figures.by_playbook(days, now)),
            ("By person", "Person", figures.by_person(days, now)),
        ],
        "targets": targets,
        "wanted": targets.completion / 100,
        "form": TargetsForm(initial=said),
    }
    return render(request, "work/figures.html", context)


@staff_page("tasks.targets")
@require_POST
def targets_change(request: StaffRequest) -> HttpResponse:
    """Change how fast tasks are to be begun and how many completed."""
    form = TargetsForm(request.POST)
    if form.is_valid():
        targets_set(tenant_id=request.tenant.pk, targets=Targets(**form.cleaned_data), actor=actor_of(request))
        messages.success(request, "The targets are kept. They count for tasks that are opened from now on.")
    else:
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        messages.error(request, f"Nothing was changed. {problem}")
    return redirect("work:figures", tenant=request.tenant.slug)
