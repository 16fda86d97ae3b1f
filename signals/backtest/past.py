"""Accounts as they were at the end of days gone by: what they paid, how they were scored, what they paid afterwards.

Everything is read by the day that it belongs to: rows dated after the day are not read, whatever wrote them since. What
keeps no past is missing. Nothing here is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from hub.accounts.models import Account
from hub.registry.facts import Fact, known_facts
from hub.registry.measures import measure_of
from hub.revenue.selectors import left_between, mrr_on
from hub.rules.compile import Clock, keeps_past
from hub.rules.language import AllOf, Node
from hub.rules.reading import read_facts, read_rule
from signals.backtest.tally import HORIZONS, MAIN, Observation
from signals.health.cards import Readable
from signals.health.models import HealthOverride
from signals.health.reading import values_of
from signals.health.scoring import HAND, Seen, rounded, score_of
from signals.health.sources import ages_then

RECENT: Final = timedelta(days=183)
TENURE: Final = "months_as_customer"
# What an account is today and, as a rule, was: its past is not kept.
STANDING: Final = ("industry", "country", "segment")
# What is known of the day.
THEN: Final = ("tier", "stage")
# Facts whose rows are dated, while some of what the rows say is of today.
OF_TODAY: Final[Mapping[str, str]] = {
    "seats_used": "seats are those of today where no dated contract limits them",
    "quota_used": "the entitlements of tiers are those of today",
    "tickets": "a ticket's priority and kind are those of today",
    "tickets_standing": "a ticket's priority and kind are those of today",
    "escalations": "whether a ticket was escalated is known of today",
    "theme_mentions": "texts have the themes of today",
    "negative_texts": "texts are as they are read today",
    "mean_sentiment": "texts are as they are read today",
    "milestones_done": "milestones are those that the plan has today",
    "milestones_required": "milestones are those that the plan has today",
    "milestones_overdue": "milestones are those that the plan has today",
    "mrr_minor": "contract lines are as they are known today",
    "people_left": "the roles of those who left are those of today",
}


@dataclass(frozen=True)
class Asked:
    """What is asked about the past: a card, for whom it is, and whose accounts are others'. ``today`` ends all."""

    card: Readable
    rule: Node
    others: Sequence[Node]
    today: date
    days: Sequence[date]
    ages: Mapping[date, Mapping[str, int | None]] = field(default_factory=dict)


def ends_of_months(today: date, months: int) -> list[date]:
    """The last days of the months that have ended before ``today``, the earliest first."""
    found, first = list[date](), today.replace(day=1)
    for _ in range(months):
        found.append(first - timedelta(days=1))
        first = found[-1].replace(day=1)
    return found[::-1]


def clock_of(day: date) -> Clock:
    """The end of a day gone by."""
    return Clock(datetime.combine(day, time(23, 59, 59), UTC), day, past=True)


def ages_of(card: Readable, days: Sequence[date]) -> dict[date, dict[str, int | None]]:
    """How old the values of the card's sources were on these days."""
    return ages_then({fact.source for fact in card.facts.values()}, days)


@dataclass(frozen=True, slots=True)
class Caveat:
    """What is to be said of a measure's past: ``kind`` is exact, of_today or none."""

    key: str
    label: str
    kind: str
    words: str


def caveats(card: Readable, stored: Sequence[Mapping[str, Any]]) -> list[Caveat]:
    """What is known of the past of each measure of a card, in their order."""
    return [_caveat(row, card.facts.get(m.reading)) for row, m in zip(stored, card.card.measures, strict=True)]


def _caveat(row: Mapping[str, Any], fact: Fact | None) -> Caveat:
    if row["fact"] == HAND:
        return Caveat(row["key"], row["label"], "exact", "every value that was set is kept with its moment")
    if fact is None:
        return Caveat(row["key"], row["label"], "none", "what it reads is gone")
    if fact.past is None:
        return Caveat(row["key"], row["label"], "none", f"{fact.label} keeps no past: missing on every day")
    words = OF_TODAY.get(row["fact"], "")
    return Caveat(row["key"], row["label"], "of_today" if words else "exact", words or "known by the days of its rows")


# --- One batch of accounts ----------------------------------------------------------------------------------------


def observations(asked: Asked, account_ids: Sequence[UUID]) -> dict[UUID, list[Observation]]:
    """Each account on every day on which it paid and was the card's, in the order of days."""
    paid = mrr_on(account_ids, [*asked.days, *(later for day in asked.days for later in _laters(day, asked.today))])
    standing = _standing(account_ids)
    found: dict[UUID, list[Observation]] = {}
    for day in asked.days:
        paying = [pk for pk in account_ids if paid.get((pk, day))]
        for pk, seen in _scored(asked, paying, day).items():
            later = {h: paid.get((pk, day + timedelta(days=h)), 0) for h in HORIZONS if _over(day, h, asked.today)}
            found.setdefault(pk, []).append(_observation(day, paid[pk, day], seen, later, standing[pk]))
    return found


def recently_left(asked: Asked, account_ids: Sequence[UUID]) -> list[tuple[str, str]]:
    """The bands, by the score alone and as shown, ninety days before of those who left in the last six months."""
    left = left_between(account_ids, asked.today - RECENT, asked.today)
    before: dict[date, list[UUID]] = {}
    for pk, day in left.items():
        before.setdefault(day - timedelta(days=MAIN), []).append(pk)
    found = []
    for day, ids in sorted(before.items()):
        paid = mrr_on(ids, [day])
        seen = _scored(asked, [pk for pk in ids if paid.get((pk, day))], day)
        found += [(one.band, one.shown_band) for one in seen.values()]
    return found


@dataclass(frozen=True, slots=True)
class Scored:
    """An account's score on a day."""

    score: int | None
    band: str
    shown_band: str
    months: int
    then: Mapping[str, str]
    points: Mapping[str, int | None]


def _scored(asked: Asked, account_ids: Sequence[UUID], day: date) -> dict[UUID, Scored]:
    clock = clock_of(day)
    ids = members(asked, account_ids, clock)
    if not ids:
        return {}
    values = _values(asked, ids, clock)
    beside = read_facts(_beside(), ids, clock)
    shown = overrides_then(ids, day)
    return {pk: _score(asked, values.get(pk, {}), beside.get(pk, {}), shown.get(pk, "")) for pk in ids}


def _values(asked: Asked, ids: Sequence[UUID], clock: Clock) -> dict[UUID, dict[str, Seen]]:
    known = asked.ages.get(clock.today) or ages_of(asked.card, [clock.today])[clock.today]
    return values_of([asked.card], ids, clock, known=known)


def _beside() -> dict[str, Fact]:
    tenure = measure_of(TENURE)
    assert tenure is not None, "registered by hub.revenue"
    return {"months": tenure.fact({}), **{name: known_facts()[name] for name in THEN}}


def _score(asked: Asked, values: Mapping[str, Seen], beside: Mapping[str, Any], override: str) -> Scored:
    found = score_of(asked.card.card, values)
    band = found.band.value if found.band else "none"
    points = {line.measure.key: None if line.points is None else rounded(line.points) for line in found.lines}
    months = int(beside.get("months") or 0)
    then = {name: beside.get(name) or "" for name in THEN}
    return Scored(found.score, band, override or band, months, then, points)


def members(asked: Asked, account_ids: Sequence[UUID], clock: Clock) -> list[UUID]:
    """The accounts that would have had this card: its rule holds, and none of those asked before it."""
    own = _holding(asked.rule, account_ids, clock)
    taken = {pk for rule in asked.others for pk in _holding(rule, sorted(own), clock)} if own else set()
    return [pk for pk in account_ids if pk in own and pk not in taken]


def _holding(rule: Node, account_ids: Sequence[UUID], clock: Clock) -> set[UUID]:
    """A rule over what keeps no past is asked of today."""
    if rule == AllOf(()) or not account_ids:
        return set(account_ids)
    asked = clock if keeps_past(rule) else Clock(clock.now, clock.today)
    return {reading.account_id for reading in read_rule(rule, account_ids, asked) if reading.holds}


def overrides_then(account_ids: Sequence[UUID], day: date) -> dict[UUID, str]:
    """The bands that people had set against the score at the end of a day."""
    standing = Q(ended_at__isnull=True) | Q(ended_at__date__gt=day)
    rows = HealthOverride.objects.filter(standing, account_id__in=account_ids, set_at__date__lte=day, until__gte=day)
    return dict(rows.order_by("set_at", "id").values_list("account_id", "band"))


def _standing(account_ids: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
    rows = Account.objects.filter(pk__in=account_ids).values_list("pk", *STANDING)
    return {pk: dict(zip(STANDING, values, strict=True)) for pk, *values in rows}


def _observation(
    day: date, mrr: int, seen: Scored, later: Mapping[int, int], standing: Mapping[str, str]
) -> Observation:
    segments = {**standing, **seen.then, "tenure": tenure_words(seen.months)}
    return Observation(
        day, mrr, seen.score, seen.band, seen.shown_band, seen.months, later, seen.points,
        {name: value or "not known" for name, value in segments.items()},
    )  # fmt: skip


def tenure_words(months: int) -> str:
    """How long a customer, in four steps."""
    steps = ((3, "under 3 months"), (12, "3 to 11 months"), (24, "1 to 2 years"))
    return next((words for most, words in steps if months < most), "2 years and more")


def _laters(day: date, today: date) -> Iterable[date]:
    return (day + timedelta(days=horizon) for horizon in HORIZONS if _over(day, horizon, today))


def _over(day: date, horizon: int, today: date) -> bool:
    return day + timedelta(days=horizon) <= today
