"""Whether a message may go now: sent, held until, or withheld with its reason code.

Pure: everything that was looked up comes in as a ``Situation``. Which gates a message passes is
a matter of its class: *access* and *service* ignore marketing consent, caps, quiet hours and
holdouts; *relationship* ignores caps and the holdout of all marketing, not that of its journey, and
counts in the ledger; *programme* obeys all. Held messages are asked again; they end as ``expired``,
never silently.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from hub.rules.wallclock import instant


class MessageClass(StrEnum):
    """Why a message exists, in the eyes of the law and of the person who gets it."""

    ACCESS = "access"
    SERVICE = "service"
    RELATIONSHIP = "relationship"
    PROGRAMME = "programme"


class Purpose(StrEnum):
    """What a message is for; the order is the priority in arbitration, highest first."""

    SERVICE = "service"
    SAVE = "save"
    CHAMPION_SUCCESSION = "champion_succession"
    RENEWAL = "renewal"
    ONBOARDING = "onboarding"
    ADOPTION = "adoption"
    QBR_FOLLOW_UP = "qbr_follow_up"
    EXPANSION = "expansion"
    WIN_BACK = "win_back"
    ADVOCACY = "advocacy"
    COMMUNITY = "community"
    NEWSLETTER = "newsletter"

    @property
    def rank(self) -> int:
        """0 for the highest priority."""
        return list(Purpose).index(self)


class Consent(StrEnum):
    """What a contact said about this topic on this channel."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN = "unknown"


COUNTED: Final = frozenset({MessageClass.RELATIONSHIP, MessageClass.PROGRAMME})
"""The classes that count in the pressure ledger of contact and account."""
BLOCKED_BY_TROUBLE: Final = frozenset({Purpose.EXPANSION, Purpose.ADVOCACY})
"""What an open P1 or red health keeps back: expansion and asks."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The tenant's limits, with the product's defaults. ``quiet_days``: 0 = Monday."""

    contact_cap: int = 2
    account_cap: int = 6
    cap_window: timedelta = timedelta(days=7)
    quiet_from: time = time(20)
    quiet_until: time = time(8)
    quiet_days: frozenset[int] = frozenset({5, 6})
    longest_hold: timedelta = timedelta(hours=72)
    arbitration_pause: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Situation:
    """A message at the moment of its sending; times are aware.

    ``wanted_at``: when it was first due. ``contact_sent`` and ``account_sent``: times of counted
    messages. ``suppressed``: why the address is (``bounce``, ``complaint``, …), "" when it is not.
    ``rivals``: purposes of what else is due to the account. ``journey_over``: the reason why the
    journey let the account go, "" while it is inside. ``stopped``: why sending is
    stopped, "" when it is not. ``blast``: it is one of too many at once, which nobody has let go yet.
    """

    message_class: MessageClass
    purpose: Purpose
    now: datetime
    wanted_at: datetime
    zone: ZoneInfo
    expires_at: datetime | None = None
    has_contact: bool = True
    suppressed: str = ""
    consent: Consent = Consent.UNKNOWN
    contact_sent: Sequence[datetime] = ()
    account_sent: Sequence[datetime] = ()
    rivals: frozenset[Purpose] = frozenset()
    open_p1: bool = False
    red_health: bool = False
    goal_met: bool = False
    journey_paused: bool = False
    journey_over: str = ""
    holdout: bool = False
    own_holdout: bool = False
    stopped: str = ""
    blast: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """It may go now."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """Not now; ask again at ``until`` (None: when what holds it changes)."""

    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Withheld:
    """Never; ``reason`` is the code that is stored and shown."""

    reason: str


Decision: TypeAlias = Send | Held | Withheld
_Stop: TypeAlias = Callable[[Situation, Policy], str]
_Hold: TypeAlias = Callable[[Situation, Policy, datetime], datetime | None]


def decide(situation: Situation, policy: Policy | None = None) -> Decision:
    """Pass one message through the gates of its class."""
    policy = policy or Policy()
    gates = _GATES[situation.message_class]
    for stop in gates.stops:
        if reason := stop(situation, policy):
            return Withheld(reason)
    if situation.stopped and gates.obeys_pause:
        return Held(situation.stopped, _last_look(situation, policy, gates))
    if situation.journey_paused and gates.obeys_pause:
        return Held("paused", None)
    if situation.blast and gates.arbitrated:
        return Held("blast", _last_look(situation, policy, gates))
    if gates.arbitrated and (reason := _arbitration(situation)):
        return Held(reason, _capped(situation, policy, situation.now + policy.arbitration_pause))
    return _first_free_moment(situation, policy, gates.holds)


def quiet_until(moment: datetime, zone: ZoneInfo, policy: Policy) -> datetime | None:
    """``moment`` itself when it is not quiet in ``zone``, else when quiet ends; None for never."""
    if not _is_quiet(moment, zone, policy):
        return moment
    today = moment.astimezone(zone).date()
    days = (today + timedelta(days=n) for n in range(9))
    edges = (instant(day, at, zone) for day in days for at in sorted({time(), policy.quiet_until}))
    return next((edge for edge in edges if edge > moment and not _is_quiet(edge, zone, policy)), None)


def capped_until(sent: Sequence[datetime], cap: int, window: timedelta, moment: datetime) -> datetime | None:
    """The first time from ``moment`` on with fewer than ``cap`` of ``sent`` in the window before it."""
    if cap <= 0:
        return None
    latest = list(islice(sorted(sent, reverse=True), cap))
    return max(moment, latest[-1] + window) if len(latest) == cap else moment


# --- what ends a message --------------------------------------------------------------------


def _expired(s: Situation, policy: Policy) -> str:
    return "expired" if s.expires_at is not None and s.now >= s.expires_at else ""


def _held_too_long(s: Situation, policy: Policy) -> str:
    return "expired" if s.now - s.wanted_at >= policy.longest_hold else ""


def _journey_over(s: Situation, policy: Policy) -> str:
    return s.journey_over


def _goal_met(s: Situation, policy: Policy) -> str:
    return "goal_met" if s.goal_met else ""


def _holdout(s: Situation, policy: Policy) -> str:
    return "holdout" if s.holdout else ""


def _own_holdout(s: Situation, policy: Policy) -> str:
    return "holdout" if s.own_holdout else ""


def _no_contact(s: Situation, policy: Policy) -> str:
    return "" if s.has_contact else "no_contact_for_role"


def _suppressed(s: Situation, policy: Policy) -> str:
    return f"suppressed:{s.suppressed}" if s.suppressed else ""


def _objected(s: Situation, policy: Policy) -> str:
    return "no_consent" if s.consent is Consent.DENIED else ""


def _no_consent(s: Situation, policy: Policy) -> str:
    return "" if s.consent is Consent.GRANTED else "no_consent"


# --- what holds a message back --------------------------------------------------------------


def _arbitration(s: Situation) -> str:
    if s.purpose in BLOCKED_BY_TROUBLE and s.open_p1:
        return "arbitration:open_p1"
    if s.purpose in BLOCKED_BY_TROUBLE and s.red_health:
        return "arbitration:red_health"
    above = [rival for rival in s.rivals if rival.rank < s.purpose.rank]
    return f"arbitration:{min(above, key=lambda rival: rival.rank)}" if above else ""


def _quiet(s: Situation, policy: Policy, moment: datetime) -> datetime | None:
    return quiet_until(moment, s.zone, policy)


def _contact_cap(s: Situation, policy: Policy, moment: datetime) -> datetime | None:
    return capped_until(s.contact_sent, policy.contact_cap, policy.cap_window, moment)


def _account_cap(s: Situation, policy: Policy, moment: datetime) -> datetime | None:
    return capped_until(s.account_sent, policy.account_cap, policy.cap_window, moment)


def _first_free_moment(s: Situation, policy: Policy, holds: Mapping[str, _Hold]) -> Decision:
    """Send when every hold lets ``now`` pass, else held by the first that does not.

    Each hold only moves a moment later, so a round without a move is the answer.
    """
    reason, moment = "", s.now
    for _ in range(10):
        before = moment
        for name, hold in holds.items():
            free = hold(s, policy, moment)
            if free is None or free > moment:
                reason = reason or name
            moment = _deadline(s, policy) if free is None else free
        if moment == before:
            break
    return Held(reason, _capped(s, policy, moment)) if reason else Send()


def _last_look(s: Situation, policy: Policy, gates: "_Gates") -> datetime | None:
    """When a message that a person keeps back is asked again though nobody has spoken: when it would expire."""
    return _deadline(s, policy) if gates.arbitrated else s.expires_at


def _deadline(s: Situation, policy: Policy) -> datetime:
    latest = s.wanted_at + policy.longest_hold
    return latest if s.expires_at is None else min(latest, s.expires_at)


def _capped(s: Situation, policy: Policy, moment: datetime) -> datetime:
    """Never held past the deadline: there the message is asked again and expires."""
    return min(moment, _deadline(s, policy))


def _is_quiet(moment: datetime, zone: ZoneInfo, policy: Policy) -> bool:
    local = moment.astimezone(zone)
    if local.weekday() in policy.quiet_days:
        return True
    start, end, at = policy.quiet_from, policy.quiet_until, local.time()
    return start <= at < end if start <= end else at >= start or at < end


# --- classes --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Gates:
    stops: tuple[_Stop, ...]
    holds: Mapping[str, _Hold] = field(default_factory=dict)
    obeys_pause: bool = True
    arbitrated: bool = False


_ADDRESS: Final = (_no_contact, _suppressed)
_JOURNEY: Final = (_journey_over, _goal_met)
_GATES: Final[Mapping[MessageClass, _Gates]] = {
    MessageClass.ACCESS: _Gates((_expired, *_ADDRESS), obeys_pause=False),
    MessageClass.SERVICE: _Gates((_expired, *_JOURNEY, *_ADDRESS)),
    MessageClass.RELATIONSHIP: _Gates(
        (_expired, _held_too_long, *_JOURNEY, _own_holdout, *_ADDRESS, _objected),
        holds={"quiet_hours": _quiet},
        arbitrated=True,
    ),
    MessageClass.PROGRAMME: _Gates(
        (_expired, _held_too_long, *_JOURNEY, _holdout, _own_holdout, *_ADDRESS, _no_consent),
        holds={"quiet_hours": _quiet, "capped": _contact_cap, "capped:account": _account_cap},
        arbitrated=True,
    ),
}
