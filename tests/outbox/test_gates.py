"""Gates: who may be written to, when, and the reason for every message that did not go."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.outbox.gates import (
    Consent,
    Decision,
    Held,
    MessageClass,
    Policy,
    Purpose,
    Send,
    Situation,
    Withheld,
    capped_until,
    decide,
    quiet_until,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)  # a Wednesday, 12:00 in Berlin
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
FREE = Situation(
    message_class=MessageClass.PROGRAMME,
    purpose=Purpose.ADOPTION,
    now=NOON,
    wanted_at=NOON,
    zone=BERLIN,
    consent=Consent.GRANTED,
)
ACCESS, SERVICE, RELATIONSHIP, PROGRAMME = MessageClass


def judge(kind: MessageClass = PROGRAMME, policy: Policy | None = None, **changes: Any) -> Decision:
    return decide(replace(FREE, message_class=kind, **changes), policy)


@pytest.mark.parametrize("kind", list(MessageClass))
def test_nothing_in_the_way_means_send(kind: MessageClass) -> None:
    assert judge(kind) == Send()


MATRIX: list[tuple[dict[str, Any], str, set[MessageClass]]] = [
    ({"expires_at": NOON}, "expired", {ACCESS, SERVICE, RELATIONSHIP, PROGRAMME}),
    ({"has_contact": False}, "no_contact_for_role", {ACCESS, SERVICE, RELATIONSHIP, PROGRAMME}),
    ({"suppressed": "bounce"}, "suppressed:bounce", {ACCESS, SERVICE, RELATIONSHIP, PROGRAMME}),
    ({"goal_met": True}, "goal_met", {SERVICE, RELATIONSHIP, PROGRAMME}),
    ({"journey_over": "exit_rule"}, "exit_rule", {SERVICE, RELATIONSHIP, PROGRAMME}),
    ({"consent": Consent.DENIED}, "no_consent", {RELATIONSHIP, PROGRAMME}),
    ({"wanted_at": NOON - 3 * DAY}, "expired", {RELATIONSHIP, PROGRAMME}),
    ({"consent": Consent.UNKNOWN}, "no_consent", {PROGRAMME}),
    ({"holdout": True}, "holdout", {PROGRAMME}),
    ({"own_holdout": True}, "holdout", {RELATIONSHIP, PROGRAMME}),
]


@pytest.mark.parametrize("kind", list(MessageClass))
@pytest.mark.parametrize(("changes", "reason", "obeyed_by"), MATRIX)
def test_each_class_obeys_its_own_gates(
    changes: dict[str, Any], reason: str, obeyed_by: set[MessageClass], kind: MessageClass
) -> None:
    assert judge(kind, **changes) == (Withheld(reason) if kind in obeyed_by else Send())


HOLDS: list[tuple[dict[str, Any], str, set[MessageClass]]] = [
    ({"journey_paused": True}, "paused", {SERVICE, RELATIONSHIP, PROGRAMME}),
    ({"rivals": frozenset({Purpose.SAVE, Purpose.RENEWAL})}, "arbitration:save", {RELATIONSHIP, PROGRAMME}),
    ({"now": NOON + 9 * DAY / 24, "wanted_at": NOON}, "quiet_hours", {RELATIONSHIP, PROGRAMME}),
    ({"contact_sent": [NOON - DAY, NOON - 2 * DAY]}, "capped", {PROGRAMME}),
    ({"account_sent": [NOON - DAY] * 6}, "capped:account", {PROGRAMME}),
]


@pytest.mark.parametrize("kind", list(MessageClass))
@pytest.mark.parametrize(("changes", "reason", "obeyed_by"), HOLDS)
def test_what_may_go_later_is_held_not_dropped(
    changes: dict[str, Any], reason: str, obeyed_by: set[MessageClass], kind: MessageClass
) -> None:
    outcome = judge(kind, **changes)
    if kind in obeyed_by:
        assert isinstance(outcome, Held)
        assert outcome.reason == reason
    else:
        assert outcome == Send()


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("trouble", ["open_p1", "red_health"])
def test_trouble_keeps_back_expansion_and_asks_only(purpose: Purpose, trouble: str) -> None:
    changes: dict[str, Any] = {"purpose": purpose, trouble: True}
    outcome = judge(**changes)
    blocked = purpose in (Purpose.EXPANSION, Purpose.ADVOCACY)
    assert isinstance(outcome, Held if blocked else Send)
    assert outcome.reason == (f"arbitration:{trouble}" if blocked else "")


def test_an_equal_or_lower_rival_is_no_obstacle() -> None:
    assert judge(purpose=Purpose.SAVE, rivals=frozenset({Purpose.SAVE, Purpose.NEWSLETTER})) == Send()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-04-01 18:00", "2026-04-02 06:00"),
        ("2026-04-01 17:59", "2026-04-01 17:59"),
        ("2026-04-02 05:59", "2026-04-02 06:00"),
        ("2026-04-02 06:00", "2026-04-02 06:00"),
        ("2026-04-03 18:00", "2026-04-06 06:00"),
        ("2026-04-05 10:00", "2026-04-06 06:00"),
        ("2026-03-27 19:00", "2026-03-30 06:00"),  # the clocks changed over that weekend
    ],
)
def test_quiet_hours_are_the_persons_own(moment: str, expected: str) -> None:
    asked = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    due = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert quiet_until(asked, BERLIN, Policy()) == due


def test_quiet_hours_within_a_day_and_quiet_forever() -> None:
    siesta = Policy(quiet_from=time(12), quiet_until=time(14), quiet_days=frozenset())
    assert quiet_until(NOON, BERLIN, siesta) == NOON + timedelta(hours=2)
    forever = Policy(quiet_days=frozenset(range(7)))
    assert quiet_until(NOON, BERLIN, forever) is None
    outcome = judge(policy=forever)
    assert outcome == Held("quiet_hours", NOON + timedelta(hours=72))


def test_a_capped_message_waits_until_the_window_has_moved_on_and_it_is_not_quiet() -> None:
    patient = Policy(longest_hold=timedelta(days=10))
    sent = [NOON - 6 * DAY - timedelta(hours=15), NOON - DAY]  # free again at 21:00 in Berlin
    outcome = judge(policy=patient, contact_sent=sent)
    assert outcome == Held("capped", datetime(2026, 4, 2, 6, 0, tzinfo=UTC))


def test_nothing_is_held_past_its_deadline() -> None:
    outcome = judge(contact_sent=[NOON - DAY, NOON], expires_at=NOON + timedelta(hours=5))
    assert outcome == Held("capped", NOON + timedelta(hours=5))
    assert judge(contact_sent=[NOON], now=NOON + timedelta(hours=5), expires_at=NOON) == Withheld("expired")


TIMES = st.integers(-14 * 24 * 60, 0).map(lambda n: NOON + timedelta(minutes=n))


@given(st.lists(TIMES, max_size=10), st.integers(0, 4))
def test_a_cap_opens_as_soon_as_it_may_and_not_before(sent: list[datetime], cap: int) -> None:
    free = capped_until(sent, cap, WEEK, NOON)
    if free is None:
        assert cap == 0
        return

    def in_window(moment: datetime) -> int:
        return sum(moment - WEEK < at <= moment for at in sent)

    assert free >= NOON
    assert in_window(free) < cap
    assert free == NOON or in_window(free - timedelta(seconds=1)) >= cap


ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"])


@given(
    st.integers(0, 60 * 24 * 365).map(lambda n: NOON + timedelta(minutes=n)),
    ZONES.map(ZoneInfo),
    st.times(),
    st.times(),
    st.frozensets(st.integers(0, 6), max_size=5),
)
def test_the_end_of_quiet_is_not_quiet_and_nothing_before_it_is_free(
    moment: datetime, zone: ZoneInfo, start: time, end: time, days: frozenset[int]
) -> None:
    policy = Policy(quiet_from=start, quiet_until=end, quiet_days=days)
    free = quiet_until(moment, zone, policy)
    assert free is not None
    assert quiet_until(free, zone, policy) == free
    if free > moment:
        assert quiet_until(free - timedelta(seconds=1), zone, policy) in (free, None)


@given(st.data())
def test_a_held_message_that_is_asked_again_comes_to_an_end(data: st.DataObject) -> None:
    situation = replace(
        FREE,
        contact_sent=data.draw(st.lists(TIMES, max_size=4)),
        account_sent=data.draw(st.lists(TIMES, max_size=8)),
        rivals=frozenset(data.draw(st.sets(st.sampled_from(list(Purpose))))),
        purpose=data.draw(st.sampled_from(list(Purpose))),
        now=NOON,
        wanted_at=NOON,
    )
    for _ in range(30):
        outcome = decide(situation)
        if not isinstance(outcome, Held):
            return
        assert outcome.until is not None
        assert outcome.until > situation.now
        situation = replace(situation, now=outcome.until)
    pytest.fail("held for ever")
