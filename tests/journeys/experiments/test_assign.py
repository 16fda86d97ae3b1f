"""Which arm an account gets: shares are kept, strata are balanced, and nothing ever changes its mind."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from journeys.experiments.arms import check_arms, signature, with_arm
from journeys.experiments.assign import arm_at, arm_in_stratum, band_of, block_of, place_of

PARTS = st.lists(st.integers(1, 10), min_size=2, max_size=5).map(lambda parts: [p * 10 // 10 for p in parts])


def shares(parts: list[int]) -> list[int]:
    """Percents that add up to 100."""
    found = [part * 100 // sum(parts) for part in parts]
    return [100 - sum(found[1:]), *found[1:]]


@given(PARTS)
def test_a_block_holds_every_arm_in_exact_proportion(parts: list[int]) -> None:
    weights = shares(parts)
    block = Counter(block_of(weights))
    assert len(block_of(weights)) >= 4
    assert all(block[arm] * 100 == weight * block.total() for arm, weight in enumerate(weights))


@given(st.text(max_size=5), st.integers(1, 60))
def test_accounts_of_a_stratum_are_balanced_whenever_one_looks(salt: str, accounts: int) -> None:
    dealt = Counter(arm_in_stratum(salt, "gold", position, [50, 50]) for position in range(accounts))
    assert abs(dealt[0] - dealt[1]) <= 2


@given(st.text(max_size=5))
def test_strata_are_dealt_independently_and_alike_at_every_run(salt: str) -> None:
    runs = [[arm_in_stratum(salt, name, place, [50, 50]) for place in range(40)] for name in ("a", "b", "a")]
    assert runs[0] == runs[2]
    assert runs[0] != runs[1]


def test_places_are_those_of_the_published_formula_and_spread_evenly() -> None:
    accounts = [UUID(int=number) for number in range(20_000)]
    assert place_of("salt", accounts[7]) == 7018
    arms = Counter(arm_at(place_of("x", account), [50, 30, 20]) for account in accounts)
    assert all(abs(arms[arm] / 200 - share) < 1 for arm, share in enumerate((50, 30, 20)))
    # Two experiments do not hang together.
    both = Counter((place_of("x", a) < 5000, place_of("y", a) < 5000) for a in accounts)
    assert max(both.values()) - min(both.values()) < 300


@given(st.lists(st.integers(0, 10**6), max_size=3, unique=True).map(sorted), st.integers(0, 10**6))
def test_bands_include_their_lower_bound(edges: list[int], amount: int) -> None:
    band = int(band_of(amount, edges).removeprefix("band "))
    assert band == 0 or edges[band - 1] <= amount
    assert band == len(edges) or amount < edges[band]


MAIL = {"kind": "email", "subject": "Hello", "body": "<p>x</p>"}
ARMS = [{"label": "as it is", "weight": 50}, {"label": "short", "weight": 50, "subject": "Hi"}]


def test_an_arm_replaces_what_it_says_and_nothing_else() -> None:
    config = {**MAIL, "arms": ARMS}
    assert with_arm(config, 0) == MAIL
    assert with_arm(config, 1) == MAIL | {"subject": "Hi"}
    assert with_arm(config, 9) == MAIL


def test_another_share_or_wording_is_another_phase_and_another_way_on_is_none() -> None:
    config = {**MAIL, "arms": ARMS}
    others = [
        {**config, "arms": [{**ARMS[0], "weight": 40}, {**ARMS[1], "weight": 60}]},
        {**config, "arms": [ARMS[0], {**ARMS[1], "subject": "Hey"}]},
        {**config, "subject": "Good morning"},
    ]
    assert len({signature(each) for each in [config, *others]}) == 4
    assert signature({**config, "next": "elsewhere", "topic": "growth"}) == signature(config)


def test_what_is_wrong_with_arms_is_said_with_its_place() -> None:
    german = {"de": {"subject": "Hallo", "body": "<p>x</p>"}}
    arms = [
        {"label": "", "weight": 60, "rule": {"days": 1}},
        {"label": "B", "weight": 50, "subject": " ", "delay_hours": -1},
    ]
    found = dict(check_arms({**MAIL, "variants": german, "arms": arms}))
    assert set(found) == {
        "/arms", "/arms/0/label", "/arms/0/rule", "/arms/1/subject", "/arms/1/delay_hours", "/arms/1/variants",
    }  # fmt: skip
    assert not list(check_arms(MAIL))
