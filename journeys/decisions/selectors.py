"""Reads of choices and plays for pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from hub.outbox.reasons import reason_words
from hub.shell.paging import Page, cursor_values, page_of
from journeys.decisions.acts.base import play_acts
from journeys.decisions.models import Choice, ChoiceStatus, Play, VetoReason
from journeys.decisions.scoring import Belief, Lift, Tally, lift
from journeys.decisions.situations import learnt_of
from journeys.decisions.terms import Terms, terms_of
from signals.models import Signal

PAGE: Final = 50
ANY_STATUS: Final = "any"
MOST_OF_FILTER: Final = 2_000
"""So many are done with at once; a play has at most a hundred open ones."""
ROW: Final = ("account", "play", "signal", "reviewed_by")


def choices_page(
    *, status: str, play: str = "", owner_id: UUID | None = None, account_id: UUID | None = None, cursor: str = ""
) -> Page[Choice]:
    """Choices of a status, newest first; what waits for review by worth. One query."""
    rows = _narrowed(Choice.objects.all(), owner_id, account_id)
    if status != ANY_STATUS:
        rows = rows.filter(status=status)
    if play:
        rows = rows.filter(play__key=play)
    rows = rows.select_related(*ROW).defer("given", "verdicts")
    if status == ChoiceStatus.ASKED:
        return _by_worth(rows, cursor)
    if after := cursor_values(cursor, datetime.fromisoformat, UUID):
        at, pk = after
        rows = rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))
    found = list(rows.order_by("-at", "-id")[: PAGE + 1])
    return page_of(found, PAGE, lambda row: (row.at.isoformat(), row.pk))


def _by_worth(rows: QuerySet[Choice], cursor: str) -> Page[Choice]:
    if after := cursor_values(cursor, int, UUID):
        score, pk = after
        rows = rows.filter(Q(score_minor__lt=score) | Q(score_minor=score, pk__lt=pk))
    found = list(rows.order_by("-score_minor", "-id")[: PAGE + 1])
    return page_of(found, PAGE, lambda row: (row.score_minor, row.pk))


def _narrowed(rows: QuerySet[Choice], owner_id: UUID | None, account_id: UUID | None) -> QuerySet[Choice]:
    if owner_id is not None:
        rows = rows.filter(account__owner_id=owner_id)
    return rows.filter(account_id=account_id) if account_id is not None else rows


@dataclass(frozen=True, slots=True)
class OpenOnes:
    """Open choices that a filter of the queue leaves; ``until``: made no later, so that nobody says yes unseen."""

    status: str
    play: str = ""
    owner_id: UUID | None = None
    until: datetime | None = None

    def rows(self) -> QuerySet[Choice]:
        """Those worth most first."""
        rows = _narrowed(Choice.objects.filter(status=self.status), self.owner_id, None)
        rows = rows.filter(play__key=self.play) if self.play else rows
        rows = rows.filter(at__lte=self.until) if self.until else rows
        return rows.order_by("-score_minor", "-id")

    def ids(self) -> list[UUID]:
        """At most `MOST_OF_FILTER`."""
        return list(self.rows().values_list("pk", flat=True)[:MOST_OF_FILTER])


def open_counts(owner_id: UUID | None = None) -> dict[str, int]:
    """How many choices are open, by status; what is closed nobody has to deal with. One query."""
    rows = _narrowed(Choice.objects.filter(status__in=("suggested", "asked", "scheduled")), owner_id, None)
    return dict(rows.order_by().values_list("status").annotate(n=Count("pk")))


def waiting_for_review(
    owner_id: UUID | None = None, *, limit: int = 5, statuses: Sequence[str] = (ChoiceStatus.ASKED,)
) -> tuple[list[Choice], int]:
    """The choices to review that are worth most, and how many there are. Two queries."""
    rows = _narrowed(Choice.objects.filter(status__in=statuses), owner_id, None)
    named = rows.select_related("account", "play", "signal").defer("given", "verdicts")
    shown = list(named.order_by("-score_minor", "-id")[:limit])
    return shown, rows.count() if len(shown) == limit else len(shown)


def words_of(choice: Choice) -> str:
    """The reason of a choice in words, "" without one."""
    if choice.status == ChoiceStatus.VETOED and choice.reason in VetoReason.values:
        return ": ".join(part for part in (VetoReason(choice.reason).label, choice.note) if part)
    return choice_reason_words(choice.reason) if choice.reason else ""


_WORDS: Final = {
    "play_off": "the play is switched off",
    "running": "it runs already",
    "served": "a journey for the same purpose runs already",
    "cooldown": "it was chosen a short while ago",
    "waits_for_review": "another choice for this account is open",
    "queue_full": "enough choices of this play are open already",
    "outscored": "another of its class is worth more",
    "superseded": "something more urgent took its place",
    "signal_cleared": "what it answered is no longer so",
    "expired": "nobody reviewed it in time",
    "archived": "the journey was archived",
    "undone": "somebody took it back before it began",
}


def choice_reason_words(code: str) -> str:
    """A reason code of a decision in words."""
    return _WORDS.get(code) or reason_words(code)


# --- The log of a choice ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Log:
    """A choice with everything that it was made from, for people."""

    choice: Choice
    verdicts: Sequence[dict[str, Any]]
    signals: Sequence[dict[str, Any]]
    known: Sequence[tuple[str, str]]
    words: str


def logs_of(choices: Sequence[Choice]) -> list[Log]:
    """No query."""
    return [_log(choice) for choice in choices]


def _log(choice: Choice) -> Log:
    told = [
        {**verdict, "words": choice_reason_words(verdict["reason"]) if verdict["reason"] else ""}
        for verdict in choice.verdicts
    ]
    order = {"chosen": 0, "held_out": 0, "outranked": 1, "suppressed": 2}
    told.sort(key=lambda each: (order.get(each["verdict"], 3), -each["score_minor"], each["play"]))
    return Log(choice, told, choice.given.get("signals", []), _known(choice.given), words_of(choice))


def _known(given: dict[str, Any]) -> list[tuple[str, str]]:
    used, cap = given.get("pressure") or (0, 0)
    inside = ", ".join(each.replace("_", " ") for each in given.get("inside", []))
    return [
        ("Stage", str(given.get("stage") or "–").capitalize()),
        ("Urgent ticket open", "yes" if given.get("open_p1") else "no"),
        ("Health red", "yes" if given.get("red_health") else "no"),
        ("In journeys for", inside or "none"),
        ("Global holdout", "yes" if given.get("held_out") else "no"),
        ("Messages used", f"{used} of {cap}"),
    ]


def account_choices(account_id: UUID, *, limit: int = 30) -> list[Choice]:
    """The latest decisions about an account. One query."""
    return list(Choice.objects.select_related(*ROW).filter(account_id=account_id).order_by("-at", "-id")[:limit])


def signals_of(log: Sequence[Log]) -> dict[str, Signal]:
    """The signals that logs name, by id. One query."""
    ids = {each["id"] for one in log for each in one.signals}
    return {str(row.pk): row for row in Signal.objects.select_related("trigger").filter(pk__in=ids)}


# --- Plays --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayLine:
    """A play with what it has learnt and how often it was chosen."""

    play: Play
    terms: Terms
    action: str
    belief: Belief
    waiting: int
    done: int


def play_lines(*, archived: bool = False) -> list[PlayLine]:
    """Plays in the order of their class, then by name. Two queries."""
    rows = Play.objects.filter(archived_at__isnull=not archived).annotate(
        waiting=Count("choices", filter=Q(choices__status__in=("asked", "suggested", "scheduled"))),
        done=Count("choices", filter=Q(choices__status="done")),
    )
    learnt = learnt_of(None)
    lines = [_line(play, learnt.get(play.pk, (0, 0))) for play in rows]
    return sorted(lines, key=lambda line: (line.terms.purpose.rank, line.play.name))


def play_line(play: Play) -> PlayLine:
    """Two queries."""
    counts = dict(play.choices.order_by().values_list("status").annotate(n=Count("pk")))
    play.waiting = sum(counts.get(name, 0) for name in ("asked", "suggested", "scheduled"))  # type: ignore[attr-defined]
    play.done = counts.get("done", 0)  # type: ignore[attr-defined]
    return _line(play, learnt_of(play.pk).get(play.pk, (0, 0)))


def _line(play: Any, learnt: tuple[int, int]) -> PlayLine:
    terms = terms_of(play.terms)
    act = play_acts.as_mapping().get(terms.action)
    words = act.words(terms.config) if act else terms.action
    return PlayLine(play, terms, words, Belief(*terms.prior, *learnt), play.waiting, play.done)


@dataclass(frozen=True, slots=True)
class Compared:
    """What was reached at accounts that got something, and at those held out."""

    treated: Tally
    held_out: Tally
    lift: Lift


def compared(play: Play) -> Compared:
    """By the measure that both can reach, of choices whose time is over, since the play began to learn. One query."""
    over = play.choices.filter(met__isnull=False, settled_at__isnull=False, at__gte=play.learns_since)
    found = over.aggregate(
        treated=Count("pk", filter=Q(status="done")),
        treated_met=Count("pk", filter=Q(status="done", met=True)),
        held=Count("pk", filter=Q(status="held_out")),
        held_met=Count("pk", filter=Q(status="held_out", met=True)),
    )
    treated, held = Tally(found["treated_met"], found["treated"]), Tally(found["held_met"], found["held"])
    return Compared(treated, held, lift(treated, held))
