"""Set-up of health: the scorecards, their versions, and the form that makes the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Account
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.facts import known_facts
from hub.rules.explain import stored_sentence
from hub.rules.language import RuleError
from signals.backtest.draft import Draft
from signals.backtest.models import BacktestRun
from signals.backtest.selectors import latest_backtest
from signals.backtest.services import BacktestError, backtest_start
from signals.health import editor, services
from signals.health.cards import CardError, checked, readable
from signals.health.models import Scorecard, ScorecardVersion
from signals.health.selectors import card_lines, current_version, versions_of
from signals.health.shipped import MEASURES
from signals.health.trying import Trial, tried

ACCOUNTS_OFFERED = 50


@staff_page("signals.view")
@require_safe
def cards(request: StaffRequest) -> HttpResponse:
    """Every scorecard, in the order in which they are asked."""
    return render(request, "signals/health/cards.html", {"lines": card_lines()})


@staff_page("signals.view")
@require_safe
def card(request: StaffRequest, scorecard_id: UUID) -> HttpResponse:
    """A scorecard: its measures, for whom it is, and its versions."""
    return _card(request, get_object_or_404(Scorecard, pk=scorecard_id))


def _card(request: StaffRequest, found: Scorecard, problem: str = "") -> HttpResponse:
    version = current_version(found)
    subject, values = editor.applies(found.rule)
    context = {
        "card": found,
        "version": version,
        "measures": _measures(version),
        "sentence": stored_sentence(found.rule, known_facts()),
        "versions": versions_of(found),
        "subjects": _subjects(subject),
        "subject": subject,
        "values": values,
        "problem": problem,
        "tested": latest_backtest(found),
    }
    return render(request, "signals/health/card.html", context, status=422 if problem else 200)


def _subjects(subject: str) -> list[tuple[str, str]]:
    kept = [(editor.KEEP, "the accounts of its rule, as it is")] if subject == editor.KEEP else []
    return [*editor.SUBJECTS, *kept]


def _measures(version: ScorecardVersion) -> list[dict[str, Any]]:
    whole = sum(row["weight"] for row in version.measures)
    facts = readable(version.measures).facts
    labels = {m.reading: m.key for m in readable(version.measures).card.measures}
    words = {key: facts[reading].label for reading, key in labels.items() if reading in facts}
    return [
        row | {"words": words.get(row["key"], "set by hand"), "share": round(100 * row["weight"] / whole)}
        for row in version.measures
    ]


@staff_page("health.edit")
@require_POST
def card_apply(request: StaffRequest, scorecard_id: UUID) -> HttpResponse:
    """Say for which accounts a scorecard is, in which place, and whether at all."""
    found = get_object_or_404(Scorecard, pk=scorecard_id)
    given = editor.typed(request.POST)
    position = request.POST.get("position", "").strip()
    try:
        if not position.isascii() or not position.isdecimal() or int(position[:6]) > 32_767:
            raise services.HealthError("the place is a whole number from 0 to 32767")
        services.scorecard_apply(
            scorecard=found,
            name=given.name,
            rule=given.rule(found.rule),
            position=int(position[:6]),
            is_active=bool(request.POST.get("is_active")),
            actor=actor_of(request),
        )
    except (services.HealthError, RuleError) as error:
        return _card(request, found, f"Nothing was changed: {error}.")
    messages.success(request, "It is stored. Scores follow in the background.")
    return HttpResponseRedirect(_url(request, found))


@staff_page("health.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def card_edit(request: StaffRequest, scorecard_id: UUID) -> HttpResponse:
    """The form of the next version; it can be tried on an account before it is published."""
    found = get_object_or_404(Scorecard, pk=scorecard_id)
    version = current_version(found)
    if request.method != "POST":
        return _form(request, _tested_draft(request, found) or editor.from_version(version), version)
    return _sent(request, editor.typed(request.POST), version)


@staff_page("health.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def card_new(request: StaffRequest) -> HttpResponse:
    """The form of a further scorecard, which begins as the shipped one."""
    if request.method != "POST":
        typed = _tested_draft(request, None) or editor.from_version(ScorecardVersion(measures=list(MEASURES)))
        return _form(request, typed, None)
    return _sent(request, editor.typed(request.POST), None)


def _tested_draft(request: StaffRequest, card: Scorecard | None) -> editor.Typed | None:
    """The draft of the back-test that the address names, as it would have been typed."""
    try:
        run = BacktestRun.objects.filter(pk=UUID(request.GET.get("backtest", "")), scorecard=card).first()
    except ValueError:
        return None
    if run is None:
        return None
    version = ScorecardVersion(measures=run.measures, yellow_from=run.yellow_from, green_from=run.green_from)
    subject, values = editor.applies(run.rule)
    return replace(editor.from_version(version), name=run.name, subject=subject, values=values)


def _sent(request: StaffRequest, given: editor.Typed, version: ScorecardVersion | None) -> HttpResponse:
    pressed = request.POST.get("do", "")
    try:
        if pressed == "publish":
            return _published(request, given, version)
        if pressed == "try":
            return _form(request, given, version, trial=_trial(request, given, version))
        if pressed == "backtest":
            return _backtest(request, given, version)
    except (CardError, services.HealthError, RuleError, BacktestError) as error:
        problems = error.problems if isinstance(error, CardError) else [str(error)]
        return _form(request, given, version, problems=problems)
    return _form(request, given, version)


def _published(request: StaffRequest, given: editor.Typed, version: ScorecardVersion | None) -> HttpResponse:
    actor = actor_of(request)
    kept: dict[str, Any] = {
        "measures": given.measures(), "bands": given.bands(), "note": given.note, "user": request.user, "actor": actor,
    }  # fmt: skip
    if version is None:
        found = services.scorecard_create(name=given.name, rule=given.rule(), **kept)
    else:
        found = version.scorecard
        services.scorecard_publish(scorecard=found, **kept)
    messages.success(request, "It is published. Scores follow in the background.")
    return HttpResponseRedirect(_url(request, found))


def _backtest(request: StaffRequest, given: editor.Typed, version: ScorecardVersion | None) -> HttpResponse:
    """Hold what is typed against the past; it goes on in the background."""
    bands, card = given.bands(), version.scorecard if version else None
    rule = card.rule if card else given.rule()
    services.check_rule(rule)
    run = backtest_start(
        draft=Draft(checked(given.measures(), *bands), *bands, rule),
        name=card.name if card else services.named(given.name),
        position=card.position if card else services.new_position(),
        scorecard=card,
        user=request.user,
        actor=actor_of(request),
    )
    return redirect("backtest:run", tenant=request.tenant.slug, backtest_id=run.pk)


def _trial(request: StaffRequest, given: editor.Typed, version: ScorecardVersion | None) -> Trial:
    try:
        account = get_object_or_404(Account, pk=UUID(request.POST.get("account", "")))
    except ValueError:
        raise services.HealthError("choose an account to try it on") from None
    now = readable(version.measures, version.yellow_from, version.green_from) if version else None
    return tried(account, request.tenant, now=now, measures=given.measures(), bands=given.bands())


def _form(
    request: StaffRequest,
    given: editor.Typed,
    version: ScorecardVersion | None,
    *,
    problems: Sequence[str] = (),
    trial: Trial | None = None,
) -> HttpResponse:
    context = {
        "typed": given,
        "version": version,
        "card": version.scorecard if version else None,
        "readings": editor.readings(),
        "subjects": editor.SUBJECTS,
        "accounts": Account.objects.order_by("name", "id")[:ACCOUNTS_OFFERED],
        "account": request.POST.get("account") or request.GET.get("account", ""),
        "problems": problems,
        "trial": trial,
    }
    return render(request, "signals/health/card_edit.html", context, status=422 if problems else 200)


def _url(request: StaffRequest, found: Scorecard) -> str:
    return reverse("health:card", kwargs={"tenant": request.tenant.slug, "scorecard_id": found.pk})
