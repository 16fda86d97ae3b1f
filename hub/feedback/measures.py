"""What can be measured of support and surveys: tickets, those still open, and what people answered, in a window.

A ticket belongs to the UTC day on which it was opened. What a ticket says of itself today (its priority, whether it was
escalated) is taken for the past as well.
"""

from __future__ import annotations

from functools import partial

from hub.feedback.models import SurveyResponse, TicketKind, TicketPriority
from hub.registry.facts import TODAY, Expression, FactKind
from hub.registry.measures import Argument, ArgumentKind, Arguments, Measure, Rows, days, measures, span

PRIORITY = Argument("priority", "which priority", ArgumentKind.TEXT, "", tuple(TicketPriority.choices))
KIND = Argument("kind", "which kind", ArgumentKind.TEXT, "", tuple(TicketKind.choices))
SURVEY = Argument("survey", "which survey", ArgumentKind.TEXT, None, tuple(SurveyResponse.Kind.choices))
TICKETS = Rows("feedback_ticket", "opened_at", (("priority", "u.priority = %s"), ("kind", "u.kind = %s")))
ESCALATED = Rows("feedback_ticket", "opened_at", which="u.escalated")
ANSWERS = Rows("feedback_surveyresponse", "answered_at", (("survey", "u.kind = %s"),))
PROMOTERS = Rows("feedback_surveyresponse", "answered_at", which="u.kind = 'nps' AND u.score >= 9")
DETRACTORS = Rows("feedback_surveyresponse", "answered_at", which="u.kind = 'nps' AND u.score <= 6")


def _open(given: Arguments) -> Expression:
    opened = TICKETS.so_far("count(*)")(given)
    still = " AND (u.closed_at IS NULL OR u.closed_at >= %s::date + 1))"
    return Expression(opened.sql.removesuffix(")") + still, (*opened.params, TODAY))


def _tickets(given: Arguments) -> str:
    return " ".join(filter(None, (given["priority"], given["kind"].replace("_", " "), "tickets")))


def register() -> None:
    make = partial(Measure, kind=FactKind.NUMBER, source="support", order=40)
    answered = partial(make, source="surveys", arguments=(days(90),))
    for measure in (
        make(
            "tickets", "tickets opened", arguments=(PRIORITY, KIND, days()),
            expression=TICKETS.in_window("count(*)"), words=lambda given: f"{_tickets(given)} in {span(given)}",
        ),
        make(
            "tickets_standing", "tickets standing open", arguments=(PRIORITY, KIND),
            expression=_open, words=lambda given: f"open {_tickets(given)}",
        ),
        make(
            "escalations", "escalated tickets", arguments=(days(),),
            expression=ESCALATED.in_window("count(*)"), words=lambda given: f"escalated tickets in {span(given)}",
        ),
        make(
            "survey_score", "mean survey score", arguments=(SURVEY, days(90)), source="surveys",
            expression=ANSWERS.in_window("avg(u.score)"),
            words=lambda given: f"mean {given['survey'].upper()} score in {span(given)}",
        ),
        answered(
            "promoters", "NPS promoters",
            expression=PROMOTERS.in_window("count(*)"), words=lambda given: f"NPS promoters in {span(given)}",
        ),
        answered(
            "detractors", "NPS detractors",
            expression=DETRACTORS.in_window("count(*)"), words=lambda given: f"NPS detractors in {span(given)}",
        ),
    ):  # fmt: skip
        measures.register(measure)
