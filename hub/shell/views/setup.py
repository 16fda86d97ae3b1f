from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.people.guards import StaffRequest, staff_page
from hub.shell.setting_up import plan_of, steps_of


@staff_page("today.view")
@require_safe
def guide(request: StaffRequest) -> HttpResponse:
    """The set-up guide and the six-month plan: every state is read from what is there."""
    slug, role = request.tenant.slug, request.membership.role
    steps, plan = list(steps_of("guide", slug, role)), plan_of(slug, role)
    context = {
        "steps": steps,
        "done": sum(shown.state.done for shown in steps),
        "plan": plan,
        "following": next((shown.step.key for shown in steps if not shown.state.done), ""),
    }
    return render(request, "shell/setup.html", context)
