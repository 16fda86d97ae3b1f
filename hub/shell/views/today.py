from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from hub.people.guards import StaffRequest, staff_page
from hub.people.scope import whose
from hub.shell.selectors import digest_of, panels_of_today


@staff_page("today.view")
def today(request: StaffRequest) -> HttpResponse:
    """What needs me now: the panels of every app, each rendered by its own."""
    panels = panels_of_today(request)
    digest = digest_of(panels)
    if request.htmx and request.GET.get("seen") == digest:
        # htmx leaves the page as it is.
        return HttpResponse(status=204)
    name = f"shell/today.html{'#panels' if request.htmx else ''}"
    return render(request, name, {"panels": panels, "digest": digest, "whose": whose(request)})
