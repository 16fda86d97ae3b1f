from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from hub.people.guards import StaffRequest, staff_page
from hub.shell.selectors import panels_of_today


@staff_page("today.view")
def today(request: StaffRequest) -> HttpResponse:
    """What needs me now: the panels of every app, each rendered by its own."""
    return render(request, "shell/today.html", {"panels": panels_of_today(request)})
