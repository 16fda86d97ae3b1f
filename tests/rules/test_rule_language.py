"""The rule language: what is a rule, and how it says that something is not."""

import json
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given

from hub.registry.facts import TODAY, Expression, FactKind
from hub.registry.measures import Argument, ArgumentKind, Measure, days, measures
from hub.rules.compile import Clock, compile_sql, evaluate, keeps_past
from hub.rules.explain import findings, reason_code, sentence, why_false
from hub.rules.language import (
    MAX_DEPTH,
    MAX_NODES,
    Node,
    RuleError,
    comparisons,
    facts_of,
    facts_of_days,
    parse,
)
from tests.rules.rule_strategies import CLOCK, FACTS, TREES, VALUES, by_day

DROP = {"fact": "usage_drop_pct", "op": "gte", "value": 20}


def rule(tree: object) -> Node:
    return parse(tree, FACTS)


def problems(tree: object) -> list[tuple[str, str]]:
    with pytest.raises(RuleError) as caught:
        rule(tree)
    return [(problem.pointer, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("tree", "pointer", "message"),
    [
        ([], "", "expected an object, got a list"),
        ({}, "", 'expected one of "all"'),
        ({"all": [DROP], "any": []}, "", 'expected one of "all"'),
        ({"all": DROP}, "/all", "expected a list, got an object"),
        ({"not": 3}, "/not", "expected an object, got a number"),
        ({"all": [DROP, {"fact": "mood", "op": "eq", "value": 1}]}, "/all/1/fact", 'unknown fact "mood"'),
        ({"fact": ["mrr"], "op": "eq", "value": 1}, "/fact", "unknown fact ['mrr']"),
        ({"not": {"fact": "mrr", "op": "like", "value": 1}}, "/not/op", 'unknown operator "like"'),
        ({"fact": "mrr", "value": 1}, "/op", "unknown operator None"),
        ({"fact": "activated", "op": "gt", "value": True}, "/op", '"gt" does not apply to the boolean'),
        ({"fact": "mrr", "op": "gt"}, "/value", '"gt" needs a value'),
        ({"fact": "mrr", "op": "is_set", "value": 1}, "/value", '"is_set" takes no value'),
        ({"fact": "mrr", "op": "gt", "value": 1.5}, "/value", "money in minor units"),
        ({"fact": "usage_drop_pct", "op": "gt", "value": "20"}, "/value", "expected a number, got text"),
        ({"fact": "usage_drop_pct", "op": "gt", "value": True}, "/value", "got a boolean"),
        ({"fact": "usage_drop_pct", "op": "gt", "value": float("nan")}, "/value", "must lie within"),
        ({"fact": "usage_drop_pct", "op": "gt", "value": 10**400}, "/value", "must lie within"),
        ({"fact": "usage_drop_pct", "op": "gt", "value": 2**60}, "/value", "must lie within"),
        ({"fact": "usage_drop_pct", "op": "between", "value": [5]}, "/value", "two values [from, to]"),
        ({"fact": "usage_drop_pct", "op": "between", "value": [9, 5]}, "/value", "after its end"),
        ({"fact": "plan", "op": "in", "value": "pro"}, "/value", "expected a list of values, got text"),
        ({"fact": "plan", "op": "in", "value": []}, "/value", "expected a list of values"),
        ({"fact": "plan", "op": "eq", "value": ""}, "/value", "use is_not_set"),
        ({"fact": "plan", "op": "eq", "value": "a\x00"}, "/value", "cannot be stored"),
        ({"fact": "plan", "op": "eq", "value": "\ud800"}, "/value", "cannot be stored"),
        ({"fact": "activated", "op": "eq", "value": 1}, "/value", "expected true or false"),
        ({"fact": "renewal_on", "op": "gt", "value": "31.3.2026"}, "/value", "expected a date like"),
        ({"fact": "renewal_on", "op": "within_days_before", "value": -1}, "/value", "whole number of days"),
        ({"fact": "last_seen_at", "op": "gt", "value": "2026-03-31T09:00:00"}, "/value", "with offset"),
        ({"fact": "mrr", "op": "gt", "value": 1, "a/b": 2}, "/a~1b", "a comparison has only"),
        # What no answer could carry is named as JSON names it.
        ({"fact": "\ud800", "op": "gt", "value": 1}, "/fact", 'unknown fact "\\ud800"'),
        ({"fact": "mrr", "op": "\ud800", "value": 1}, "/op", 'unknown operator "\\ud800"'),
        ({"fact": "mrr", "op": "gt", "value": 1, "\ud800": 2}, "/\\ud800", "a comparison has only"),
    ],
)
def test_a_wrong_tree_is_named_with_place_and_cause(tree: object, pointer: str, message: str) -> None:
    [(where, what)] = problems(tree)
    assert where == pointer
    assert message in what


def test_all_problems_are_reported_at_once() -> None:
    tree = {"all": [{"fact": "x", "op": "eq"}, {"any": [{"fact": "mrr", "op": "??", "value": 1}]}]}
    assert [pointer for pointer, _ in problems(tree)] == ["/all/0/fact", "/all/1/any/0/op"]


def test_depth_and_size_are_limited() -> None:
    deep: object = DROP
    for _ in range(MAX_DEPTH - 1):
        deep = {"not": deep}
    assert comparisons(rule(deep))
    assert problems({"not": deep})[0][1] == "a rule is at most 8 levels deep"
    assert rule({"all": [DROP] * (MAX_NODES - 1)})
    assert problems({"all": [DROP] * (MAX_NODES + 50)}) == [("/all/199", "a rule has at most 200 parts")]


def test_a_missing_fact_makes_every_comparison_false_and_its_negation_true() -> None:
    for op in ("eq", "ne", "gt", "lt"):
        node = rule({"fact": "usage_drop_pct", "op": op, "value": 20})
        assert not evaluate(node, {}, CLOCK)
        assert evaluate(rule({"not": {"fact": "usage_drop_pct", "op": op, "value": 20}}), {}, CLOCK)
    assert not evaluate(rule({"fact": "plan", "op": "not_in", "value": ["pro"]}), {"plan": ""}, CLOCK)
    assert evaluate(rule({"fact": "plan", "op": "is_not_set"}), {"plan": ""}, CLOCK)


@given(TREES, VALUES)
def test_a_negation_is_the_opposite(tree: object, values: dict[str, object]) -> None:
    seen = by_day(values)
    assert evaluate(rule({"not": tree}), seen, CLOCK) is not evaluate(rule(tree), seen, CLOCK)


@given(TREES)
def test_every_constant_travels_as_a_parameter(tree: object) -> None:
    sql, params = compile_sql(rule(tree), CLOCK)
    assert sql.count("%s") == len(params)
    assert set(facts_of(rule(tree))) == {leaf.fact.name for leaf in comparisons(rule(tree))}


@given(TREES, VALUES)
def test_a_false_rule_has_someone_to_blame_and_a_true_one_nobody(tree: object, values: dict[str, object]) -> None:
    node, values = rule(tree), by_day(values)
    truth = evaluate(node, values, CLOCK)
    assert (reason_code(node, values, CLOCK) == "") is truth
    assert truth is False or why_false(node, values, CLOCK) == ()
    assert len(findings(node, values, CLOCK)) == len(comparisons(node))


@given(TREES)
def test_a_rule_reads_as_one_sentence(tree: object) -> None:
    text = sentence(rule(json.loads(json.dumps(tree))))
    assert text
    assert "{" not in text
    assert all(leaf.fact.label in text for leaf in comparisons(rule(tree)))


def test_the_sentence_says_what_a_person_would() -> None:
    plan = {"fact": "plan", "op": "in", "value": ["Pro", "Max"]}
    spend = {"not": {"fact": "mrr", "op": "lt", "value": 123450}}
    due = {"fact": "renewal_on", "op": "within_days_before", "value": 90}
    tree = {"all": [DROP, {"any": [plan, spend]}, due]}
    assert sentence(rule(tree)) == (
        "usage drop is at least 20% and (plan is one of “Pro”, “Max” or it is not so that MRR is less "
        "than 1,234.50 EUR) and renewal is due within 90 days"
    )


def test_values_seen_are_part_of_the_explanation() -> None:
    node = rule({"all": [DROP, {"fact": "activated", "op": "eq", "value": True}]})
    seen = {"usage_drop_pct": 12, "activated": True}
    assert [finding.text for finding in findings(node, seen, CLOCK)] == [
        "usage drop 12% < 20%",
        "activated",
    ]
    assert reason_code(node, seen, CLOCK) == "rule_false: usage_drop_pct = 12 < 20"
    assert reason_code(node, {"activated": True}, CLOCK) == "rule_false: usage_drop_pct is missing"


def test_due_within_includes_today_and_the_last_day() -> None:
    node = rule({"fact": "renewal_on", "op": "within_days_before", "value": 2})
    dues = ["2026-03-30", "2026-03-31", "2026-04-02", "2026-04-03"]
    assert [evaluate(node, {"renewal_on": date.fromisoformat(d)}, CLOCK) for d in dues] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(94.79392624, "94.8%"), (20.04, "20.04%"), (20.00004, "20.00004%"), (20.0, "20%"), (19.96, "19.96%")],
)
def test_a_measured_value_is_shown_short_but_never_on_the_other_side_of_the_limit(value: float, shown: str) -> None:
    (finding,) = findings(rule(DROP), {"usage_drop_pct": value}, CLOCK)
    assert f" {shown} " in finding.text


SLACK = {"fact": "logins", "op": "lt", "value": 3}


def test_sustained_holds_when_each_of_its_days_does() -> None:
    node = rule({"sustained": SLACK, "days": 3})
    assert sentence(node) == "for 3 days running log-ins is less than 3"
    assert evaluate(node, {"logins": 1, "logins@1": 2, "logins@2": 0}, CLOCK)
    assert not evaluate(node, {"logins": 1, "logins@1": 3, "logins@2": 0}, CLOCK)
    # A day of which nothing is known breaks the row, as it makes every comparison false.
    assert not evaluate(node, {"logins": 1, "logins@2": 0}, CLOCK)


def test_what_was_not_sustained_is_blamed_on_the_latest_day_that_was_otherwise() -> None:
    node = rule({"sustained": SLACK, "days": 3})
    assert reason_code(node, {"logins": 1, "logins@1": 3, "logins@2": 9}, CLOCK) == "rule_false: logins@1 = 3 ≥ 3"
    (finding,) = why_false(node, {"logins": 1, "logins@1": 3, "logins@2": 9}, CLOCK)
    assert finding.text == "log-ins 1 day before 3 ≥ 3"


def test_due_within_days_of_looks_both_ways() -> None:
    node = rule({"fact": "renewal_on", "op": "within_days_of", "value": 2})
    dues = ["2026-03-28", "2026-03-29", "2026-04-02", "2026-04-03"]
    assert [evaluate(node, {"renewal_on": date.fromisoformat(d)}, CLOCK) for d in dues] == [False, True, True, False]


@pytest.mark.parametrize(
    ("tree", "pointer", "said"),
    [
        ({"sustained": SLACK, "days": 1}, "/days", "a whole number of days from 2 to 60"),
        ({"sustained": SLACK, "days": 61}, "/days", "a whole number of days from 2 to 60"),
        ({"sustained": SLACK, "days": True}, "/days", "a whole number of days from 2 to 60"),
        ({"sustained": {"sustained": SLACK, "days": 2}, "days": 2}, "/sustained", "cannot be sustained again"),
        ({"sustained": {"fact": "plan", "op": "is_set"}, "days": 2}, "/sustained", "plan keeps no past"),
        ({"sustained": {"all": [SLACK] * 6}, "days": 60}, "", "at most 5 conditions can be watched for 60 days"),
        ({"sustained": SLACK}, "", "expected one of"),
        ({"fact": "logins", "with": {}, "op": "eq", "value": 1}, "/with", "takes no arguments"),
        ({"fact": "measured", "with": [], "op": "eq", "value": 1}, "/with", "expected an object"),
        ({"fact": "measured", "with": {"what": "a", "days": 0}, "op": "eq", "value": 1}, "/with/days", "from 1 to 730"),
        (
            {"fact": "measured", "with": {"what": "a", "days": 731}, "op": "eq", "value": 1},
            "/with/days",
            "from 1 to 730",
        ),
        (
            {"fact": "measured", "with": {"what": "a", "days": 2.0}, "op": "eq", "value": 1},
            "/with/days",
            "from 1 to 730",
        ),
        ({"fact": "measured", "with": {"day": 2}, "op": "eq", "value": 1}, "/with/day", "takes days and what"),
        ({"fact": "measured", "with": {"what": "c"}, "op": "eq", "value": 1}, "/with/what", "expected one of a, b"),
        ({"fact": "measured", "with": {"what": "\x00"}, "op": "eq", "value": 1}, "/with/what", "a text of at most"),
        ({"fact": "measured", "op": "eq", "value": 1}, "/with/what", "say what"),
    ],
)
def test_bad_days_and_arguments_are_named(tree: object, pointer: str, said: str, measured: None) -> None:
    with pytest.raises(RuleError) as caught:
        rule(tree)
    (problem,) = caught.value.problems
    assert problem.pointer == pointer
    assert said in problem.message


@pytest.fixture
def measured() -> Iterator[None]:
    what = Argument("what", "what", ArgumentKind.TEXT, None, (("a", "A"), ("b", "B")))
    made = Measure(
        name="measured",
        title="measured",
        kind=FactKind.NUMBER,
        arguments=(what, days(7)),
        expression=lambda given: Expression("(%s::date - %s)", (TODAY, given["days"])),
        words=lambda given: f"measured {given['what']}",
        source="test",
    )
    measures.register(made)
    yield
    del measures._items["measured"]
    measures._sorted = None


def test_a_measure_with_its_arguments_is_a_fact_like_any_other(measured: None) -> None:
    node = rule({"fact": "measured", "with": {"what": "a"}, "op": "gt", "value": 3})
    assert sentence(node) == "measured a is more than 3"
    (name,) = facts_of(node)
    assert evaluate(node, {name: 4}, CLOCK)
    assert compile_sql(node, CLOCK) == ("((%s::date - %s)) > %s", (CLOCK.today, 7, 3))
    running = rule({"sustained": {"fact": "measured", "with": {"what": "a"}, "op": "gt", "value": 3}, "days": 2})
    sql, params = compile_sql(running, CLOCK)
    assert sql.count("%s") == len(params)
    assert params == (CLOCK.today, 7, 3, CLOCK.today - timedelta(days=1), 7, 3)
    assert set(facts_of_days(running)) == {name, f"{name}@1"}


def test_a_rule_is_asked_about_the_past_only_where_all_of_it_keeps_one(measured: None) -> None:
    past = Clock(CLOCK.now, CLOCK.today - timedelta(days=9), past=True)
    kept = rule({"fact": "measured", "with": {"what": "a"}, "op": "gt", "value": 3})
    assert keeps_past(kept)
    assert compile_sql(kept, past)[1][0] == past.today
    lost = rule({"any": [DROP, SLACK]})
    assert not keeps_past(lost)
    with pytest.raises(ValueError, match="usage_drop_pct keeps no past"):
        compile_sql(lost, past)
