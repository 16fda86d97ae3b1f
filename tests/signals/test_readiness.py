"""Readiness to expand: three answers, criteria by type, the score, and the list for both teams."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Account, AccountFacts, Contact
from hub.feedback.models import SurveyResponse, Ticket
from hub.people.models import AuditEvent
from hub.registry.facts import Fact, FactKind
from hub.revenue.models import ContractLine, Opportunity
from hub.rules.compile import Clock, evaluate
from hub.rules.language import AllOf, AnyOf, Compare, Node, Not, Op
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import ActiveUserDaily, UsageDaily
from signals.engine import evaluate_accounts
from signals.readiness.criteria import FigureError, Figures, Kind, figures_checked, figures_of
from signals.readiness.models import ExpansionReadiness
from signals.readiness.score import propensity
from signals.readiness.services import StaleError, figures_publish
from signals.readiness.truth import truth
from tests.rest.test_rest import api_of
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_contact

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
TODAY = date(2026, 6, 10)
CLOCK = Clock(NOW, TODAY)
MET = {"usage_seat", "sentiment", "champion", "timing", "use_case_seat"}


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)


# --- Three answers ------------------------------------------------------------------------------------------------

FACTS = [Fact(name, name, FactKind.NUMBER, "1", "s", "f") for name in "abc"]
LEAVES = st.builds(Compare, st.sampled_from(FACTS), st.sampled_from([Op.GT, Op.LTE]), st.integers(0, 3)) | st.builds(
    lambda fact: Compare(fact, Op.IS_SET, None), st.sampled_from(FACTS)
)
TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(lambda found: AllOf(tuple(found)), st.lists(inner, max_size=3))
        | st.builds(lambda found: AnyOf(tuple(found)), st.lists(inner, max_size=3))
    ),
    max_leaves=6,
)
VALUES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3))


@given(TREES, VALUES)
def test_what_is_known_stays_whatever_is_learnt_and_a_full_answer_is_the_rules_own(
    node: Node, values: dict[str, int]
) -> None:
    answers = set()
    for a in range(4):
        whole = {"a": a, "b": (a * 2) % 4, "c": 3 - a} | values
        assert truth(node, whole, CLOCK) is evaluate(node, whole, CLOCK)
        answers.add(evaluate(node, whole, CLOCK))
    known = truth(node, values, CLOCK)
    if known is not None and not leaf_asks_presence(node):
        assert answers == {known}


def leaf_asks_presence(node: Node) -> bool:
    match node:
        case Compare():
            return node.op is Op.IS_SET
        case Not(child):
            return leaf_asks_presence(child)
        case AllOf(children) | AnyOf(children):
            return any(map(leaf_asks_presence, children))
    return False


# --- The score ----------------------------------------------------------------------------------------------------

PART = st.none() | st.integers(-500, 500)


@given(PART, PART, PART, st.integers(1, 50))
def test_the_score_lies_between_its_parts_and_more_never_lowers_it(
    velocity: int | None, breadth: int | None, depth: int | None, more: int
) -> None:
    values = {"velocity": velocity, "breadth": breadth, "depth": depth}
    found = propensity(values)
    parts = [part for part in (found.velocity, found.breadth, found.depth) if part is not None]
    if not parts:
        assert found.score is None
        return
    assert found.score is not None
    assert 0 <= min(parts) <= found.score <= max(parts) <= 100
    for name, value in values.items():
        if value is not None:
            raised = propensity(values | {name: value + more}).score
            assert raised is not None
            assert raised >= found.score


@pytest.mark.parametrize(
    ("values", "score"),
    [
        ({"velocity": 40, "breadth": 8, "depth": 20}, 100),
        ({"velocity": -20, "breadth": 0, "depth": 0}, 0),
        ({"velocity": 10, "breadth": 4, "depth": 10}, 50),
        ({"breadth": 8, "depth": 0}, 50),
        ({"velocity": 40, "breadth": 0, "depth": 0}, 40),
        ({}, None),
    ],
)
def test_the_score_by_hand(values: dict[str, int], score: int | None) -> None:
    assert propensity(values).score == score


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"luck": 1}, "no figure luck"),
        ({"usage_percent": 0}, "from 1 to 1000"),
        ({"usage_days": 61}, "from 2 to 60"),
        ({"csat_least": 2.5}, "whole number"),
        ({"champion_days": "soon"}, "whole number"),
        ({"renewal_days": True}, "whole number"),
    ],
)
def test_figures_that_cannot_be_are_refused_by_name(given_: dict[str, Any], words: str) -> None:
    with pytest.raises(FigureError, match=words):
        figures_checked(given_)


def test_what_an_older_version_did_not_say_is_as_shipped() -> None:
    assert figures_of({"champion_days": 5, "gone": 1}) == Figures(champion_days=5)


# --- Criteria -----------------------------------------------------------------------------------------------------


def ready_account(name: str = "Northwind", mrr: int = 100_000) -> Account:
    """An account that meets every criterion for more seats on `TODAY`."""
    account = make_account(name, seats=10, signed_up_on=day(-400))
    ContractLine.objects.create(
        account=account, source="test", external_id=name, starts_on=day(-300), renews_on=day(100), mrr_minor=mrr,
        currency="USD",
    )  # fmt: skip
    ActiveUserDaily.objects.bulk_create(
        [ActiveUserDaily(account=account, day=day(-ago), user_key=f"u{n}") for ago in range(21) for n in range(9)]
    )
    UsageDaily.objects.bulk_create(
        [UsageDaily(account=account, day=day(-ago), name="Report made", count=5) for ago in (*range(21), 200)]
    )
    champion = make_contact(account, roles=["champion"])
    Contact.objects.filter(pk=champion.pk).update(
        last_seen_at=NOW - timedelta(days=10), created_at=NOW - timedelta(days=300)
    )
    SurveyResponse.objects.create(
        account=account, source="t", external_id=name, kind="nps", score=9, answered_at=NOW - timedelta(days=20)
    )
    Opportunity.objects.create(
        account=account, source="t", external_id=name, name="Seats", kind="expansion", expansion_type="seat"
    )
    return account


def states(tenant: Tenant, account: Account) -> dict[str, str]:
    evaluate_accounts(tenant, [account.pk], now=NOW)
    return dict(ExpansionReadiness.objects.get(account=account).states)


@pytest.mark.django_db
def test_an_account_that_meets_every_criterion_of_a_type_is_ready_for_it_alone(acme: Tenant) -> None:
    with tenant_context(acme):
        account = ready_account()
        found = states(acme, account)
        assert {key for key, state in found.items() if state == "met"} == MET
        row = ExpansionReadiness.objects.get()
        assert (row.lacks_seat, row.lacks, row.mrr_minor) == (0, 0, 100_000)
        facts = AccountFacts.objects.get()
        assert (facts.expansion_seat, facts.expansion_tier, facts.expansion_cross_sell) == (True, False, False)
        assert facts.expansion_score == row.score == row.rank
        assert facts.flag_expansion


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "key", "state"),
    [
        (lambda a: ActiveUserDaily.objects.filter(day=day(-17)).delete() and None, "usage_seat", "met"),
        (lambda a: ActiveUserDaily.objects.filter(day__lte=day(-12)).delete() and None, "usage_seat", "not"),
        (lambda a: ActiveUserDaily.objects.all().delete() and None, "usage_seat", "not"),
        (lambda a: Account.objects.update(seats=None) and None, "usage_seat", "unknown"),
        (lambda a: SurveyResponse.objects.update(score=3) and None, "sentiment", "not"),
        (lambda a: SurveyResponse.objects.all().delete() and None, "sentiment", "unknown"),
        (lambda a: Contact.objects.update(last_seen_at=NOW - timedelta(days=31)) and None, "champion", "not"),
        (lambda a: Contact.objects.update(last_seen_at=None) and None, "champion", "unknown"),
        (lambda a: Contact.objects.update(roles=[]) and None, "champion", "not"),
        (lambda a: ContractLine.objects.update(renews_on=day(181)) and None, "timing", "not"),
        (lambda a: ContractLine.objects.update(renews_on=day(180)) and None, "timing", "met"),
        (lambda a: ContractLine.objects.update(renews_on=None) and None, "timing", "unknown"),
        (lambda a: Opportunity.objects.update(outcome="won") and None, "use_case_seat", "not"),
    ],
)
def test_each_criterion_is_met_not_met_or_unknown(acme: Tenant, change: Any, key: str, state: str) -> None:
    with tenant_context(acme):
        account = ready_account()
        change(account)
        assert states(acme, account)[key] == state
        row = ExpansionReadiness.objects.get()
        assert row.lacks_seat == (0 if state == "met" else 1)


@pytest.mark.django_db
def test_tickets_speak_where_surveys_are_silent(acme: Tenant) -> None:
    with tenant_context(acme):
        account = ready_account()
        SurveyResponse.objects.all().delete()
        ticket = Ticket.objects.create(account=account, source="t", external_id="1", opened_at=NOW - timedelta(days=5))
        assert states(acme, account)["sentiment"] == "met"
        Ticket.objects.filter(pk=ticket.pk).update(escalated=True)
        assert states(acme, account)["sentiment"] == "not"


@pytest.mark.django_db
def test_who_no_longer_pays_is_no_longer_listed(acme: Tenant) -> None:
    with tenant_context(acme):
        account = ready_account()
        states(acme, account)
        ContractLine.objects.update(ends_on=day(-1))
        evaluate_accounts(acme, [account.pk], now=NOW)
        assert not ExpansionReadiness.objects.exists()
        facts = AccountFacts.objects.get()
        assert (facts.expansion_seat, facts.expansion_score, facts.flag_expansion) == (False, None, False)


@pytest.mark.django_db
def test_other_figures_are_a_version_that_accounts_follow(acme: Tenant) -> None:
    with tenant_context(acme):
        account = ready_account()
        given_: dict[str, Any] = {"given": {"champion_days": 9}, "user": None, "actor": ACTOR}
        with pytest.raises(FigureError, match="say what is changed"):
            figures_publish(note=" ", seen=0, **given_)
        assert figures_publish(note="Closer", seen=0, **given_).number == 1
        with pytest.raises(StaleError):
            figures_publish(note="Closer", seen=0, **given_)
        with pytest.raises(FigureError, match="as it was"):
            figures_publish(note="Closer", seen=1, **given_)
        assert states(acme, account)["champion"] == "not"
        assert AuditEvent.objects.filter(action="readiness.publish").count() == 1


# --- Pages and REST -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_list_filters_sorts_and_shows_what_is_missing(acme: Tenant) -> None:
    with tenant_context(acme):
        first, second = ready_account("First", 100_000), ready_account("Second", 900_000)
        Opportunity.objects.filter(account=second).delete()
        evaluate_accounts(acme, [first.pk, second.pk], now=NOW)
    client = staff(acme)

    def names(asked: str) -> list[str]:
        text = client.get(f"/t/acme/expansion/{asked}").text
        places = {name: text.find(f'#expansion">{name}</a>') for name in ("First", "Second")}
        return sorted((name for name, at in places.items() if at >= 0), key=places.__getitem__)

    assert names("") == ["First"]
    assert names("?state=nearly&type=seat") == ["Second"]
    assert names("?state=nearly&type=tier") == []
    assert names("?state=all&sort=arr") == ["Second", "First"]
    assert names("?state=all&arr=100000") == ["Second"]
    assert names("?state=all&owner=none") == ["First", "Second"]
    assert names("?state=dance&type=x&owner=x&arr=x&sort=x&cursor=x") == ["First"]
    assert "ready for more seats" in client.get("/t/acme/accounts/?columns=expansion_ready_seat").text.lower()


@pytest.mark.django_db
def test_the_list_asks_as_often_for_twenty_accounts_as_for_one(acme: Tenant) -> None:
    client, asked = staff(acme), []
    for count in (1, 20):
        with tenant_context(acme):
            ids = [ready_account(f"A{count}.{n}").pk for n in range(count)]
            evaluate_accounts(acme, ids)
        client.get("/t/acme/expansion/?state=all")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/t/acme/expansion/?state=all").status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 32


@pytest.mark.django_db
def test_the_account_page_and_rest_show_every_criterion_with_what_it_sees(acme: Tenant) -> None:
    cache.clear()
    with tenant_context(acme):
        account = ready_account()
        evaluate_accounts(acme, [account.pk])
    text = staff(acme).get(f"/t/acme/accounts/{account.pk}/").text
    panel = text[text.index('id="expansion-title"') :]
    assert "More seats" in panel
    assert "Champion engaged" in panel
    (row,) = api_of(acme)("GET", f"readiness?account={account.pk}").json()["results"]
    assert [each["type"] for each in row["types"]] == [kind.value for kind in Kind]
    criteria = {each["key"]: each for each in row["types"][0]["criteria"]}
    assert criteria["use_case_seat"]["state"] == "met"
    assert "open seat expansion opportunities 1 ≥ 1" in criteria["use_case_seat"]["seen"]
    assert criteria["use_case_seat"]["as_of"]
    assert api_of(acme)("GET", f"readiness/{row['id']}").json()["types"] == row["types"]
    assert api_of(acme)("GET", "readiness?type=price").status_code == 400


@pytest.mark.django_db
def test_the_figures_are_changed_by_revops_alone_and_problems_keep_what_was_typed(acme: Tenant) -> None:
    client, url = staff(acme, "leader"), "/t/acme/expansion/figures/"
    whole = {name: str(getattr(Figures(), name)) for name in Figures.__dataclass_fields__}
    assert client.get(url).status_code == 200
    wrong = client.post(url, whole | {"seen": "0", "note": "n", "champion_days": "soon"})
    assert wrong.status_code == 422
    assert 'value="soon"' in wrong.text
    assert client.post(url, whole | {"seen": "7", "note": "n", "champion_days": "9"}).status_code == 409
    assert client.post(url, whole | {"seen": "0", "note": "n", "champion_days": "9"}).status_code == 302
    assert staff(acme, "marketer").get(url).status_code == 403
