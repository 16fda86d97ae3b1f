"""Pages of segments: the list, one of them, and the form of its rule."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.facts import today_of
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.facts import known_facts
from hub.rules.explain import sentence
from hub.rules.language import RuleError, parse_stored
from hub.shell.rule_form import Draft, Read, acted, builder_context, draft_of, read_draft, typed
from signals.health.page import TONES
from signals.segments import services
from signals.segments.models import Segment
from signals.segments.selectors import largest_members, segment_lines
from signals.triggers.trying import matches_now

BUTTONS = ("add", "remove", "remove_group", "look", "count")
LONGEST = 20_000


@staff_page("signals.view")
@require_safe
def segments(request: StaffRequest) -> HttpResponse:
    """Every segment in use, with its members and how that changed."""
    return render(request, "signals/segments/list.html", {"lines": segment_lines(today_of(request.tenant))})


@staff_page("signals.view")
@require_safe
def segment(request: StaffRequest, segment_id: UUID) -> HttpResponse:
    """A segment: its rule, its members now and 90 days ago."""
    found = _segment(segment_id)
    lines = segment_lines(today_of(request.tenant), found.pk)
    context: dict[str, Any] = {"segment": found, "line": lines[0] if lines else None}
    if lines:
        address = reverse("accounts:list", kwargs={"tenant": request.tenant.slug})
        context["members_url"] = f"{address}?{urlencode({'rule': lines[0].rule_text})}"
        context["largest"] = [(row, TONES.get(row.health_band), row.mrr_minor * 12) for row in largest_members(found)]
    return render(request, "signals/segments/segment.html", context)


@staff_page("segments.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def segment_new(request: StaffRequest) -> HttpResponse:
    """A further segment; it may begin with the filter of the accounts list."""
    if request.method == "POST":
        return _sent(request, None)
    return _page(request, None, _begun(request))


def _begun(request: StaffRequest) -> Draft:
    text = request.GET.get("rule", "")[:LONGEST]
    try:
        tree = json.loads(text) if text else None
    except (ValueError, RecursionError):
        tree = None
    node = parse_stored(tree, known_facts()) if tree is not None else None
    if node is None:
        return Draft()
    return draft_of(node, request.tenant) or Draft(text=text)


@staff_page("segments.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def segment_edit(request: StaffRequest, segment_id: UUID) -> HttpResponse:
    """A segment's name and rule in a form."""
    found = _segment(segment_id)
    if request.method == "POST":
        return _sent(request, found)
    node = parse_stored(found.rule, known_facts())
    draft = draft_of(node, request.tenant) if node is not None else None
    if draft is None or request.GET.get("as") == "json":
        text = json.dumps(found.rule, indent=2, ensure_ascii=False)
        return _page(request, found, Draft(text=text), sentence=sentence(node) if node is not None else "")
    return _page(request, found, draft)


def _sent(request: StaffRequest, found: Segment | None) -> HttpResponse:
    draft = acted(typed(request.POST), request.POST)
    read = read_draft(draft, request.tenant)
    if any(name in request.POST for name in BUTTONS):
        return _page(request, found, draft, **(_counted(request, read) if "count" in request.POST else {}))
    if read.tree is None:
        unsaid = replace(read.draft, problem=read.draft.problem or "choose at least one condition")
        return _page(request, found, read.draft if read.draft.wrong else unsaid, status=422)
    try:
        saved = _save(request, found, read)
    except RuleError as error:
        told = "; ".join(problem.message for problem in error.problems)
        return _page(request, found, replace(read.draft, problem=told), status=422)
    except services.SegmentError as error:
        return _page(request, found, read.draft, status=422, problem=str(error))
    except services.StaleError:
        return _page(request, found, read.draft, status=409, stale=True)
    messages.success(request, f"“{saved.name}” is saved. Its members are brought up to date.")
    return HttpResponseRedirect(_url(request, saved))


def _save(request: StaffRequest, found: Segment | None, read: Read) -> Segment:
    kept: dict[str, Any] = {
        "name": request.POST.get("name", ""), "description": request.POST.get("description", ""),
        "rule": read.tree, "actor": actor_of(request),
    }  # fmt: skip
    if found is None:
        return services.segment_create(**kept, user=request.user)
    seen = request.POST.get("seen", "")
    return services.segment_change(segment=found, **kept, seen=int(seen) if seen.isascii() and seen.isdecimal() else -1)


def _page(
    request: StaffRequest, found: Segment | None, draft: Draft, *, status: int = 200, **extra: Any
) -> HttpResponse:
    given = request.POST
    context = {
        "segment": found,
        "name": given.get("name", found.name if found else ""),
        "description": given.get("description", found.description if found else ""),
        "seen": given.get("seen") or (found.version if found else ""),
        **builder_context(draft, request.tenant),
        **extra,
    }
    return render(request, "signals/segments/form.html", context, status=status)


@staff_page("segments.edit")
@require_POST
def segment_try(request: StaffRequest) -> HttpResponse:
    """Whom the rule in the form is true of now; changes nothing."""
    read = read_draft(typed(request.POST), request.tenant)
    return render(request, "signals/segments/_tried.html", _counted(request, read))


def _counted(request: StaffRequest, read: Read) -> dict[str, Any]:
    if read.node is None:
        return {"wrong": read.draft.wrong}
    return {"counted": True, "tried_sentence": sentence(read.node), "now": matches_now(read.node, request.tenant)}


@staff_page("segments.edit")
@require_POST
def segment_archive(request: StaffRequest, segment_id: UUID) -> HttpResponse:
    """Put a segment away."""
    found = _segment(segment_id)
    try:
        services.segment_archive(segment=found, actor=actor_of(request))
    except services.SegmentError as error:
        messages.error(request, f"Nothing was changed: {error}.")
        return HttpResponseRedirect(_url(request, found))
    messages.success(request, f"“{found.name}” is put away; its history stays.")
    return HttpResponseRedirect(reverse("segments:list", kwargs={"tenant": request.tenant.slug}))


def _segment(segment_id: UUID) -> Segment:
    found: Segment = get_object_or_404(Segment, pk=segment_id)
    return found


def _url(request: StaffRequest, found: Segment) -> str:
    return reverse("segments:page", kwargs={"tenant": request.tenant.slug, "segment_id": found.pk})
