"""Filters of the list of accounts as rules: the form, the address, what cannot be read."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.accounts.models import Account
from hub.accounts.services import attribute_define, attributes_set
from hub.registry.facts import FactKind, facts, known_facts
from hub.registry.measures import Measure, measures
from hub.rules.compile import Clock
from hub.rules.language import OPERATORS, Op, parse
from hub.rules.reading import read_rule
from hub.shell.account_list import AccountQuery, accounts_count, accounts_page
from hub.shell.paging import cursor_of
from hub.shell.rule_form import MOST_ROWS, Draft, Group, Row, draft_of, read_draft
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from tests.shell.staff import HTMX, staff
from tests.world import ACTOR, make_account

LIST = "/t/acme/accounts/"


def rule(*children: dict[str, Any], match: str = "all") -> str:
    return json.dumps({match: list(children)})


def some_accounts() -> None:
    for name, country, seats in (("Ash", "NO", 5), ("Birch", "SE", 50), ("Cedar", "NO", 500), ("Dogwood", "", None)):
        make_account(name, country=country, seats=seats, signed_up_on=date(2024, 1, 31))


def names(query: AccountQuery) -> list[str]:
    return [row.name for row in accounts_page(query).rows]


def test_a_rule_in_the_address_narrows_the_list_and_stands_above_it_in_words(acme: Tenant) -> None:
    with tenant_context(acme):
        some_accounts()
    tree = rule({"fact": "country", "op": "eq", "value": "NO"}, {"fact": "seats", "op": "gt", "value": 10})
    page = staff(acme).get(LIST, {"rule": tree}).text
    assert "Cedar" in page
    assert "Ash" not in page
    assert "Country is “NO” and seats is more than 10" in page


def test_the_form_makes_the_rule_and_shows_it_again(acme: Tenant) -> None:
    client = staff(acme)
    asked = {"apply": "1", "match": "any", "fact": ["mrr_minor", "signed_up_on", ""], "op": ["gte", "between", ""]}
    values = {"value": ["12.50", "2024-01-01", ""], "second": ["", "2024-12-31", ""], "sort": "-mrr_minor"}
    answer = client.get(f"{LIST}filter/", asked | values)
    assert answer.status_code == 302
    made = parse_qs(urlsplit(answer["Location"]).query)
    assert json.loads(made["rule"][0]) == {
        "any": [
            {"fact": "mrr_minor", "op": "gte", "value": 1250},
            {"fact": "signed_up_on", "op": "between", "value": ["2024-01-01", "2024-12-31"]},
        ]
    }
    assert made["sort"] == ["-mrr_minor"]
    form = client.get(f"{LIST}filter/", {"rule": made["rule"][0]}).text
    assert 'value="12.5"' in form
    assert 'value="2024-12-31"' in form


def test_what_the_form_cannot_read_is_named_beside_it_and_nothing_is_lost(acme: Tenant) -> None:
    asked = {
        "apply": "1",
        "fact": ["seats", "country"],
        "op": ["gt", "eq"],
        "value": ["many", "NO"],
        "second": ["", ""],
    }
    answer = staff(acme).get(f"{LIST}filter/", asked)
    assert answer.status_code == 422
    assert "Expected a number such as 12.5" in answer.text
    assert 'value="many"' in answer.text
    assert 'value="NO"' in answer.text


def test_a_rule_deeper_than_the_form_is_kept_as_its_sentence_and_as_text(acme: Tenant) -> None:
    with tenant_context(acme):
        some_accounts()
    deep = json.dumps({"not": {"all": [{"fact": "country", "op": "eq", "value": "NO"}]}})
    client = staff(acme)
    form = client.get(f"{LIST}filter/", {"rule": deep}).text
    assert "it is not so that country is “NO”" in form
    assert 'name="rule_text"' in form
    assert "Birch" in client.get(LIST, {"rule": deep}).text
    to = client.get(f"{LIST}filter/", {"apply": "1", "rule_text": deep})["Location"]
    assert json.loads(parse_qs(urlsplit(to).query)["rule"][0]) == json.loads(deep)
    wrong = client.get(f"{LIST}filter/", {"apply": "1", "rule_text": '{"all": 5}'})
    assert wrong.status_code == 422
    assert "expected a list" in wrong.text


@pytest.mark.parametrize(
    "bad", ["{", "[]", '{"all": [{"fact": "shoe", "op": "eq", "value": 1}]}', "1" * 30_000, "[" * 9_000]
)
def test_a_rule_that_cannot_be_read_shows_no_account_and_exports_nothing(acme: Tenant, bad: str) -> None:
    with tenant_context(acme):
        some_accounts()
    client = staff(acme)
    answer = client.get(LIST, {"rule": bad})
    assert answer.status_code == 422
    assert "Cedar" not in answer.text
    assert "Take the filter away" in answer.text
    refused = client.post("/t/acme/exports/start/", {"list": "accounts", "format": "csv", "rule": bad}, follow=True)
    assert "Nothing was exported: the filter cannot be read" in refused.text


def test_unknown_columns_orders_and_cursors_of_another_order_open_the_list_from_its_start(acme: Tenant) -> None:
    with tenant_context(acme):
        some_accounts()
        everybody = names(AccountQuery())
        for cursor in (cursor_of(0, "x", "y"), cursor_of(7, 1, 2), cursor_of(1), "zzz", cursor_of("a", None, None)):
            assert names(AccountQuery(sort="-renews_on", cursor=cursor)) == names(AccountQuery(sort="-renews_on"))
    page = staff(acme).get(LIST, {"columns": "shoe,country,shoe", "sort": "-shoe", "cursor": "e30"})
    assert page.status_code == 200
    assert all(name in page.text for name in everybody)
    assert "Country" in page.text


def test_columns_are_chosen_in_order_and_the_file_has_the_same(acme: Tenant) -> None:
    with tenant_context(acme):
        some_accounts()
        attribute_define(entity="account", key="tone", label="Tone of voice", kind="text", actor=ACTOR)
        attributes_set(account=Account.objects.get(name="Ash"), values={"tone": "dry"}, actor=ACTOR)
    client = staff(acme)
    asked = {"apply": "1", "column": ["attribute.tone", "seats", "owner"], "q": "a"}
    to = client.get(f"{LIST}columns/", asked)["Location"]
    assert parse_qs(urlsplit(to).query) == {"columns": ["attribute.tone,seats,owner"], "q": ["a"]}
    page = client.get(to).text
    assert page.index("Tone of voice") < page.index("Seats") < page.index(">Owner")
    assert "dry" in page


def test_htmx_gets_the_drawer_and_a_row_that_follows_its_fact(acme: Tenant) -> None:
    client = staff(acme)
    for path in ("filter/", "columns/"):
        drawer = client.get(f"{LIST}{path}", headers=HTMX).text
        assert drawer.lstrip().startswith("<dialog")
    row = client.get(f"{LIST}filter/row/", {"fact": "renews_on", "op": "contains", "value": "x"}).text
    assert "is due within days" in row
    assert "contains" not in row
    assert 'value="yes"' in client.get(f"{LIST}filter/row/", {"fact": "has_parent"}).text


@pytest.mark.parametrize("op", OPERATORS[FactKind.NUMBER])
def test_a_rule_over_an_attribute_finds_the_same_accounts_searched_for_and_asked_one_by_one(
    acme: Tenant, op: Op
) -> None:
    value = {Op.BETWEEN: [1, 2], Op.IN: [1, 3], Op.NOT_IN: [1, 3], Op.IS_SET: None, Op.IS_NOT_SET: None}.get(op, 2)
    for tree in ({"fact": "attribute.size", "op": op, "value": value}, {"fact": "seats", "op": "gte", "value": 2}):
        for rule in (tree, {"not": tree}, {"any": [tree, {"fact": "attribute.size", "op": "eq", "value": 3}]}):
            assert_found_alike(acme, rule)


def assert_found_alike(tenant: Tenant, tree: dict[str, Any]) -> None:
    with tenant_context(tenant):
        if not Account.objects.exists():
            attribute_define(entity="account", key="size", label="Size", kind="number", actor=ACTOR)
            for size in (None, 1, 2, 3):
                attributes_set(account=make_account(f"Size {size}", seats=size), values={"size": size}, actor=ACTOR)
            while evaluate_batch(tenant):
                pass
        ids = list(Account.objects.values_list("pk", flat=True))
        now = timezone.now()
        asked = read_rule(parse(tree, known_facts()), ids, Clock(now, timezone.localdate(now, tenant.zone)))
        searched = accounts_page(AccountQuery(rule=json.dumps(tree))).rows
    assert {row.id for row in searched} == {reading.account_id for reading in asked if reading.holds}


def test_only_accounts_of_the_tenant_answer_to_a_rule(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            some_accounts()
    with tenant_context(acme):
        asked = AccountQuery(rule=rule({"fact": "seats", "op": "gte", "value": 50}))
        assert names(asked) == ["Birch", "Cedar"]
        assert accounts_count(asked) == 2


VALUES = {"number": "12.5", "money": "10.25", "text": "x y", "boolean": "no", "date": "2026-02-28"}
VALUES |= {"datetime": "2026-02-28", "set": "x"}
NEEDED = {"event": "Export", "survey": "nps", "status": "failed", "trigger": "usage-decline", "segment": "large"}


@st.composite
def typed_rows(draw: st.DrawFn) -> Row:
    """A row that somebody filled in rightly: a fact or a measure, turned round or not, for days where it can be."""
    subject = draw(st.sampled_from([*(fact for fact in facts if OPERATORS[fact.kind]), *measures]))
    op = draw(st.sampled_from(OPERATORS[subject.kind]))
    value = "30" if "days" in op else VALUES[subject.kind]
    dated = subject.dated if isinstance(subject, Measure) else subject.past is not None
    arguments = subject.arguments if isinstance(subject, Measure) else ()
    return Row(
        fact=subject.name,
        op=str(op),
        value=value,
        second=value,
        arguments=tuple(NEEDED.get(a.name, "") or ("" if a.default is None else str(a.default)) for a in arguments),
        sense=draw(st.sampled_from(["", "not"])),
        running=draw(st.sampled_from(["", "2"])) if dated else "",
        group=draw(st.sampled_from(["", "1", "2"])),
    )


@settings(deadline=None, max_examples=150, database=None)
@given(rows=st.lists(typed_rows(), min_size=1, max_size=MOST_ROWS), match=st.sampled_from(["all", "any"]),
       kinds=st.tuples(*[st.sampled_from(["all", "any", "none"])] * 2))  # fmt: skip
def test_what_the_form_writes_it_can_read_again(rows: list[Row], match: str, kinds: tuple[str, str]) -> None:
    """Form → rule → form → rule: the same rule, measures, groups, *not* and days running included."""
    tenant = Tenant(currency="USD", timezone="Europe/Oslo")
    read = read_draft(Draft(match, rows=tuple(rows), groups=(Group("1", kinds[0]), Group("2", kinds[1]))), tenant)
    assert not read.draft.wrong, read.draft
    shown = draft_of(read.node, tenant)
    assert shown is not None
    assert shown.match == match
    assert read_draft(shown, tenant).text == read.text


@pytest.mark.parametrize(
    "tree",
    [
        {"all": [{"all": [{"any": [{"fact": "seats", "op": "gt", "value": 1}]}]}]},
        {"not": {"all": [{"fact": "seats", "op": "gt", "value": 1}]}},
        {"fact": "country", "op": "in", "value": ["NO", "a, b"]},
        {"fact": "country", "op": "eq", "value": " NO"},
        {"any": []},
        {"all": [{"fact": "seats", "op": "gt", "value": n} for n in range(MOST_ROWS + 1)]},
    ],
)
def test_what_the_rows_would_lose_they_do_not_show(tree: dict[str, Any]) -> None:
    node = parse(tree, facts.as_mapping())
    assert draft_of(node, Tenant(currency="USD", timezone="Europe/Oslo")) is None


def test_a_row_asks_for_the_arguments_of_its_measure(acme: Tenant) -> None:
    client = staff(acme)
    row = client.get(f"{LIST}filter/row/", {"fact": "uses", "with1": "Export", "with2": "14"}).text
    assert 'name="with1" value="Export" list="names-events"' in row
    assert 'name="with2" value="14"' in row
    asked = {"apply": "1", "fact": "uses", "op": "gte", "value": "5", "with1": "Export", "with2": "no"}
    wrong = client.get(f"{LIST}filter/", asked)
    assert wrong.status_code == 422
    assert "expected a whole number of days" in wrong.text
    made = parse_qs(urlsplit(client.get(f"{LIST}filter/", asked | {"with2": "14"})["Location"]).query)["rule"][0]
    comparison = {"fact": "uses", "with": {"event": "Export", "days": 14}, "op": "gte", "value": 5}
    assert json.loads(made) == {"all": [comparison]}


def test_groups_are_one_condition_and_come_back_by_the_link(acme: Tenant) -> None:
    client = staff(acme)
    fields = {"fact": ["seats", "country", "country"], "op": ["gt", "eq", "eq"], "value": ["5", "NO", "SE"]}
    groups = {"group": ["", "7", "7"], "group_id": "7", "group_match": "none", "running_all": ""}
    to = client.get(f"{LIST}filter/", {"apply": "1", **fields, **groups})["Location"]
    made = parse_qs(urlsplit(to).query)["rule"][0]
    nordic = [{"fact": "country", "op": "eq", "value": code} for code in ("NO", "SE")]
    assert json.loads(made) == {"all": [{"fact": "seats", "op": "gt", "value": 5}, {"not": {"any": nordic}}]}
    form = client.get(f"{LIST}filter/", {"rule": made}).text
    assert form.count("data-filter-group>") == 1
    assert form.count("data-filter-row>") == 3


def test_without_a_script_the_buttons_of_the_form_do_the_same(acme: Tenant) -> None:
    client = staff(acme)
    filled: dict[str, Any] = {"fact": ["seats", "country"], "op": ["gt", "eq"], "value": ["5", "NO"]}
    for button, rows, groups in (({"add": ""}, 3, 0), ({"add": "group"}, 3, 1), ({"remove": "0"}, 1, 0)):
        page = client.get(f"{LIST}filter/", filled | button).text
        assert (page.count("data-filter-row>"), page.count("data-filter-group>")) == (rows, groups)
    fragment = client.get(f"{LIST}filter/group/", {"group_id": ["1", "4"]}).text
    assert 'name="group_id" value="5"' in fragment
