"""Many choices at once: those that are ticked, or all that the queue's filter leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hub.people.answers import go_back
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import CSM
from hub.people.scope import EVERYONES, MINE
from journeys.decisions.forms import ids_of, problem_of
from journeys.decisions.models import OPEN, TO_REVIEW, Choice, ChoiceStatus, Play, VetoReason
from journeys.decisions.reviewing import MOST_AT_ONCE
from journeys.decisions.selectors import MOST_OF_FILTER, OpenOnes
from journeys.decisions.views import act_on

SAID: Final = {"approve": "approved", "veto": "vetoed", "undo": "undone"}
SAMPLE: Final = 8


@staff_page("decisions.review")
@require_safe
def everything(request: StaffRequest) -> HttpResponse:
    """All that the queue's filter leaves: how many, the first of them, and what can be done with them."""
    meant = meant_of(request.GET, request)
    rows = meant.rows()
    count = rows.count()
    context = {
        "meant": meant,
        "whose": MINE if meant.owner_id else EVERYONES,
        "until": (meant.until or timezone.now()).isoformat(),
        "count": min(count, MOST_OF_FILTER),
        "left": max(count - MOST_OF_FILTER, 0),
        "sample": list(rows.select_related("account", "play").defer("given", "verdicts")[:SAMPLE]),
        "play_name": Play.objects.filter(key=meant.play).values_list("name", flat=True).first() or "",
        "status_name": ChoiceStatus(meant.status).label,
        "reasons": VetoReason.choices,
    }
    return render(request, "journeys/decisions/all.html", context)


@staff_page("decisions.review")
@require_safe
def veto(request: StaffRequest) -> HttpResponse:
    """Say no to the choices that are ticked, with a reason."""
    ids = ids_of(request.GET, MOST_AT_ONCE)
    named = Choice.objects.select_related("account", "play").defer("given", "verdicts")
    chosen = named.filter(pk__in=ids, status__in=TO_REVIEW).order_by("-score_minor", "-id")
    if not ids:
        messages.info(request, "Choose the decisions first: tick them in the list.")
        return redirect("decisions:list", tenant=request.tenant.slug)
    shown = list(chosen)
    context = {"chosen": shown, "count": len(shown), "reasons": VetoReason.choices}
    return render(request, "journeys/decisions/veto.html", context)


@staff_page("decisions.review")
@require_POST
def act(request: StaffRequest) -> HttpResponse:
    """Approve, veto or undo the choices that are ticked, or all that the filter in the form leaves."""
    back = reverse("decisions:list", kwargs={"tenant": request.tenant.slug})
    try:
        ids = _ids(request)
        done = act_on(request, ids)
    except ValidationError as error:
        messages.error(request, f"Nothing was changed. {problem_of(error)}")
        return go_back(request, back)
    count, left = len(done), len(ids) - len(done)
    words = f"{count} decision{'' if count == 1 else 's'} {SAID[request.POST['action']]}."
    if not done:
        messages.info(request, "Nothing was changed: choose decisions that are open, or somebody was faster.")
    else:
        messages.success(request, f"{words} {left} were not open any more." if left else words)
    return go_back(request, back)


def _ids(request: StaffRequest) -> list[UUID]:
    if request.POST.get("all") != "1":
        return ids_of(request.POST, MOST_AT_ONCE)
    meant = meant_of(request.POST, request)
    if meant.until is None:
        raise ValidationError("Open the list again: the form does not say which decisions it showed.")
    return meant.ids()


def meant_of(given: QueryDict, request: StaffRequest) -> OpenOnes:
    """The filter of the queue as an address or a form says it."""
    status, whose = given.get("status", ""), given.get("whose", "")
    usual = MINE if request.membership.role == CSM else EVERYONES
    mine = (whose if whose in (MINE, EVERYONES) else usual) == MINE
    return OpenOnes(
        status if status in OPEN else ChoiceStatus.ASKED.value,
        given.get("play", "")[:64],
        request.user.pk if mine else None,
        _moment(given.get("until", "")),
    )


def _moment(text: str) -> datetime | None:
    try:
        found: Any = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
