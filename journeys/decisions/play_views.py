"""Pages of plays: what next best action may choose, what each has learnt, and the form of its terms."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import LifecycleStage
from hub.outbox.gates import Purpose
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.registry.facts import known_facts
from hub.rules.explain import stored_sentence
from hub.rules.language import parse_stored
from hub.shell.rule_form import Draft, acted, builder_context, draft_of, read_draft, typed
from hub.work.models import Playbook
from journeys.decisions import plays
from journeys.decisions.acts.base import play_acts
from journeys.decisions.forms import terms_typed
from journeys.decisions.models import Play
from journeys.decisions.preview import would_choose
from journeys.decisions.scoring import LEAST_FOR_LIFT
from journeys.decisions.selectors import choices_page, compared, play_line, play_lines, words_of
from journeys.decisions.terms import AUTONOMY_WORDS, PlayError
from journeys.decisions.worths import FORMULAS
from journeys.models import Journey, JourneyStatus
from journeys.steps.ask_advocate import ASKS
from signals.models import Trigger

BUTTONS: Final = ("add", "remove", "remove_group", "look")
FRESH: Final[dict[str, Any]] = {
    "action": "task.open",
    "config": {},
    "triggers": [],
    "stages": [],
    "rule": {"all": []},
    "purpose": Purpose.ADOPTION.value,
    "worth": "adoption",
    "worth_percent": None,
    "prior": [2, 2],
    "prior_source": "supposed: nobody knows yet, even chances",
    "autonomy": "ask",
    "cooldown_days": 30,
    "window_days": 30,
    "holdout_percent": 10,
    "success": None,
}


@staff_page("decisions.view")
@require_safe
def play_list(request: StaffRequest) -> HttpResponse:
    """Every play, by the order in which they come first, with what it has learnt."""
    archived = "archived" in request.GET
    context = {
        "lines": play_lines(archived=archived),
        "archived": archived,
        "may_edit": allowed(request.membership.role, "plays.edit"),
    }
    return render(request, "journeys/decisions/plays.html", context)


@staff_page("decisions.view")
@require_safe
def play_page(request: StaffRequest, play_id: UUID) -> HttpResponse:
    """A play: what it answers, what is believed of it and since when, its lift, and whom it would be chosen for now."""
    play = _play(play_id)
    line = play_line(play)
    names = dict(Trigger.objects.filter(key__in=line.terms.triggers).values_list("key", "name"))
    known = known_facts()
    context = {
        "play": play,
        "line": line,
        "low_high": line.belief.interval(),
        "formula": FORMULAS[line.terms.worth].title,
        "autonomy": AUTONOMY_WORDS[line.terms.autonomy],
        "sentence": stored_sentence(line.terms.rule, known),
        "success": stored_sentence(line.terms.success, known) if line.terms.success else "",
        "triggers": [(key, names.get(key, key)) for key in line.terms.triggers],
        "stages": [LifecycleStage(stage).label for stage in line.terms.stages],
        "compared": compared(play),
        "least": LEAST_FOR_LIFT,
        "recent": [(row, words_of(row)) for row in choices_page(status="any", play=play.key).rows[:10]],
        "would": would_choose(play, request.tenant) if play.archived_at is None else None,
        "versions": list(play.versions.order_by("-number")[:10]),
        "may_edit": allowed(request.membership.role, "plays.edit"),
    }
    return render(request, "journeys/decisions/play.html", context)


@staff_page("plays.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def play_new(request: StaffRequest) -> HttpResponse:
    """A further play; it asks first unless somebody says otherwise."""
    if request.method == "POST":
        return _sent(request, None)
    return _page(request, None, Draft(), FRESH)


@staff_page("plays.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def play_edit(request: StaffRequest, play_id: UUID) -> HttpResponse:
    """The terms of a play in a form; saving makes the next version."""
    play = _play(play_id)
    if request.method == "POST":
        return _sent(request, play)
    node = parse_stored(play.terms["rule"], known_facts())
    draft = draft_of(node, request.tenant) if node is not None else None
    if draft is None or request.GET.get("as") == "json":
        draft = Draft(text=json.dumps(play.terms["rule"], indent=2, ensure_ascii=False))
    return _page(request, play, draft, play.terms)


def _sent(request: StaffRequest, play: Play | None) -> HttpResponse:
    draft = acted(typed(request.POST), request.POST)
    raw = dict(FRESH)
    try:
        read = read_draft(draft, request.tenant)
        raw = terms_typed(request.POST, read.tree)
        if any(name in request.POST for name in BUTTONS):
            return _page(request, play, draft, raw)
        if read.draft.wrong or read.draft.problem:
            return _page(request, play, read.draft, raw, status=422)
        saved = _save(request, play, raw)
    except PlayError as error:
        return _page(request, play, draft, _typed(raw, request), status=422, problem=str(error), field=error.field)
    except plays.StalePlay:
        return _page(request, play, draft, raw, status=409, stale=True)
    messages.success(request, f"“{saved.name}” is saved as version {saved.version}.")
    return HttpResponseRedirect(_url(request, saved))


def _typed(raw: dict[str, Any], request: StaffRequest) -> dict[str, Any]:
    """What was typed, as far as it can be shown again: a wrong number must not empty the lists."""
    lists = {"triggers": request.POST.getlist("trigger"), "stages": request.POST.getlist("stage")}
    names = ("action", "purpose", "worth", "autonomy", "prior_source")
    config = {
        name: request.POST.get(name, "")
        for name in ("journey", "title", "playbook", "playbook_key", "ask", "role", "text")
    }
    return {**raw, **lists, **{name: request.POST.get(name, "") for name in names}, "config": config}


def _save(request: StaffRequest, play: Play | None, raw: dict[str, Any]) -> Play:
    given = request.POST
    kept: dict[str, Any] = {
        "name": given.get("name", ""), "description": given.get("description", ""), "terms": raw,
        "actor": actor_of(request),
    }  # fmt: skip
    if play is None:
        return plays.play_create(**kept)
    seen = given.get("seen", "")
    return plays.play_change(play=play, **kept, seen=int(seen) if seen.isascii() and seen.isdecimal() else -1)


def _page(
    request: StaffRequest, play: Play | None, draft: Draft, terms: dict[str, Any], *, status: int = 200, **extra: Any
) -> HttpResponse:
    given = request.POST
    journeys = Journey.objects.exclude(status=JourneyStatus.ARCHIVED).order_by("name", "id")
    context = {
        "play": play,
        "terms": terms,
        "config": terms["config"],
        "success_text": given.get("success") or (json.dumps(terms["success"]) if terms["success"] else ""),
        "name": given.get("name", play.name if play else ""),
        "description": given.get("description", play.description if play else ""),
        "seen": given.get("seen") or (play.version if play else ""),
        "acts": [(each.key, each.title) for each in play_acts],
        "journeys": list(journeys.values_list("key", "name")),
        "asks": list(ASKS.items()),
        "playbooks": list(Playbook.objects.filter(is_active=True).order_by("name").values_list("key", "name")),
        "all_triggers": list(Trigger.objects.order_by("name").values_list("key", "name")),
        "all_stages": LifecycleStage.choices,
        "purposes": [(each.value, each.value.replace("_", " ")) for each in Purpose if each is not Purpose.SERVICE],
        "formulas": [(each.key, each.title, each.percent) for each in FORMULAS.values()],
        "autonomies": [(each.value, words) for each, words in AUTONOMY_WORDS.items()],
        **builder_context(draft, request.tenant),
        **extra,
    }
    return render(request, "journeys/decisions/play_form.html", context, status=status)


@staff_page("plays.edit")
@require_POST
def play_switch(request: StaffRequest, play_id: UUID) -> HttpResponse:
    """Switch a play on or off."""
    play, on = _play(play_id), request.POST.get("on") == "1"
    if plays.play_switch(play=play, on=on, actor=actor_of(request)):
        messages.success(request, f"“{play.name}” is {'on' if on else 'off: it is chosen for nobody'}.")
    return HttpResponseRedirect(_url(request, play))


@staff_page("plays.edit")
@require_POST
def play_archive(request: StaffRequest, play_id: UUID) -> HttpResponse:
    """Put a play away."""
    play = _play(play_id)
    if plays.play_archive(play=play, actor=actor_of(request)):
        messages.success(request, f"“{play.name}” is put away; what waited for review has lapsed, its history stays.")
    return HttpResponseRedirect(reverse("decisions:plays", kwargs={"tenant": request.tenant.slug}))


@staff_page("plays.edit")
@require_POST
def plays_install(request: StaffRequest) -> HttpResponse:
    """Add the plays that ship and are missing here."""
    number = plays.plays_install(actor=actor_of(request))
    if number:
        messages.success(request, f"{number} play{'' if number == 1 else 's'} added. Each asks first.")
    else:
        messages.info(request, "Every play that ships is here already.")
    return HttpResponseRedirect(reverse("decisions:plays", kwargs={"tenant": request.tenant.slug}))


def _play(play_id: UUID) -> Play:
    found: Play = get_object_or_404(Play, pk=play_id)
    return found


def _url(request: StaffRequest, play: Play) -> str:
    return reverse("decisions:play", kwargs={"tenant": request.tenant.slug, "play_id": play.pk})
