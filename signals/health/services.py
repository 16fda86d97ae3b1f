"""Writes of scorecards, of what people set by hand, and of bands set against the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from hub.accounts.models import Account
from hub.accounts.services import facts_touch, states_lock
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.registry.facts import known_facts
from hub.rules.language import Problem, RuleError, comparisons, parse
from signals.backtest.draft import Draft
from signals.backtest.models import BacktestRun
from signals.backtest.services import backtest_of, backtest_running
from signals.health import shipped
from signals.health.cards import REFUSED, checked
from signals.health.models import HealthBand, HealthInput, HealthOverride, Scorecard, ScorecardVersion
from signals.health.overrides import override_close, tell
from signals.health.scoring import HAND
from signals.reopening import day_reopen

EVERY_ACCOUNT: Final[dict[str, Any]] = {"all": []}
LONGEST_OVERRIDE: Final = 90
USUAL_OVERRIDE: Final = 30
MOST_CARDS: Final = 20


class HealthError(ValueError):
    """A change of health that cannot be made; the message says why."""


# --- Scorecards ---------------------------------------------------------------------------------------------------


@transaction.atomic
def scorecards_install(*, actor: Actor) -> bool:
    """Give the tenant in context the shipped scorecard unless it has one of any kind; True when it was given."""
    if Scorecard.objects.exists():
        return False
    Scorecard.objects.bulk_create(
        [Scorecard(key=shipped.KEY, name=shipped.NAME, position=1000, rule=EVERY_ACCOUNT)], ignore_conflicts=True
    )
    card = Scorecard.objects.select_for_update().get(key=shipped.KEY)
    if card.version:
        return False
    _publish(card, checked(shipped.MEASURES), (40, 70), note=shipped.NOTE, user=None, actor=actor)
    return True


@transaction.atomic
def scorecard_create(
    *, name: str, rule: Any, measures: Sequence[Mapping[str, Any]], bands: tuple[int, int], note: str,
    user: User | None, actor: Actor,
) -> Scorecard:  # fmt: skip
    """A further scorecard, asked before those that are there, with its first version, which was back-tested.

    Raises HealthError, CardError or RuleError with what is wrong.
    """
    if Scorecard.objects.filter(is_active=True).count() >= MOST_CARDS:
        raise HealthError(f"there are {MOST_CARDS} scorecards already; put one away first")
    check_rule(rule)
    stored = checked(measures, *bands)
    tested = _tested(Draft(stored, *bands, rule))
    card: Scorecard = Scorecard.objects.create(
        key=_free_key(name), name=named(name), position=new_position(), rule=rule
    )
    audit(actor, "scorecard.create", card, rule=rule)
    _publish(card, stored, bands, note=note, user=user, actor=actor, tested=tested)
    BacktestRun.objects.filter(pk=tested.pk, scorecard__isnull=True).update(scorecard=card)
    day_reopen()
    return card


def new_position() -> int:
    """The place of a further scorecard: before the one for everybody, which would leave it nothing."""
    found = Scorecard.objects.aggregate(most=Max("position"))["most"] or 0
    first = Scorecard.objects.filter(is_active=True, rule=EVERY_ACCOUNT).order_by("position").first()
    return max(0, first.position - 1) if first else found + 1


@transaction.atomic
def scorecard_publish(
    *, scorecard: Scorecard, measures: Sequence[Mapping[str, Any]], bands: tuple[int, int], note: str,
    user: User | None, actor: Actor,
) -> ScorecardVersion:  # fmt: skip
    """Publish the next version, which was back-tested; the accounts' scores follow in the background.

    What is as it is already stays the version that it is. Raises CardError or HealthError.
    """
    card = Scorecard.objects.select_for_update().get(pk=scorecard.pk)
    stored = checked(measures, *bands)
    now: ScorecardVersion = ScorecardVersion.objects.get(scorecard=card, number=card.version)
    if (now.measures, now.yellow_from, now.green_from) == (stored, *bands):
        return now
    tested = _tested(Draft(stored, *bands, card.rule))
    version = _publish(card, stored, bands, note=note, user=user, actor=actor, tested=tested)
    day_reopen()
    return version


def _tested(draft: Draft) -> BacktestRun:
    """The finished back-test of exactly this draft; raises HealthError without one."""
    if tested := backtest_of(draft):
        return tested
    if backtest_running(draft):
        raise HealthError("its back-test is still running: publish when it has finished")
    raise HealthError("back-test exactly this draft first: measures, weights, bands and accounts as they are here")


def _publish(
    card: Scorecard, stored: Sequence[Mapping[str, Any]], bands: tuple[int, int], *, note: str,
    user: User | None, actor: Actor, tested: BacktestRun | None = None,
) -> ScorecardVersion:  # fmt: skip
    words = note.replace("\x00", "").strip()[:500]
    if not words:
        raise HealthError("say what is changed and why: it stands beside every score that moves by it")
    card.version += 1
    card.save(update_fields=["version"])
    yellow, green = bands
    version: ScorecardVersion = ScorecardVersion.objects.create(
        scorecard=card, number=card.version, measures=list(stored), yellow_from=yellow, green_from=green, note=words,
        published_by=user, backtest=tested,
    )  # fmt: skip
    audit(actor, "scorecard.publish", card, version=card.version, backtest=str(tested.pk) if tested else None)
    return version


@transaction.atomic
def scorecard_apply(
    *, scorecard: Scorecard, name: str, rule: Any, position: int, is_active: bool, actor: Actor
) -> Scorecard:
    """Say for which accounts a scorecard is, when it is asked, and whether at all. Raises HealthError or RuleError."""
    card: Scorecard = Scorecard.objects.select_for_update().get(pk=scorecard.pk)
    check_rule(rule)
    others = Scorecard.objects.filter(is_active=True).exclude(pk=card.pk)
    if not is_active and not others.exists():
        raise HealthError("it is the only scorecard; publish another one first")
    before = {"name": card.name, "rule": card.rule, "position": card.position, "is_active": card.is_active}
    after = {"name": named(name), "rule": rule, "position": position, "is_active": is_active}
    if before != after:
        Scorecard.objects.filter(pk=card.pk).update(**after)
        audit(actor, "scorecard.apply", card, before=before, after=after)
        day_reopen()
    card.refresh_from_db()
    return card


def check_rule(rule: Any) -> None:
    """Raise RuleError for what cannot say for whom a scorecard is."""
    read = {leaf.fact for leaf in comparisons(parse(rule, known_facts()))}
    if wrong := sorted(fact.label for fact in read if fact.name in REFUSED or fact.measure in REFUSED):
        raise RuleError((Problem("", f"a scorecard cannot depend on {', '.join(wrong)}: it is made of it"),))


def named(name: str) -> str:
    """A scorecard's name as it is stored; raises HealthError for none."""
    words = name.replace("\x00", "").strip()[:100]
    if not words:
        raise HealthError("give the scorecard a name")
    return words


def _free_key(name: str) -> str:
    stem = "-".join(filter(None, "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).split("-")))
    taken = set(Scorecard.objects.values_list("key", flat=True))
    tries = [stem[:50] or "scorecard", *(f"{stem[:50] or 'scorecard'}-{n}" for n in range(2, MOST_CARDS * 100))]
    return next(key for key in tries if key not in taken)


# --- What people set ----------------------------------------------------------------------------------------------


@transaction.atomic
def hand_set(*, account: Account, measure: str, value: int, note: str, user: User, actor: Actor) -> HealthInput:
    """Set a measure that people set, 0 to 100; the score follows within seconds. Raises HealthError."""
    if not 0 <= value <= 100:
        raise HealthError("the value is a whole number from 0 to 100")
    if measure not in hand_measures():
        raise HealthError("no scorecard has such a measure by hand")
    states_lock([account.pk])
    words = note.replace("\x00", "").strip()[:500]
    row: HealthInput = HealthInput.objects.create(
        account=account, measure=measure, value=value, note=words, set_by=user
    )
    audit(actor, "health.set", account, measure=measure, value=value)
    label = hand_measures()[measure]
    tell(account.pk, f"hand:{row.pk}", f"{label} set to {value} of 100", row.set_at, actor, words)
    facts_touch([account.pk])
    return row


def hand_measures() -> dict[str, str]:
    """Measures that people set, by key with their label, of the versions that count now."""
    versions = ScorecardVersion.objects.select_related("scorecard").filter(scorecard__is_active=True)
    rows = [row for v in versions if v.number == v.scorecard.version for row in v.measures if row["fact"] == HAND]
    return {row["key"]: row["label"] for row in rows}


@transaction.atomic
def override_set(
    *, account: Account, band: str, reason: str, until: date, today: date, user: User, actor: Actor
) -> HealthOverride:
    """Set a band against the score until a day, at most 90 days off; it replaces the one that stands.

    Raises HealthError.
    """
    words = reason.replace("\x00", "").strip()[:500]
    if band not in HealthBand.values:
        raise HealthError("choose red, yellow or green")
    if not words:
        raise HealthError("say why: whoever reads the score must know")
    if not today <= until <= today + timedelta(days=LONGEST_OVERRIDE):
        raise HealthError(f"it ends today or within {LONGEST_OVERRIDE} days")
    states_lock([account.pk])
    now = timezone.now()
    for standing in HealthOverride.objects.filter(account=account, ended_at__isnull=True):
        override_close(standing, now, actor=actor, words="is replaced")
    row: HealthOverride = HealthOverride.objects.create(
        account=account, band=band, reason=words, until=until, set_by=user, set_at=now
    )
    audit(actor, "health.override", account, band=band, until=until.isoformat())
    title = f"Health set to {row.get_band_display().lower()} by hand until {until.isoformat()}"
    tell(account.pk, f"override:{row.pk}", title, now, actor, words)
    facts_touch([account.pk])
    return row


@transaction.atomic
def override_end(*, account: Account, actor: Actor) -> bool:
    """End the band that was set by hand; False when there is none."""
    states_lock([account.pk])
    standing = HealthOverride.objects.filter(account=account, ended_at__isnull=True).first()
    if standing is None:
        return False
    override_close(standing, timezone.now(), actor=actor, words="was taken back")
    facts_touch([account.pk])
    return True
