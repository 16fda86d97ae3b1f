"""Forms of nodes: what is shown and sent back unchanged is what the node held; what cannot be read says so."""

from __future__ import annotations

from typing import Any

import pytest

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.config_paths import with_values
from journeys.drafts.shape import ports_of, set_at
from journeys.entry_forms import ENTRIES, entry_way, entry_with
from journeys.library import SHIPPED
from journeys.node_forms import NOWHERE, FieldKind, NodeField, Shown, node_forms, read, show, show_typed
from journeys.node_kinds import node_kinds

SHIPPED_NODES = [node for shipped in SHIPPED for node in shipped.graph["nodes"]]


def sent(shown: Shown) -> dict[str, list[str]]:
    """What a browser sends of a field that nobody touched."""
    name = shown.input
    if shown.field.kind is FieldKind.RECIPIENTS:
        return {f"{name}.role": [*shown.roles, ""], f"{name}.fallback": [shown.value]}
    if shown.field.kind is FieldKind.WAIT:
        wait = shown.wait
        return {
            f"{name}.unit": [wait.unit],
            f"{name}.count": [wait.count],
            f"{name}.at": [wait.at],
            f"{name}.weekday": list(wait.weekdays),
            f"{name}.text": [wait.text],
            f"{name}.date": [wait.date],
            f"{name}.side": [wait.side],
        }
    if shown.field.kind is FieldKind.WORDINGS:
        parts = ("locale", "subject", "body")
        return {f"{name}.{part}": [row[place] for row in shown.rows] for place, part in enumerate(parts)}
    return {name: [shown.value]}


def fields_of(kind: str) -> tuple[NodeField, ...]:
    return tuple(f for f in node_forms.get(kind).all_fields if f.kind is not FieldKind.RULE)


@pytest.mark.parametrize("node", SHIPPED_NODES, ids=lambda node: str(node["id"]))
def test_an_untouched_form_changes_nothing(node: dict[str, Any]) -> None:
    given: dict[str, list[str]] = {}
    for field in fields_of(node["kind"]):
        given |= sent(show(field, node, {}))
    found = read(fields_of(node["kind"]), given)
    assert found.problems == {}
    assert with_values(node, found.values) == node


def test_every_kind_has_a_form_that_names_only_its_fields() -> None:
    assert set(node_forms.as_mapping()) == set(node_kinds.as_mapping())
    for form in node_forms:
        kind = node_kinds.get(form.key)
        named = {field.name.split("/")[0] for field in form.fields} | ({form.arms.name} if form.arms else set())
        assert named <= kind.fields, form.key
        assert set(form.blank) - {"next"} <= kind.fields, form.key
        assert sum(field.kind is FieldKind.RULE for field in form.fields) <= 1, form.key


def test_a_blank_node_has_all_its_ways() -> None:
    for form in node_forms:
        if form.offered:
            ports = ports_of({"kind": form.key, **form.blank})
            assert ports, form.key
            assert {port.target for port in ports} == {NOWHERE}, form.key


TIMEOUT = NodeField("timeout", "At most", FieldKind.WAIT)


@pytest.mark.parametrize(
    ("inputs", "value"),
    [
        ({"unit": "hours", "count": "72"}, {"hours": 72}),
        ({"unit": "business_days", "count": "2", "at": "09:00"}, {"business_days": 2, "at": "09:00"}),
        ({"unit": "until", "at": "09:00", "weekday": ("mon", "fri")}, {"until": "09:00", "weekdays": ["mon", "fri"]}),
        ({"unit": "json", "text": '{"days": 1}'}, {"days": 1}),
    ],
)
def test_a_wait_is_read(inputs: dict[str, Any], value: dict[str, Any]) -> None:
    given = {f"f.timeout.{name}": [typed] if isinstance(typed, str) else list(typed) for name, typed in inputs.items()}
    assert read([TIMEOUT], given).values == {"timeout": value}


RULE = NodeField("rule", "How long", FieldKind.WAIT, dates=True)


@pytest.mark.parametrize(
    ("inputs", "value"),
    [
        ({"count": "30", "side": "before"}, {"date": "renews_on", "offset_days": -30}),
        ({"count": "7", "side": "after", "at": "08:30"}, {"date": "renews_on", "offset_days": 7, "at": "08:30"}),
        ({"count": "0"}, {"date": "renews_on"}),
        ({"count": ""}, {"date": "renews_on"}),
    ],
)
def test_a_wait_until_a_date_is_read_and_shown_in_fields(inputs: dict[str, str], value: dict[str, Any]) -> None:
    typed = {"unit": "date", "date": "renews_on", **inputs}
    given = {f"f.rule.{name}": [text] for name, text in typed.items()}
    assert read([RULE], given).values == {"rule": value}
    shown = show(RULE, {"rule": value}, {})
    assert (shown.wait.unit, shown.wait.date) == ("date", "renews_on")
    assert read([RULE], sent(shown)).values == {"rule": value}


def test_a_date_that_is_gone_still_shows_and_where_none_may_be_the_rule_is_shown_as_it_is() -> None:
    gone = {"rule": {"date": "attribute.gone", "offset_days": 1}}
    shown = show(RULE, gone, {})
    assert ("attribute.gone", "attribute.gone") in shown.options
    assert read([RULE], sent(shown)).values == gone
    assert show(TIMEOUT, {"timeout": gone["rule"]}, {}).wait.unit == "json"


@pytest.mark.parametrize(
    ("field", "inputs", "words"),
    [
        (RULE, {"f.rule.unit": ["date"], "f.rule.count": ["3"]}, "choose the date"),
        (RULE, {"f.rule.unit": ["date"], "f.rule.date": ["renews_on"], "f.rule.count": ["x"]}, "how many days"),
        (RULE, {"f.rule.unit": ["date"], "f.rule.date": ["renews_on"], "f.rule.count": ["999"]}, "from -730 to 730"),
        (TIMEOUT, {"f.timeout.unit": ["days"], "f.timeout.count": ["0"]}, "from 1 to 730"),
        (TIMEOUT, {"f.timeout.unit": ["days"], "f.timeout.count": ["x"]}, "from 1 to 730"),
        (TIMEOUT, {"f.timeout.unit": ["until"], "f.timeout.at": ["25:00"]}, "not a wall time"),
        (NodeField("n", "N", FieldKind.NUMBER, most=5), {"f.n": ["6"]}, "from 0 to 5"),
        (NodeField("n", "N", FieldKind.NUMBER), {"f.n": ["²"]}, "whole number"),
        (NodeField("j", "J", FieldKind.JSON), {"f.j": ["["]}, "not JSON"),
        (NodeField("t", "T"), {"f.t": ["x" * 20_001]}, "longer"),
    ],
)
def test_what_cannot_be_read_is_said_and_kept_as_typed(
    field: NodeField, inputs: dict[str, list[str]], words: str
) -> None:
    found = read([field], inputs)
    assert words in found.problems[field.name]
    again = sent(show_typed(field, inputs, {}, found.problems[field.name]))
    assert {name: again[name] for name in inputs} == inputs


def test_what_is_gone_still_shows() -> None:
    trigger = ENTRIES["trigger"][1][0]
    shown = show(trigger, {"trigger": "gone"}, {"signal": [("here", "Here")]})
    assert list(shown.options) == [("here", "Here"), ("gone", "gone")]


def test_deep_fields_are_written_where_their_path_says() -> None:
    assert with_values({"reentry": {"rule": "once"}}, {"reentry/days": 3, "when": None}) == {
        "reentry": {"rule": "once", "days": 3}
    }
    assert with_values({"reentry": {"days": 3}}, {"reentry/days": None}) == {}
    node = {"cases": [{"next": "a"}]}
    set_at(node, "/cases/0/next", "b")
    assert node == {"cases": [{"next": "b"}]}


ENTRY_EXAMPLES: list[dict[str, Any]] = [
    {"trigger": "usage-decline", "reentry": {"rule": "after_days", "days": 30}, "max_age_hours": 48},
    {"segment": "enterprise", "on": "left", "existing": True, "reentry": {"rule": "once"}},
    {"date": "renewal_on", "offset_days": -90, "at": "09:00", "reentry": {"rule": "per_key"}},
    {"by": "hand", "reentry": {"rule": "after_finish"}, "goal_met": "enter"},
]


@pytest.mark.parametrize("entry", ENTRY_EXAMPLES, ids=entry_way)
def test_an_untouched_entry_stays_and_another_way_in_takes_its_place(acme: Tenant, entry: dict[str, Any]) -> None:
    way = entry_way(entry)
    fields = [field for field in ENTRIES[way][1] if field.kind is not FieldKind.RULE]
    given: dict[str, list[str]] = {}
    # Dates of the tenant's own are on offer too.
    with tenant_context(acme):
        for field in fields:
            given |= sent(show(field, entry, {}))
    found = read(fields, given)
    assert found.problems == {}
    assert entry_with(entry, way, found.values) == entry
    for other in ENTRIES:
        if other != way:
            changed = entry_with(entry, other, {})
            assert way not in changed
            assert changed["reentry"] == entry["reentry"]
