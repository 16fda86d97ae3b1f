"""What can be measured of support and surveys: tickets, those still open, what people answered, and how they sound.

A text counts on the UTC day on which it was written, also where it was read later. A ticket belongs to the UTC day on
which it was opened; what it says of itself today (its priority, whether it was escalated) is taken for the past, too.
"""

from __future__ import annotations

from functools import partial

from hub.feedback.models import SurveyResponse, TicketKind, TicketPriority
from hub.feedback.theme_selectors import theme_keys
from hub.registry.facts import TODAY, Expression, FactKind
from hub.registry.measures import (
    Argument,
    ArgumentKind,
    Arguments,
    Measure,
    Rows,
    Suggestion,
    days,
    measures,
    span,
    suggestions,
)

PRIORITY = Argument("priority", "which priority", ArgumentKind.TEXT, "", tuple(TicketPriority.choices))
KIND = Argument("kind", "which kind", ArgumentKind.TEXT, "", tuple(TicketKind.choices))
SURVEY = Argument("survey", "which survey", ArgumentKind.TEXT, None, tuple(SurveyResponse.Kind.choices))
TICKETS = Rows("feedback_ticket", "opened_at", (("priority", "u.priority = %s"), ("kind", "u.kind = %s")))
THEME = Argument("theme", "which theme", ArgumentKind.TEXT, "", suggest="themes")
TEXTS = Rows("feedback_readtext", "at", (("theme", "%s = ANY(u.themes)"),))
THEMED = Rows("feedback_readtext", "at", (("theme", "%s = ANY(u.themes)"),), which="u.themes <> '{}'")
NEGATIVE = Rows("feedback_readtext", "at", (("theme", "%s = ANY(u.themes)"),), which="u.feeling = 'negative'")
ESCALATED = Rows("feedback_ticket", "opened_at", which="u.escalated")
ANSWERS = Rows("feedback_surveyresponse", "answered_at", (("survey", "u.kind = %s"),))
PROMOTERS = Rows("feedback_surveyresponse", "answered_at", which="u.kind = 'nps' AND u.score >= 9")
DETRACTORS = Rows("feedback_surveyresponse", "answered_at", which="u.kind = 'nps' AND u.score <= 6")


def tickets_open(given: Arguments) -> Expression:
    """Tickets open at the end of the day of asking."""
    opened = TICKETS.so_far("count(*)")(given)
    still = " AND (u.closed_at IS NULL OR u.closed_at >= %s::date + 1))"
    return Expression(opened.sql.removesuffix(")") + still, (*opened.params, TODAY), utc=True)


def _tickets(given: Arguments) -> str:
    return " ".join(filter(None, (given["priority"], given["kind"].replace("_", " "), "tickets")))


def _texts(given: Arguments, what: str) -> str:
    about = f" about {given['theme'].replace('_', ' ')}" if given["theme"] else ""
    return f"{what}{about} in {span(given)}"


def register() -> None:
    suggestions.register(Suggestion("themes", theme_keys))
    make = partial(Measure, kind=FactKind.NUMBER, source="support", order=40)
    answered = partial(make, source="surveys", arguments=(days(90),))
    said = partial(make, source="texts", arguments=(THEME, days()))
    for measure in (
        make(
            "tickets", "tickets opened", arguments=(PRIORITY, KIND, days()),
            expression=TICKETS.in_window("count(*)"), words=lambda given: f"{_tickets(given)} in {span(given)}",
        ),
        make(
            "tickets_standing", "tickets standing open", arguments=(PRIORITY, KIND),
            expression=tickets_open, words=lambda given: f"open {_tickets(given)}",
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
        said(
            "theme_mentions", "texts about a theme",
            expression=THEMED.in_window("count(*)"),
            words=lambda given: _texts(given, "texts" if given["theme"] else "texts about any theme"),
        ),
        said(
            "negative_texts", "texts that sound unhappy",
            expression=NEGATIVE.in_window("count(*)"), words=lambda given: _texts(given, "unhappy texts"),
        ),
        said(
            "mean_sentiment", "mean sentiment of texts, −1 to 1",
            expression=TEXTS.in_window("avg(u.sentiment::numeric)"),
            words=lambda given: _texts(given, "mean sentiment of texts"),
        ),
    ):  # fmt: skip
        measures.register(measure)
