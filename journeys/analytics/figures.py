"""Figures of one journey over the accounts that entered it within a period. Reads.

Everything counts the same accounts, so a step's figures, the messages' and the goal's can be laid side by side.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Aggregate, Count, DurationField, F, OuterRef, QuerySet, Subquery

from hub.outbox.channels.base import channels
from hub.outbox.models import Click, Message, MessageStatus
from hub.outbox.reasons import reason_words
from journeys.experiments.stats import Difference, Interval, share_difference, wilson
from journeys.models import Enrollment, EnrollmentStatus, Journey, StepRun
from journeys.tree import ICONS, TreeNode

# So many accounts are asked for on either side before a share is compared.
ENOUGH: Final = 30
_UNDER_WAY: Final = (MessageStatus.PENDING, MessageStatus.HELD, MessageStatus.CLEARED, MessageStatus.SENDING)


@dataclass(frozen=True, slots=True)
class Told:
    """A reason in words, and how often."""

    words: str
    count: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class StepFigures:
    """Accounts at one step. `not_done`: those that passed it without it being done; `left`: those that ended on it.

    `node` is None for a step that the version running now does not have any more.
    """

    id: str
    node: TreeNode | None
    passed: int
    here: int
    not_done: list[Told]
    left: list[Told]


@dataclass(frozen=True, slots=True)
class MessageFigures:
    """Messages of one step by one channel, by what became of them; `clicked` are messages that a person clicked.

    `why` says what kept the others back, and what still holds those under way.
    """

    node_id: str
    node: TreeNode | None
    channel: str
    queued: int
    sent: int
    under_way: int
    failed: int
    unknown: int
    kept_back: int
    clicked: int
    read: int
    why: list[Told]


@dataclass(frozen=True, slots=True)
class GoalFigures:
    """Accounts that reached the goal, of those for whom it was open when they entered; `share` with its interval.

    `seconds` is the median from entry to goal. Those held out walk the journey with its effects off. `lift` is the
    difference between the two shares, None below `ENOUGH` accounts on either side.
    """

    entered: int
    reached: int
    share: Interval | None
    seconds: float | None
    held_out: int
    held_out_reached: int
    held_out_share: Interval | None
    lift: Difference | None


@dataclass(frozen=True, slots=True)
class JourneyFigures:
    """Everything of one journey's page of figures."""

    entered: int
    inside: int
    ended: list[Told]
    steps: list[StepFigures]
    messages: list[MessageFigures]
    goal: GoalFigures | None


@dataclass
class _Place:
    passed: int = 0
    here: int = 0
    not_done: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)


def journey_figures(
    journey: Journey, nodes: Iterable[TreeNode], *, since: datetime | None, has_goal: bool
) -> JourneyFigures:
    """Figures of the accounts that entered since then (None: ever); `nodes` are those that run now, in their order.

    Seven queries, whatever the number of accounts.
    """
    inside = Enrollment.objects.filter(journey=journey)
    if since is not None:
        inside = inside.filter(entered_at__gte=since)
    known = {node.id: node for node in nodes}
    places, ended = _places(inside, journey, since)
    # Nobody stands on a goal: it ends the journey wherever an account is.
    on_the_way = [node_id for node_id in known if node_id in places or known[node_id].icon != ICONS["goal"]]
    order = [*on_the_way, *sorted(places.keys() - known.keys())]
    return JourneyFigures(
        entered=sum(place.here for place in places.values()) + sum(told.count for told in ended),
        inside=sum(place.here for place in places.values()),
        ended=ended,
        steps=[_step(node_id, known.get(node_id), places.get(node_id, _Place())) for node_id in order],
        messages=_messages(journey, known, since),
        goal=_goal(inside) if has_goal else None,
    )


def _places(
    inside: QuerySet[Enrollment], journey: Journey, since: datetime | None
) -> tuple[dict[str, _Place], list[Told]]:
    places: dict[str, _Place] = defaultdict(_Place)
    ended: Counter[str] = Counter()
    standing = inside.order_by().values_list("node_id", "status", "reason").annotate(n=Count("pk"))
    for node_id, status, reason, number in standing:
        if status == EnrollmentStatus.ACTIVE:
            places[node_id].here += number
        else:
            places[node_id].left[reason] += number
            ended[reason] += number
    runs = StepRun.objects.filter(journey=journey)
    if since is not None:
        runs = runs.filter(enrollment__entered_at__gte=since)
    for node_id, outcome, reason, number in (
        runs.order_by().values_list("node_id", "outcome", "reason").annotate(n=Count("pk"))
    ):
        places[node_id].passed += number
        if outcome != "done":
            places[node_id].not_done[reason or outcome] += number
    return places, _told(ended)


def _step(node_id: str, node: TreeNode | None, place: _Place) -> StepFigures:
    return StepFigures(node_id, node, place.passed, place.here, _told(place.not_done), _told(place.left))


def _told(reasons: Mapping[str, int]) -> list[Told]:
    """Reasons in words, most frequent first."""
    ranked = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Told(_words(reason), count, reason) for reason, count in ranked]


def _words(reason: str) -> str:
    return "the goal was reached" if reason == "goal_met" else reason_words(reason)


# --- Messages -----------------------------------------------------------------------------------------------------


def _messages(journey: Journey, known: Mapping[str, TreeNode], since: datetime | None) -> list[MessageFigures]:
    """Messages by step and channel; of those by bounced contacts' replacements, too: they carry the step's run."""
    sent_by = StepRun.objects.filter(pk=OuterRef("step_run_id")).values("node_id")[:1]
    queued = Message.objects.filter(group_id=journey.pk).annotate(node=Subquery(sent_by))
    clicked = Click.objects.filter(message__group_id=journey.pk, bot_score__lt=Click.MACHINE)
    if since is not None:
        entered = Enrollment.objects.filter(journey=journey, entered_at__gte=since).values("pk")
        queued, clicked = queued.filter(cause_id__in=entered), clicked.filter(message__cause_id__in=entered)
    statuses: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    why: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    read: Counter[tuple[str, str]] = Counter()
    rows = queued.order_by().values_list("node", "channel", "status", "reason")
    for node_id, channel, status, reason, number, opened in rows.annotate(n=Count("pk"), opened=Count("read_at")):
        where = (node_id or "", channel)
        statuses[where][status] += number
        read[where] += opened
        if reason and status not in (MessageStatus.SENT, MessageStatus.SENDING):
            why[where][reason] += number
    clicks = _clicks(clicked)
    return [
        _message_figures(where, known, statuses[where], why[where], clicks[where], read[where])
        for where in sorted(statuses, key=lambda where: (_place(known, where[0]), channels.get(where[1]).order))
    ]


def _clicks(clicked: QuerySet[Click]) -> Counter[tuple[str, str]]:
    """Messages that a person has clicked, by step and channel."""
    sent_by = StepRun.objects.filter(pk=OuterRef("message__step_run_id")).values("node_id")[:1]
    rows = clicked.annotate(node=Subquery(sent_by)).order_by().values_list("node", "message__channel")
    counted = rows.annotate(n=Count("message_id", distinct=True))
    return Counter({(node or "", channel): number for node, channel, number in counted})


def _place(known: Mapping[str, TreeNode], node_id: str) -> tuple[int, str]:
    return (list(known).index(node_id), "") if node_id in known else (len(known), node_id)


def _message_figures(
    where: tuple[str, str],
    known: Mapping[str, TreeNode],
    statuses: Counter[str],
    why: Counter[str],
    clicked: int,
    read: int,
) -> MessageFigures:
    node_id, channel = where
    kept_back = (MessageStatus.WITHHELD, MessageStatus.WITHDRAWN, MessageStatus.EXPIRED)
    return MessageFigures(
        node_id=node_id,
        node=known.get(node_id),
        channel=channels.get(channel).title,
        queued=statuses.total(),
        sent=statuses[MessageStatus.SENT],
        under_way=sum(statuses[status] for status in _UNDER_WAY),
        failed=statuses[MessageStatus.FAILED],
        unknown=statuses[MessageStatus.UNKNOWN],
        kept_back=sum(statuses[status] for status in kept_back),
        clicked=clicked,
        read=read,
        why=_told(why),
    )


# --- Goal ---------------------------------------------------------------------------------------------------------


def _goal(inside: QuerySet[Enrollment]) -> GoalFigures:
    open_at_entry = inside.filter(goal_before=False).order_by()
    counted: dict[bool, Counter[bool]] = {True: Counter(), False: Counter()}
    for held_out, reason, number in open_at_entry.values_list("held_out", "reason").annotate(n=Count("pk")):
        counted[held_out][reason == "goal_met"] += number
    ours, theirs = (counted[side].total() for side in (False, True))
    reached, without = counted[False][True], counted[True][True]
    lift = share_difference((without, theirs), (reached, ours)) if min(ours, theirs) >= ENOUGH else None
    return GoalFigures(
        entered=ours,
        reached=reached,
        share=wilson(reached, ours) if ours else None,
        seconds=_seconds(open_at_entry),
        held_out=theirs,
        held_out_reached=without,
        held_out_share=wilson(without, theirs) if theirs else None,
        lift=lift,
    )


class _Median(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def _seconds(entered: QuerySet[Enrollment]) -> float | None:
    """Median time from entry to goal, of those who reached it."""
    reached = entered.filter(reason="goal_met", held_out=False, ended_at__isnull=False)
    took: timedelta | None = reached.aggregate(took=_Median(F("ended_at") - F("entered_at")))["took"]
    return took.total_seconds() if took is not None else None


def flat(nodes: Iterable[TreeNode]) -> list[TreeNode]:
    """Every node of a tree once, from top to bottom."""
    found: list[TreeNode] = []
    for node in nodes:
        if not node.again:
            found.append(node)
            found += [below for way in node.ways for below in flat(way.nodes)]
    return found
