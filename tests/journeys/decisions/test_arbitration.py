"""Which play comes first, and what keeps one back. Pure: everything that is known is written down here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given as generated
from hypothesis import strategies as st

from hub.outbox.gates import Purpose
from journeys.decisions.deciding import CHOSEN, HELD_OUT, OUTRANKED, SUPPRESSED, Verdict, decide
from journeys.decisions.given import Given, GivenPlay, GivenSignal, given_of
from journeys.decisions.terms import Terms, terms_of
from tests.journeys.decisions.table import terms

SIGNAL = GivenSignal("00000000-0000-0000-0000-000000000009", "usage-decline", "Usage decline", 1)
KNOWN = Given(
    tenant="00000000-0000-0000-0000-000000000001",
    account="00000000-0000-0000-0000-000000000002",
    now="2026-11-23T12:00:00+00:00",
    today="2026-11-23",
    stage="value",
    facts={"mrr_minor": 100_000, "health_band": "green"},
    signals=(SIGNAL,),
    pressure=(0, 6),
)


class Always:
    """A rule that is true of everybody, or of nobody."""

    def __init__(self, *, holds: bool = True) -> None:
        self.holds = holds

    def ask(self, play: str, version: int, given: Given) -> tuple[bool, str, Sequence[str]]:
        return (True, "", []) if self.holds else (False, "rule_false: x", ["x"])


def play(key: str, **more: Any) -> GivenPlay:
    return GivenPlay(key, key.title(), 1, True, 0, 0, bucket=9_999, **more)


def judge(known: Given, rules: Any = None, **asked: dict[str, Any]) -> dict[str, Verdict]:
    known_terms: dict[tuple[str, int], Terms] = {(k, 1): terms_of(terms(**v)) for k, v in asked.items()}
    plays = known.plays or tuple(play(key) for key in asked)
    verdicts = decide(replace(known, plays=plays), known_terms, rules or Always())
    return {verdict.play: verdict for verdict in verdicts}


def test_the_order_of_purposes_goes_before_what_is_worth_more() -> None:
    found = judge(
        KNOWN, sell={"purpose": "expansion", "worth_percent": 90}, save={"purpose": "save", "worth_percent": 1}
    )
    assert found["save"].verdict == CHOSEN
    assert (found["sell"].verdict, found["sell"].reason) == (OUTRANKED, "arbitration:save")


def test_within_a_purpose_the_greater_expected_value_comes_first() -> None:
    found = judge(KNOWN, little={"worth_percent": 1, "prior": [900, 1]}, much={"worth_percent": 90, "prior": [900, 1]})
    assert found["much"].verdict == CHOSEN
    assert found["little"].reason == "outscored"


@generated(st.permutations(list(Purpose)), st.booleans())
def test_whoever_is_asked_first_the_highest_purpose_is_chosen(order: list[Purpose], red: bool) -> None:
    asked = {purpose.value: {"purpose": purpose.value} for purpose in order}
    found = judge(replace(KNOWN, red_health=red), **asked)
    assert found["service"].verdict == CHOSEN
    assert sum(verdict.verdict == CHOSEN for verdict in found.values()) == 1


def test_an_urgent_ticket_keeps_back_expansion_and_asks_and_nothing_else() -> None:
    kinds = {key: {"purpose": key} for key in ("expansion", "advocacy", "adoption")}
    found = judge(replace(KNOWN, open_p1=True), **kinds)
    assert found["expansion"].reason == found["advocacy"].reason == "arbitration:open_p1"
    assert found["adoption"].verdict == CHOSEN


def test_red_health_keeps_back_expansion_and_asks() -> None:
    kinds = {key: {"purpose": key} for key in ("expansion", "advocacy")}
    found = judge(replace(KNOWN, red_health=True), **kinds)
    assert {verdict.reason for verdict in found.values()} == {"arbitration:red_health"}


def test_who_is_being_saved_is_sold_nothing() -> None:
    known = replace(KNOWN, inside=("save",))
    found = judge(known, sell={"purpose": "expansion"}, teach={"purpose": "adoption"})
    assert found["sell"].reason == "arbitration:save"
    assert found["teach"].verdict == CHOSEN


def test_what_a_journey_does_already_is_not_done_a_second_time() -> None:
    found = judge(replace(KNOWN, inside=("adoption",)), teach={"purpose": "adoption"}, renew={"purpose": "renewal"})
    assert found["teach"].reason == "served"
    assert found["renew"].verdict == CHOSEN


def test_a_full_budget_of_messages_keeps_back_programmes_only() -> None:
    known = replace(KNOWN, pressure=(6, 6), plays=(play("mail", programme=True), play("task")))
    found = judge(known, mail={"purpose": "save"}, task={})
    assert found["mail"].reason == "capped:account"
    assert found["task"].verdict == CHOSEN


def test_a_play_rests_after_it_was_chosen() -> None:
    known = replace(KNOWN, plays=(play("call", last="2026-10-25"),))
    assert judge(known, call={"cooldown_days": 30})["call"].reason == "cooldown"
    assert judge(known, call={"cooldown_days": 29})["call"].verdict == CHOSEN


def test_only_what_is_more_urgent_takes_the_place_of_what_waits() -> None:
    known = replace(KNOWN, waiting="adoption")
    assert judge(known, call={"purpose": "adoption"})["call"].reason == "waits_for_review"
    assert judge(known, call={"purpose": "save"})["call"].verdict == CHOSEN


def test_what_runs_is_blocked_or_off_says_so() -> None:
    for told, reason in (
        (play("call", running="the task is open"), "running"),
        (play("call", blocked=("paused", "the journey is paused")), "paused"),
        (replace(play("call"), is_on=False), "play_off"),
        (play("call", full=True), "queue_full"),
    ):
        verdict = judge(replace(KNOWN, plays=(told,)), call={})["call"]
        assert (verdict.verdict, verdict.reason) == (SUPPRESSED, reason)


def test_a_rule_that_is_false_is_the_reason() -> None:
    assert judge(KNOWN, Always(holds=False), call={})["call"].reason == "rule_false: x"


def test_the_holdout_takes_what_was_chosen_and_nothing_comes_instead() -> None:
    known = replace(KNOWN, plays=(replace(play("save"), bucket=499), play("teach")))
    found = judge(known, save={"purpose": "save", "holdout_percent": 5}, teach={})
    assert (found["save"].verdict, found["save"].reason) == (HELD_OUT, "holdout")
    assert found["teach"].verdict == OUTRANKED
    spared = judge(replace(known, plays=(replace(play("save"), bucket=500),)), save={"holdout_percent": 5})
    assert spared["save"].verdict == CHOSEN


def test_the_global_holdout_takes_programmes_only() -> None:
    known = replace(KNOWN, held_out=True, plays=(play("mail", programme=True),))
    assert judge(known, mail={})["mail"].verdict == HELD_OUT
    assert judge(replace(known, plays=(play("task"),)), task={})["task"].verdict == CHOSEN


facts = st.dictionaries(
    st.sampled_from(["mrr_minor", "a", "b", "c"]),
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.decimals(allow_nan=False, allow_infinity=False),
        st.dates(), st.datetimes(), st.text(max_size=5),
    ),
)  # fmt: skip


@generated(facts)
def test_what_is_stored_is_read_back_as_it_was(known: dict[str, Any]) -> None:
    told = replace(KNOWN, facts=known, plays=(play("call", blocked=("a", "b")),))
    assert given_of(told.as_json()) == told
