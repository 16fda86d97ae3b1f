"""A connection's reading: its key given and taken back, its lists asked at once. The page is the connection's own."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from hub.ingest.models import HookEndpoint, PullAccess
from hub.ingest.pulling import services
from hub.ingest.pulling.base import pullers
from hub.ingest.pulling.forms import AccessForm
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page


def reading_of(endpoint: HookEndpoint) -> dict[str, Any]:
    """What the connection's page shows of its reading; {} for a system without an API that is read."""
    if endpoint.source not in pullers:
        return {}
    puller = pullers.get(endpoint.source)
    access = PullAccess.objects.filter(endpoint=endpoint).first()
    known = {stream.name: stream for stream in access.streams.all()} if access else {}
    return {
        "puller": puller,
        "access": access,
        "form": AccessForm(puller, initial={"address": access.address if access else ""}),
        "streams": [(stream.title, known[stream.name]) for stream in puller.streams if stream.name in known],
    }


@staff_page("sources.edit")
@require_POST
def access_give(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """Take a key, and begin to read."""
    endpoint = get_object_or_404(HookEndpoint, pk=hook_endpoint_id)
    if endpoint.source not in pullers:
        raise Http404
    form = AccessForm(pullers.get(endpoint.source), request.POST)
    if not form.is_valid():
        _say(request, [f"{form[name].label}: {problem}" for name, found in form.errors.items() for problem in found])
        return _back(request, endpoint)
    day = form.cleaned_data["start_on"]
    start = datetime.combine(day, time.min, UTC) if day else None
    given = {name: form.cleaned_data[name] for name in ("secret", "address")}
    try:
        services.access_give(endpoint=endpoint, start_at=start, actor=actor_of(request), **given)
        messages.success(request, "The key is kept; reading has begun.")
    except ValidationError as error:
        _say(request, error.messages)
    return _back(request, endpoint)


@staff_page("sources.edit")
@require_POST
def access_now(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """Ask every list at once."""
    access = get_object_or_404(PullAccess, endpoint=hook_endpoint_id)
    services.access_now(access=access, actor=actor_of(request))
    messages.success(request, "The lists are asked now; this page shows what came when you load it again.")
    return _back(request, access.endpoint)


@staff_page("sources.edit")
@require_POST
def access_take(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """Forget the key."""
    access = get_object_or_404(PullAccess, endpoint=hook_endpoint_id)
    services.access_take(access=access, actor=actor_of(request))
    messages.success(request, "The key is forgotten. What was read stays.")
    return _back(request, access.endpoint)


def _say(request: StaffRequest, problems: list[str]) -> None:
    messages.error(request, f"Nothing was changed. {'; '.join(problems)}")


def _back(request: StaffRequest, endpoint: HookEndpoint) -> HttpResponse:
    return redirect("sources:connection", tenant=request.tenant.slug, hook_endpoint_id=endpoint.pk)
