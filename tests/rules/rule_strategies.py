"""Facts and hypothesis strategies of rules, shared by the tests of the rule language."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from hub.registry.facts import TODAY, Expression, Fact, FactKind
from hub.rules.compile import Clock
from hub.rules.language import LISTS, OPERATORS, WITHIN, Op

CLOCK = Clock(now=datetime(2026, 3, 31, 9, 30, tzinfo=UTC), today=date(2026, 3, 31))


def _fact(name: str, label: str, kind: FactKind, unit: str = "") -> Fact:
    return Fact(name=name, label=label, kind=kind, sql=f"v.{name}", source="test", freshness="live", unit=unit)


# A fact with a past: its values of today and the days before, in an array.
DAYS_KNOWN = 5
LOGINS = Fact(
    name="logins",
    label="log-ins",
    kind=FactKind.NUMBER,
    sql="v.logins[1]",
    source="test",
    freshness="live",
    past=Expression("v.logins[1 + (DATE '2026-03-31' - %s::date)]", (TODAY,)),
)
FACTS = {
    fact.name: fact
    for fact in (
        _fact("usage_drop_pct", "usage drop", FactKind.NUMBER, "%"),
        _fact("mrr", "MRR", FactKind.MONEY, "EUR"),
        _fact("plan", "plan", FactKind.TEXT),
        _fact("activated", "activated", FactKind.BOOLEAN),
        _fact("renewal_on", "renewal", FactKind.DATE),
        _fact("last_seen_at", "last seen", FactKind.DATETIME),
        _fact("features", "features in use", FactKind.SET),
        LOGINS,
    )
}

WORDS = st.sampled_from(["pro", "Pro", "PRO 2", "basic", "é", "É", "a b", "%", "_", "x'y", "\\"])
NUMBERS = st.one_of(
    st.integers(-50, 50),
    st.sampled_from([0.1, 0.2, 12.5, -0.5, 20.0]),
    st.sampled_from([Decimal("0.1"), Decimal("12.50")]),
)
DATES = st.integers(-40, 40).map(lambda n: CLOCK.today + timedelta(days=n))
TIMES = st.integers(-40 * 24, 40 * 24).map(lambda n: CLOCK.now + timedelta(hours=n))
CONSTANTS: dict[FactKind, st.SearchStrategy[object]] = {
    FactKind.NUMBER: NUMBERS.map(lambda n: float(n) if isinstance(n, Decimal) else n),
    FactKind.MONEY: st.integers(-50, 50),
    FactKind.TEXT: WORDS,
    FactKind.BOOLEAN: st.booleans(),
    FactKind.DATE: DATES.map(lambda d: d.isoformat()),
    FactKind.DATETIME: TIMES.map(lambda t: t.isoformat()),
    FactKind.SET: WORDS,
}
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "usage_drop_pct": st.none() | NUMBERS,
        "mrr": st.none() | st.integers(-50, 50),
        "plan": st.none() | st.just("") | WORDS,
        "activated": st.none() | st.booleans(),
        "renewal_on": st.none() | DATES,
        "last_seen_at": st.none() | TIMES,
        "features": st.none() | st.lists(WORDS, max_size=3, unique=True),
        "logins": st.lists(st.none() | st.integers(-3, 3), min_size=DAYS_KNOWN, max_size=DAYS_KNOWN),
    },
)


@st.composite
def leaves(draw: st.DrawFn, names: tuple[str, ...] = tuple(sorted(FACTS))) -> dict[str, object]:
    """A valid comparison as JSON."""
    fact = FACTS[draw(st.sampled_from(names))]
    op = draw(st.sampled_from(OPERATORS[fact.kind]))
    constants = CONSTANTS[fact.kind]
    tree: dict[str, object] = {"fact": fact.name, "op": str(op)}
    if op in LISTS:
        tree["value"] = draw(st.lists(constants, min_size=1, max_size=4))
    elif op is Op.BETWEEN:
        low, high = draw(constants), draw(constants)
        tree["value"] = sorted([low, high], key=_sort_key)
    elif op in WITHIN:
        tree["value"] = draw(st.integers(0, 45))
    elif op not in (Op.IS_SET, Op.IS_NOT_SET):
        tree["value"] = draw(constants)
    return tree


def _sort_key(value: object) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _trees(leaf: st.SearchStrategy[object], most: int) -> st.SearchStrategy[object]:
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda items: {"all": items}),
            st.lists(inner, max_size=3).map(lambda items: {"any": items}),
            inner.map(lambda item: {"not": item}),
        ),
        max_leaves=most,
    )


SUSTAINED = st.builds(
    lambda tree, days: {"sustained": tree, "days": days}, _trees(leaves(("logins",)), 2), st.integers(2, DAYS_KNOWN)
)
TREES: st.SearchStrategy[object] = _trees(leaves() | SUSTAINED, 5)


def by_day(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of VALUES as `evaluate` takes it: the values of earlier days under names of their own."""
    found = {f"logins@{ago}" if ago else "logins": value for ago, value in enumerate(row.get("logins") or ())}
    return {name: value for name, value in row.items() if name != "logins"} | found
