"""A rule means the same in PostgreSQL, where sets are evaluated, as in Python, where one account is explained."""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.rules.compile import compile_sql, evaluate
from hub.rules.language import parse
from hub.tenancy.statements import ask
from tests.rules.random_rules import random_row, random_tree
from tests.rules.rule_strategies import CLOCK, FACTS, TREES, VALUES, by_day

pytestmark = pytest.mark.django_db

TYPES = {
    "usage_drop_pct": "numeric",
    "mrr": "bigint",
    "plan": "text",
    "activated": "boolean",
    "renewal_on": "date",
    "last_seen_at": "timestamptz",
    "features": "text[]",
    "logins": "int[]",
}
database = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def chosen_by_sql(tree: object, rows: Sequence[Mapping[str, object]], number: str = "numeric") -> set[int]:
    """Indexes of the rows that PostgreSQL finds for a rule."""
    condition, params = compile_sql(parse(tree, FACTS), CLOCK)
    source, constants = given_rows(rows, number)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT v.row FROM {source} WHERE {condition}", [*constants, *params])
        return {row for (row,) in cursor.fetchall()}


def chosen_among_known(tree: object, rows: Sequence[Mapping[str, object]]) -> set[int]:
    """The same as evaluations ask it: of known accounts, with what has been read already, prepared on the server."""
    read = {name: f"v.{name}" for name in ("mrr", "plan", "features")}
    condition, params = compile_sql(parse(tree, FACTS), CLOCK, columns=read)
    source, constants = given_rows(rows)
    asked = ask(f"SELECT v.row, CASE WHEN {condition} THEN 1 ELSE 0 END FROM {source}", [*params, *constants])
    return {row for row, holds in asked if holds}


def given_rows(rows: Sequence[Mapping[str, object]], number: str = "numeric") -> tuple[str, list[Any]]:
    types = TYPES | {"usage_drop_pct": number}
    casts = ", ".join(f"%s::{kind}" for kind in types.values())
    values = ", ".join(f"({index}, {casts})" for index in range(len(rows)))
    constants: list[Any] = [row.get(name) for row in rows for name in types]
    return f"(VALUES {values}) AS v (row, {', '.join(types)})", constants


def chosen_by_python(tree: object, rows: Sequence[Mapping[str, object]]) -> set[int]:
    rule = parse(json.loads(json.dumps(tree)), FACTS)
    return {index for index, row in enumerate(rows) if evaluate(rule, by_day(row), CLOCK)}


@database
@given(TREES, st.lists(VALUES, min_size=1, max_size=8))
def test_sql_and_python_choose_the_same_accounts(tree: object, rows: list[dict[str, object]]) -> None:
    assert chosen_by_sql(tree, rows) == chosen_by_python(tree, rows)


@database
@given(TREES, st.lists(VALUES, min_size=1, max_size=8))
def test_what_evaluations_ask_of_known_accounts_means_the_same(tree: object, rows: list[dict[str, object]]) -> None:
    assert chosen_among_known(tree, rows) == chosen_by_python(tree, rows)


def many_by_sql(trees: Sequence[object], rows: Sequence[Mapping[str, object]]) -> list[set[int]]:
    """For each of many rules the indexes of the rows that it finds, all asked in one statement."""
    compiled = [compile_sql(parse(tree, FACTS), CLOCK) for tree in trees]
    source, constants = given_rows(rows)
    asked = ", ".join(f"({condition}) IS TRUE" for condition, _ in compiled)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT v.row, {asked} FROM {source}", [*(p for _, own in compiled for p in own), *constants])
        found = cursor.fetchall()
    return [{row for row, *said in found if said[place]} for place in range(len(compiled))]


def random_rules(seed: int, many: int) -> tuple[list[object], list[dict[str, object]]]:
    """Rules and rows that come of a seed alone, without hypothesis' own bookkeeping: it takes most of the time."""
    dice = Random(seed)
    return [random_tree(dice, 3) for _ in range(many)], [random_row(dice) for _ in range(12)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_ten_thousand_random_rules_mean_the_same_for_sets_and_for_one(seed: int) -> None:
    trees, rows = random_rules(seed, 200)
    for tree, found in zip(trees, many_by_sql(trees, rows), strict=True):
        assert found == chosen_by_python(tree, rows), tree


def test_a_hundred_random_rules_mean_the_same_for_sets_and_for_one() -> None:
    trees, rows = random_rules(1_000, 100)
    assert many_by_sql(trees, rows) == [chosen_by_python(tree, rows) for tree in trees]
    # Neither all true nor all false, or nothing would be shown.
    held = [len(chosen_by_python(tree, rows)) for tree in trees]
    assert sum(0 < n < len(rows) for n in held) > len(trees) / 3


@database
@given(TREES, st.lists(VALUES, min_size=1, max_size=8))
def test_a_float_column_compares_like_its_decimal_reading(tree: object, rows: list[dict[str, object]]) -> None:
    rows = [row | ({"usage_drop_pct": float(str(n))} if (n := row.get("usage_drop_pct")) else {}) for row in rows]
    assert chosen_by_sql(tree, rows, number="float8") == chosen_by_python(tree, rows)


@database
@given(TREES, st.lists(VALUES, min_size=1, max_size=8))
def test_a_rule_and_its_negation_share_the_accounts_out_between_them(
    tree: object, rows: list[dict[str, object]]
) -> None:
    holds, fails = chosen_by_sql(tree, rows), chosen_by_sql({"not": tree}, rows)
    assert holds | fails == set(range(len(rows)))
    assert not holds & fails


@pytest.mark.parametrize(
    "tree",
    [
        {"fact": "plan", "op": "eq", "value": "x' OR '1'='1"},
        {"fact": "plan", "op": "contains", "value": "%"},
        {"fact": "plan", "op": "in", "value": ["a,b", '{"c"}', "d\\"]},
        {"fact": "features", "op": "contains", "value": "a'); DROP TABLE accounts_account; --"},
    ],
)
def test_a_constant_stays_a_constant(tree: dict[str, object]) -> None:
    constant = tree["value"]
    words = constant if isinstance(constant, list) else [constant]
    rows: list[dict[str, object]] = [{"plan": word, "features": [word]} for word in words]
    assert chosen_by_sql(tree, [*rows, {"plan": "other", "features": ["other"]}]) == set(range(len(rows)))
