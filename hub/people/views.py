from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from hub.people.models import User
from hub.people.selectors import memberships_of


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Where sign-in leads: straight into the only tenant, else a choice."""
    memberships = memberships_of(cast(User, request.user))
    if len(memberships) == 1:
        return redirect("shell:today", tenant=memberships[0].tenant.slug)
    return render(request, "people/tenants.html", {"memberships": memberships})
