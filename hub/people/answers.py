"""Answers to state changes: the partial that changed for HTMX, the page again for everybody else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

# Pages listen for it and fetch what else the change has touched, such as an account's timeline.
CHANGED = "record-changed"


def changed(
    request: HttpRequest, *, template: str, context: dict[str, Any], back: str, say: str, status: int = 200
) -> HttpResponse:
    """Render ``template`` for HTMX and announce the change; without HTMX say it and go to ``next`` or ``back``."""
    if getattr(request, "htmx", False):
        response = render(request, template, context, status=status)
        response["HX-Trigger"] = CHANGED
        return response
    messages.success(request, say)
    return go_back(request, back)


def refused(request: HttpRequest, *, template: str, context: dict[str, Any], back: str, problem: str) -> HttpResponse:
    """Say why nothing was changed: in the partial as ``problem`` for HTMX (422), as a message otherwise."""
    if getattr(request, "htmx", False):
        return render(request, template, {**context, "problem": problem}, status=422)
    messages.error(request, problem)
    return go_back(request, back)


def form_of(request: HttpRequest) -> UUID | None:
    """The id that ``{% form_once %}`` gave a form when the page was made; None when there is none."""
    try:
        return UUID(request.POST.get("form", ""))
    except ValueError:
        return None


def go_back(request: HttpRequest, back: str) -> HttpResponseRedirect:
    """Redirect to the form's ``next`` when it lies on this site, else to ``back``."""
    asked = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(asked if safe else back)
