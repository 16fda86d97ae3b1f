from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from hub.people.guards import StaffRequest, staff_page
from hub.people.selectors import members_with
from hub.shell.navigation import navigation


@staff_page("today.view")
@require_safe
def help_page(request: StaffRequest) -> HttpResponse:
    """What each part is for, the keys, the programming interface, and who may change the set-up."""
    links = navigation(slug=request.tenant.slug, role=request.membership.role, path=request.path)
    context = {
        "parts": [("The daily work", links.daily), ("Set-up", links.set_up)],
        "keepers": members_with(request.tenant, "people.manage"),
        "interface_url": reverse("api:docs"),
    }
    return render(request, "shell/help.html", context)
