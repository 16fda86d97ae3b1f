"""Journeys as a whole: new ones, their settings, publishing with its impact known, restoring, putting away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages as flash
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from hub.outbox.gates import Purpose
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.facts import known_facts
from journeys.drafts.diff import words
from journeys.drafts.hypothesis import HYPOTHESIS
from journeys.drafts.publishing import (
    NeedsSecond,
    NotPublishable,
    NotYours,
    Prospect,
    approve_above,
    approve_above_set,
    draft_publish,
    open_request,
    prospect,
    request_approve,
    request_keep,
    request_refuse,
)
from journeys.drafts.selectors import current_draft
from journeys.drafts.services import (
    SettingsError,
    StaleDraft,
    draft_restore,
    journey_archive,
    journey_create,
    journey_settings,
    journey_unarchive,
)
from journeys.drafts.shape import Shape
from journeys.drafts.views import address, journey_of, number_of
from journeys.graph_changes import Fate
from journeys.library import LIBRARY
from journeys.models import Journey, JourneyVersion
from journeys.services import PublishConflict
from journeys.tree import spoken

FATES = (
    (Fate.KEPT, "stay where they are"),
    (Fate.CONTENT, "stay, at a step with other content"),
    (Fate.TIMING, "stay, and wait anew by another time"),
    (Fate.REDIRECTED, "go on at another step"),
    (Fate.EXIT, "leave the journey"),
)
LEAVE = "-"
"""The choice of a redirect by which accounts leave."""


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: StaffRequest) -> HttpResponse:
    """A journey from empty, from the library, or from another journey."""
    given = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {
        "library": LIBRARY,
        "journeys": [
            {"source": f"journey:{journey.pk}", "name": journey.name}
            for journey in Journey.objects.order_by("name", "id")[:100]
        ],
        "purposes": _purposes(),
        "given": given,
    }
    if request.method == "POST":
        try:
            journey = journey_create(
                name=given.get("name", ""),
                description=given.get("description", ""),
                purpose=given.get("purpose", ""),
                owner=given.get("owner", "marketing"),
                source=given.get("source", "")[:100],
                actor=actor_of(request),
                user=request.user,
            )
        except SettingsError as error:
            return render(request, "journeys/new.html", {**context, "problem": error}, status=422)
        return HttpResponseRedirect(address(request, "build", journey))
    return render(request, "journeys/new.html", context)


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """Name, purpose, owner and the NRR hypothesis of a journey."""
    journey = journey_of(journey_id)
    context: dict[str, Any] = {"journey": journey, "purposes": _purposes()}
    given = request.POST
    if request.method == "POST":
        told = {name: given.get(f"hypothesis.{name}", "") for name in HYPOTHESIS}
        asked = {name: given.get(name, "") for name in ("name", "description", "purpose", "owner")}
        try:
            journey_settings(journey=journey, settings=asked, hypothesis=told, actor=actor_of(request))
        except SettingsError as error:
            context |= {"problem": error, "given": asked, "hypothesis": _hypothesis(told)}
            return render(request, "journeys/settings.html", context, status=422)
        flash.success(request, "The settings are saved.")
        return HttpResponseRedirect(address(request, "build", journey))
    context |= {"given": journey, "hypothesis": _hypothesis(journey.hypothesis)}
    return render(request, "journeys/settings.html", context)


def _purposes() -> list[tuple[str, str]]:
    return [(purpose.value, purpose.value.replace("_", " ").capitalize()) for purpose in Purpose]


def _hypothesis(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(name, label, str(told.get(name, ""))) for name, label in HYPOTHESIS.items()]


# --- Publishing ---------------------------------------------------------------------------------------------------


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """What publishing means, and doing it."""
    journey = journey_of(journey_id)
    redirects = _redirects(request)
    if request.method != "POST" or "look" in request.POST:
        return _publish_page(request, journey, redirects)
    try:
        version = draft_publish(
            journey=journey,
            seen=number_of(request.POST, "seen"),
            live=number_of(request.POST, "live"),
            tenant=request.tenant,
            actor=actor_of(request),
            user=request.user,
            note=request.POST.get("note", "").strip()[:300],
            withdraw="withdraw" in request.POST,
            redirects=redirects,
        )
    except NeedsSecond as needed:
        request_keep(request=needed.request, actor=actor_of(request))
        flash.success(request, "It reaches many: a second person has to approve it. Nothing was published yet.")
        return HttpResponseRedirect(address(request, "publish", journey))
    except (PublishConflict, StaleDraft, NotPublishable) as error:
        return _publish_page(request, journey, redirects, status=409, told=_refused(error))
    flash.success(request, f"“{journey.name}” runs as version {version.number}.")
    return HttpResponseRedirect(address(request, "page", journey))


def _refused(error: Exception) -> str:
    if isinstance(error, PublishConflict):
        return f"Version {error.live} was published by somebody else meanwhile. Nothing was published; look at it anew."
    if isinstance(error, StaleDraft):
        return f"The draft is at revision {error.current.revision} by now. Nothing was published; look at it anew."
    return f"Nothing was published: {error}."


def _redirects(request: StaffRequest) -> dict[str, str]:
    given = request.POST if request.method == "POST" else request.GET
    asked = {name.removeprefix("to."): given.get(name, "") for name in given if name.startswith("to.")}
    return {node: "" if target == LEAVE else target for node, target in asked.items() if target}


def _publish_page(
    request: StaffRequest, journey: Journey, redirects: dict[str, str], *, status: int = 200, told: str = ""
) -> HttpResponse:
    found = prospect(journey, request.tenant, redirects)
    waiting = open_request(journey)
    context: dict[str, Any] = {
        "journey": journey,
        "prospect": found,
        "differences": [(one, spoken(one.text, {})) for one in found.differences],
        "draft": found.draft,
        "told": told,
        "waiting": waiting,
        "is_mine": waiting is not None and waiting.asked_by_id == request.user.pk,
        "limit": approve_above(request.tenant),
        "behind": found.draft.base != journey.live,
        **_impact_context(journey, found, redirects),
    }
    return render(request, "journeys/publish.html", context, status=status)


def _impact_context(journey: Journey, found: Prospect, redirects: dict[str, str]) -> dict[str, Any]:
    """Fates in words with their counts, and the deleted steps that accounts stand on with where they may go."""
    if found.impact is None:
        return {}
    facts, shape = known_facts(), Shape(found.draft.graph)
    graphs = {
        number: Shape(graph)
        for number, graph in JourneyVersion.objects.filter(
            journey=journey, number__in={place.version for place in found.impact.places}
        ).values_list("number", "graph")
    }
    moved = [
        {
            "node": place.node_id,
            "words": spoken(words(graphs[place.version].nodes[place.node_id], facts), {}),
            "accounts": place.accounts,
            "target": place.change.target or LEAVE,
        }
        for place in found.impact.places
        if place.change.fate in (Fate.REDIRECTED, Fate.EXIT)
    ]
    targets = [(key, spoken(words(shape.nodes[key], facts), {})) for key in shape.nodes if shape.kind(key) != "goal"]
    return {
        "fates": [(told, found.impact.fates.get(fate, 0), str(fate)) for fate, told in FATES],
        "moved": moved,
        "targets": [*targets, (LEAVE, "leave the journey")],
        "redirects": redirects,
    }


@staff_page("journeys.edit")
@require_POST
def decide(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """A second person's word on a publishing that waits."""
    journey = journey_of(journey_id)
    back = HttpResponseRedirect(address(request, "publish", journey))
    waiting = open_request(journey)
    if waiting is None or str(waiting.pk) != request.POST.get("request"):
        flash.error(request, "It does not wait any more. Nothing was changed.")
        return back
    if request.POST.get("word") != "approve":
        request_refuse(request=waiting, actor=actor_of(request), user=request.user)
        flash.success(request, "It is not published. The draft stays as it is.")
        return back
    try:
        version = request_approve(request=waiting, tenant=request.tenant, actor=actor_of(request), user=request.user)
    except NotYours:
        flash.error(request, "Somebody else has to approve what you have asked for.")
    except (PublishConflict, StaleDraft, NotPublishable) as error:
        flash.error(request, _refused(error))
    else:
        flash.success(request, f"“{journey.name}” runs as version {version.number}.")
        return HttpResponseRedirect(address(request, "page", journey))
    return back


@staff_page("journeys.edit")
@require_POST
def second_person(request: StaffRequest) -> HttpResponse:
    """Above how many recipients a second person has to approve."""
    text = request.POST.get("recipients", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 8:
        approve_above_set(tenant=request.tenant, recipients=int(text), actor=actor_of(request))
        told = f"A second person approves above {text} recipients." if int(text) else "One person may publish anything."
        flash.success(request, told)
    else:
        flash.error(request, "Give a whole number; 0 for never. Nothing was changed.")
    return HttpResponseRedirect(reverse("journeys:list", kwargs={"tenant": request.tenant.slug}))


# --- Back and away ------------------------------------------------------------------------------------------------


@staff_page("journeys.edit")
@require_POST
def restore(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """An older version as the draft; nothing runs until it is published."""
    journey = journey_of(journey_id)
    number = number_of(request.POST, "version")
    seen = current_draft(journey).revision
    try:
        draft_restore(journey=journey, number=number, seen=seen, actor=actor_of(request), user=request.user)
    except (JourneyVersion.DoesNotExist, StaleDraft):
        flash.error(request, "There is no such version. Nothing was changed.")
        return HttpResponseRedirect(address(request, "page", journey) + "?mode=versions")
    flash.success(request, f"The draft is version {number} again. Publish it to let it run; undo takes it back.")
    return HttpResponseRedirect(address(request, "build", journey))


@staff_page("journeys.edit")
@require_POST
def archive(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """Put a journey away, or take it back."""
    journey = journey_of(journey_id)
    if request.POST.get("back") == "1":
        journey_unarchive(journey=journey, actor=actor_of(request))
        flash.success(request, f"“{journey.name}” is back, and does not run until somebody lets it.")
        return HttpResponseRedirect(address(request, "page", journey))
    left = journey_archive(journey=journey, actor=actor_of(request))
    flash.success(request, f"“{journey.name}” is archived; {left} accounts left it. Its history stays.")
    return HttpResponseRedirect(reverse("journeys:list", kwargs={"tenant": request.tenant.slug}))
