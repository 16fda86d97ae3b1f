"""The page of one question: a GET, a link scanner's too, answers nothing."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from hub.feedback.services import SCALES
from hub.people.audit import Actor
from hub.portal.guards import hub_entrance
from journeys.surveys.services import invite_of, survey_answer


@hub_entrance
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, token: str) -> HttpResponse:
    """Show the question, take the answer."""
    invited = invite_of(token)
    if invited is None:
        raise Http404
    low, high = SCALES[invited.kind]
    context = {"invite": invited, "scores": range(low, high + 1), "done": invited.answered_at is not None}
    if request.method != "POST":
        return render(request, "journeys/survey.html", context)
    actor = Actor("contact", str(invited.contact_id), "contact", request.META.get("REMOTE_ADDR") or None)
    text = request.POST.get("score", "")
    try:
        score = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else -1
        survey_answer(invited=invited, score=score, comment=request.POST.get("comment", ""), actor=actor)
    except ValueError as error:
        typed = {"problem": str(error), "comment": request.POST.get("comment", "")}
        return render(request, "journeys/survey.html", context | typed, status=422)
    return render(request, "journeys/survey.html", context | {"done": True})
