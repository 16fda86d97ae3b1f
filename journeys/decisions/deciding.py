"""The decision: from what is known of an account to a verdict on every play and at most one choice. Pure.

Order: what keeps a play back (each with its reason) → among what is left the highest class by the order of purposes →
in that class the greatest expected value (chance drawn × worth) → the account's place in the holdout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

from hub.outbox.gates import BLOCKED_BY_TROUBLE, Purpose
from journeys.decisions.given import Given, GivenPlay
from journeys.decisions.scoring import Belief, draw, seed_of
from journeys.decisions.terms import Terms
from journeys.decisions.worths import worth_of

CHOSEN, HELD_OUT, OUTRANKED, SUPPRESSED = "chosen", "held_out", "outranked", "suppressed"
# What an account is being saved by outranks everything from expansion down.
OVERRIDING: Final = frozenset({Purpose.SAVE, Purpose.CHAMPION_SUCCESSION})

Refusal = tuple[str, str] | None


class Rules(Protocol):
    """Asks the rule of a play about facts: whether it holds, the reason code where it does not, what was seen."""

    def ask(self, play: str, version: int, given: Given) -> tuple[bool, str, Sequence[str]]: ...


@dataclass
class Verdict:
    """What was made of one play. ``because`` are the signals (their ids) and the stage that brought it up."""

    play: str
    name: str
    version: int
    purpose: str
    verdict: str = SUPPRESSED
    reason: str = ""
    text: str = ""
    because: tuple[str, ...] = ()
    stage: str = ""
    seen: tuple[str, ...] = ()
    chance: float = 0.0
    usual: float = 0.0
    worth_minor: int = 0
    worth: str = ""
    score_minor: int = 0

    def as_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**told, "because": list(self.because), "seen": list(self.seen)}


def decide(given: Given, terms: Mapping[tuple[str, int], Terms], rules: Rules) -> list[Verdict]:
    """A verdict on every play of ``given``, in the order of their keys; at most one is chosen or held out."""
    verdicts = [_judged(given, play, terms[play.key, play.version], rules) for play in given.plays]
    verdicts.sort(key=lambda each: each.play)
    standing = sorted((v for v in verdicts if not v.reason), key=_rank)
    if not standing:
        return verdicts
    first = standing[0]
    for loser in standing[1:]:
        loser.verdict = OUTRANKED
        loser.reason = "outscored" if loser.purpose == first.purpose else f"arbitration:{first.purpose}"
        loser.text = f"“{first.name}” comes first"
    _settle(first, given, terms)
    return verdicts


def _rank(verdict: Verdict) -> tuple[int, int, float, str]:
    return Purpose(verdict.purpose).rank, -verdict.score_minor, -verdict.chance, verdict.play


def _settle(first: Verdict, given: Given, terms: Mapping[tuple[str, int], Terms]) -> None:
    play = next(each for each in given.plays if each.key == first.play)
    own = play.bucket < terms[first.play, first.version].holdout_percent * 100
    first.verdict = HELD_OUT if own or (given.held_out and play.programme) else CHOSEN
    if first.verdict == HELD_OUT:
        first.reason = "holdout"
        first.text = "the account is in the play's holdout" if own else "the account is in the global holdout"


def _judged(given: Given, play: GivenPlay, terms: Terms, rules: Rules) -> Verdict:
    verdict = Verdict(play.key, play.name, play.version, terms.purpose.value)
    verdict.because = tuple(signal.id for signal in given.signals if signal.trigger in terms.triggers)
    verdict.stage = given.stage if given.stage in terms.stages else ""
    holds, code, seen = rules.ask(play.key, play.version, given)
    verdict.seen = tuple(seen)
    _score(verdict, given, play, terms)
    if not holds:
        verdict.reason, verdict.text = code, "; ".join(seen)[:300]
        return verdict
    for guard in GUARDS:
        if refusal := guard(given, play, terms):
            verdict.reason, verdict.text = refusal
            break
    return verdict


def _score(verdict: Verdict, given: Given, play: GivenPlay, terms: Terms) -> None:
    belief = Belief(*terms.prior, play.successes, play.failures)
    worth = worth_of(terms.worth, terms.worth_percent, given.facts)
    tenant, account = given.ids
    verdict.chance = draw(belief, seed_of(tenant, account, given.day, play.key))
    verdict.usual = round(belief.mean, 9)
    verdict.worth_minor, verdict.worth = worth.minor, worth.words
    verdict.score_minor = round(verdict.chance * worth.minor)


# --- What keeps a play back ---------------------------------------------------------------------------------------


def _off(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    return None if play.is_on else ("play_off", "the play is switched off")


def _blocked(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    return play.blocked if play.blocked[0] else None


def _running(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    return ("running", play.running) if play.running else None


def _trouble(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    if terms.purpose not in BLOCKED_BY_TROUBLE:
        return None
    if given.open_p1:
        return "arbitration:open_p1", "an urgent ticket is open"
    return ("arbitration:red_health", "the account's health is red") if given.red_health else None


def _saving(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    above = sorted((Purpose(each) for each in given.inside if Purpose(each) in OVERRIDING), key=lambda each: each.rank)
    if not above or terms.purpose.rank < Purpose.EXPANSION.rank:
        return None
    return f"arbitration:{above[0].value}", "the account is in a journey that comes first"


def _served(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    served = terms.purpose.value in given.inside
    return ("served", "a journey for the same purpose runs at the account") if served else None


def _waiting(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    if not given.waiting or terms.purpose.rank < Purpose(given.waiting).rank:
        return None
    return "waits_for_review", "another choice for this account is open"


def _cooling(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    if not play.last:
        return None
    days = (given.day - date.fromisoformat(play.last)).days
    if days >= terms.cooldown_days:
        return None
    return "cooldown", f"it was chosen {days} days ago, and rests for {terms.cooldown_days}"


def _capped(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    used, cap = given.pressure
    if not play.programme or used < cap:
        return None
    return "capped:account", f"{used} of {cap} messages are used"


def _full(given: Given, play: GivenPlay, terms: Terms) -> Refusal:
    return ("queue_full", "enough choices of this play are open already") if play.full else None


GUARDS: Final[tuple[Callable[[Given, GivenPlay, Terms], Refusal], ...]] = (
    _off, _trouble, _saving, _running, _served, _blocked, _waiting, _cooling, _capped, _full,
)  # fmt: skip
