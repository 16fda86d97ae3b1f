"""Sources: the keys events come by, the events of this minute, what they look like, and what was refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hub.ingest.models import QuarantinedEvent
from hub.ingest.segment import Reason
from hub.ingest.sources.selectors import PAGE, keys_of, reasons, refused_page, shapes_page, tail
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.models import Credential
from hub.people.services import credential_create, credential_revoke
from hub.registry.moments import read_moment

RECENT = timedelta(days=14)
# A file to look into, not an archive.
MOST_REFUSED = 1_000


class KeyForm(forms.Form):
    """A new write key."""

    name = forms.CharField(max_length=100, label="Name", help_text="What will send with it: web app, server, staging …")


@staff_page("sources.view")
@require_safe
def keys(request: StaffRequest) -> HttpResponse:
    """Every key that may send events, with what came by it."""
    found = keys_of(request.tenant, timezone.now())
    context = {"keys": found, "quiet": [key for key in found if key.quiet], "form": KeyForm(), "section": "keys"}
    return render(request, "sources/keys.html", context)


@staff_page("sources.edit")
@require_POST
def key_new(request: StaffRequest) -> HttpResponse:
    """Make a key; the answer shows it once."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        context = {"keys": keys_of(request.tenant, timezone.now()), "form": form, "section": "keys"}
        return render(request, "sources/keys.html", context, status=422)
    credential, key = credential_create(
        tenant=request.tenant, name=form.cleaned_data["name"], actor=actor_of(request), scopes=["ingest"]
    )
    return render(request, "sources/key.html", {"credential": credential, "key": key, "section": "keys"})


@staff_page("sources.edit")
@require_POST
def key_revoke(request: StaffRequest, credential_id: UUID) -> HttpResponse:
    """Take a key away; what is sent with it from now on is refused."""
    credential = get_object_or_404(Credential, pk=credential_id, tenant=request.tenant)
    credential_revoke(credential=credential, actor=actor_of(request))
    messages.success(request, f"{credential.name} is revoked: calls with it are answered 401 from now on.")
    return redirect("sources:keys", tenant=request.tenant.slug)


@staff_page("sources.view")
@require_safe
def live(request: StaffRequest) -> HttpResponse:
    """The latest events, newest first; the list asks for itself again."""
    part = "#tail" if request.htmx else ""
    return render(request, f"sources/live.html{part}", {"rows": tail(), "section": "live"})


@staff_page("sources.view")
@require_safe
def shapes(request: StaffRequest) -> HttpResponse:
    """Every event that the product sends, with its properties."""
    name, _, kind = request.GET.get("cursor", "").rpartition("|")
    found = shapes_page(after=(name, kind) if name or kind else None)
    last = found[PAGE - 1].schema if len(found) > PAGE else None
    cursor = f"{last.name}|{last.kind}" if last else None
    return render(request, "sources/shapes.html", {"shapes": found[:PAGE], "next_cursor": cursor, "section": "shapes"})


@staff_page("sources.view")
@require_safe
def refused(request: StaffRequest) -> HttpResponse:
    """Calls that could not be stored, with the reason and the bytes."""
    reason = _reason(request)
    found = refused_page(reason=reason, before=_before(request.GET.get("cursor", "")))
    last = found[PAGE - 1] if len(found) > PAGE else None
    context = {
        "refused": found[:PAGE],
        "next_cursor": f"{last.received_at.isoformat()},{last.pk}" if last else None,
        "reasons": reasons(timezone.now() - RECENT),
        "reason": reason,
        "section": "refused",
    }
    return render(request, "sources/refused.html", context)


@staff_page("sources.view")
@require_safe
def refused_download(request: StaffRequest) -> HttpResponse:
    """The latest refused calls as JSON lines."""
    found = QuarantinedEvent.objects.order_by("-received_at", "-pk")
    if reason := _reason(request):
        found = found.filter(reason=reason)
    lines = _lines(list(found[:MOST_REFUSED]))
    response = HttpResponse("".join(lines), content_type="application/x-ndjson")
    response["Content-Disposition"] = 'attachment; filename="refused-events.jsonl"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _lines(events: list[QuarantinedEvent]) -> Iterator[str]:
    for event in events:
        told = {"received_at": event.received_at.isoformat(), "reason": event.reason, "detail": event.detail}
        yield json.dumps({**told, "call": event.raw}) + "\n"


def _reason(request: StaffRequest) -> str:
    wanted = request.GET.get("reason", "")
    return wanted if wanted in set(Reason) else ""


def _before(cursor: str) -> tuple[datetime, UUID] | None:
    """Where a page starts; an address that makes no sense starts at the beginning."""
    at, _, pk = cursor.partition(",")
    try:
        return read_moment(at), UUID(pk)
    except ValueError:
        return None
