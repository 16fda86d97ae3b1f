"""Pages of choices: the queue, one of them, the log of an account, the chain behind a message, a day decided again."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.outbox.models import Message
from hub.people.answers import changed, refused
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.people.scope import owner_wanted
from hub.people.selectors import members
from journeys.decisions.chain import chain_of
from journeys.decisions.digest import digest_wanted, digest_wish
from journeys.decisions.forms import edits_of, problem_of
from journeys.decisions.models import OPEN, Choice, ChoiceStatus, Play, VetoReason
from journeys.decisions.queue import undo_window
from journeys.decisions.replay import replay, replay_day
from journeys.decisions.reviewing import choices_approve, choices_undo, choices_veto
from journeys.decisions.selectors import (
    ANY_STATUS,
    ROW,
    OpenOnes,
    account_choices,
    choices_page,
    logs_of,
    open_counts,
    signals_of,
    words_of,
)
from journeys.decisions.terms import terms_of

MOST_REPLAYED: Final = 2_000
FIRST: Final = (ChoiceStatus.ASKED, ChoiceStatus.SUGGESTED, ChoiceStatus.SCHEDULED, ChoiceStatus.DONE)
TABS: Final = (*FIRST, *(status for status in ChoiceStatus if status not in FIRST))


@staff_page("decisions.view")
@require_safe
def queue(request: StaffRequest) -> HttpResponse:
    """What next best action chose: what waits for a word first, worth most first; with filters in the URL."""
    status = request.GET.get("status", "")
    status = status if status in (*ChoiceStatus.values, ANY_STATUS) else ChoiceStatus.ASKED.value
    play, owner = request.GET.get("play", ""), owner_wanted(request)
    page = choices_page(status=status, play=play, owner_id=owner, cursor=request.GET.get("cursor", ""))
    counts = open_counts(owner)
    context = {
        "page": page,
        "rows": [(row, words_of(row)) for row in page.rows],
        "status": status,
        "is_open_tab": status in OPEN,
        "any_status": ANY_STATUS,
        "tabs": [(tab.value, tab.label, counts.get(tab.value)) for tab in TABS],
        "play": play,
        "plays": list(Play.objects.order_by("name").values_list("key", "name")),
        "undo_minutes": int(undo_window(request.tenant.settings).total_seconds() // 60),
        "digest": digest_wanted(request.user.pk),
        "nothing_ever": not page.rows and not counts and not Choice.objects.exists(),
        "today": today_of(request.tenant),
        "matching": counts.get(status, 0) if not play else OpenOnes(status, play, owner).rows().count(),
        "asked_at": timezone.now().isoformat(),
    }
    return render(request, f"journeys/decisions/queue.html{'#queue' if request.htmx else ''}", context)


@staff_page("decisions.view")
@require_safe
def choice_page(request: StaffRequest, choice_id: UUID) -> HttpResponse:
    """One decision: what was known, every play with its verdict, what was chosen, and what came of it."""
    choice = _choice(choice_id)
    log = logs_of([choice])[0]
    context = {
        "choice": choice,
        "log": log,
        "signals": signals_of([log]),
        "terms": terms_of(choice.play.terms) if choice.play else None,
        "people": members(request.tenant),
        "reasons": VetoReason.choices,
        "may_review": allowed(request.membership.role, "decisions.review"),
        "undo_minutes": int(undo_window(request.tenant.settings).total_seconds() // 60),
        "again": _again(choice) if "again" in request.GET else None,
        "today": today_of(request.tenant),
    }
    return render(request, "journeys/decisions/choice.html", context)


def _again(choice: Choice) -> dict[str, Any]:
    different = replay([choice])
    return {"same": not different, "verdicts": different[0].again if different else []}


# --- Acts ---------------------------------------------------------------------------------------------------------


@staff_page("decisions.review")
@require_POST
def choice_do(request: StaffRequest, choice_id: UUID) -> HttpResponse:
    """Approve, veto or undo a choice; when somebody was faster, show what they made of it."""
    choice = _choice(choice_id)
    back = _url(request, "choice", choice_id=choice.pk)
    try:
        done = act_on(request, [choice.pk])
    except ValidationError as error:
        context = {"choice": choice, "words": words_of(choice), "choosable": True}
        template = "journeys/decisions/_row.html"
        return refused(request, template=template, context=context, back=back, problem=problem_of(error))
    choice = _choice(choice_id)
    context = {"choice": choice, "words": words_of(choice), "choosable": True}
    say = _told(request, choice) if done else "Somebody was faster, or it has begun: nothing was changed."
    return changed(request, template="journeys/decisions/_row.html", context=context, back=back, say=say)


def _told(request: StaffRequest, choice: Choice) -> str:
    if request.POST.get("action") == "undo":
        return "Undone: it had not begun, so nothing happened."
    if request.POST.get("action") == "veto":
        return "Vetoed: nothing is done."
    minutes = int(undo_window(request.tenant.settings).total_seconds() // 60)
    return f"Approved. It begins in {minutes} minutes at the earliest, and can be undone until then."


def act_on(request: StaffRequest, ids: list[UUID]) -> list[UUID]:
    """Do with choices what the form asks for; returns those that were open for it. Raises ValidationError."""
    given, common = request.POST, {"actor": actor_of(request), "user": request.user}
    action = given.get("action", "")
    if action == "approve":
        return choices_approve(ids=ids, **edits_of(given, request.tenant), **common)  # type: ignore[arg-type]  # by name
    if action == "veto":
        return choices_veto(ids=ids, reason=given.get("reason", ""), note=given.get("note", ""), **common)  # type: ignore[arg-type]  # by name
    if action == "undo":
        return choices_undo(ids=ids, **common)  # type: ignore[arg-type]  # by name
    raise ValidationError({"action": ["Choose what to do."]})


@staff_page("decisions.review")
@require_POST
def digest_set(request: StaffRequest) -> HttpResponse:
    """Whether this person is told by mail, once a day, what waits for review."""
    wanted = request.POST.get("digest") == "1"
    digest_wish(user=request.user, wanted=wanted, actor=actor_of(request))
    said = "A mail comes on days on which something waits." if wanted else "No more mails about it."
    messages.success(request, said)
    return HttpResponseRedirect(_url(request, "list"))


# --- Why ----------------------------------------------------------------------------------------------------------


@staff_page("decisions.view")
@require_safe
def account_log(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Everything that was decided for an account, with what was known and what spoke against each play."""
    account = get_object_or_404(Account, pk=account_id)
    logs = logs_of(account_choices(account.pk))
    context = {"account": account, "logs": logs, "signals": signals_of(logs)}
    return render(request, "journeys/decisions/account.html", context)


@staff_page("decisions.view")
@require_safe
def message_chain(request: StaffRequest, message_id: UUID) -> HttpResponse:
    """The whole chain behind a message, from the signal to its delivery."""
    rows = Message.objects.select_related("account", "contact").defer("body_html", "body_text")
    message = get_object_or_404(rows, pk=message_id)
    return render(request, "journeys/decisions/chain.html", {"message": message, "chain": chain_of(message)})


@staff_page("decisions.view")
@require_safe
def day_again(request: StaffRequest) -> HttpResponse:
    """Every decision of a day made again from what was known: the same comes out."""
    asked = request.GET.get("day", "")
    try:
        day = date.fromisoformat(asked) if asked else today_of(request.tenant)
    except ValueError:
        messages.error(request, "This is no day: write it like 2026-01-31.")
        day = today_of(request.tenant)
    number = Choice.objects.filter(day=day).count()
    found = replay_day(day) if number <= MOST_REPLAYED else None
    context = {"day": day, "number": number, "found": found, "most": MOST_REPLAYED}
    return render(request, "journeys/decisions/again.html", context)


def _choice(choice_id: UUID) -> Choice:
    found: Choice = get_object_or_404(Choice.objects.select_related(*ROW), pk=choice_id)
    return found


def _url(request: StaffRequest, name: str, **parts: Any) -> str:
    return reverse(f"decisions:{name}", kwargs={"tenant": request.tenant.slug, **parts})
