"""The five registries: order does not depend on start-up, and nothing is registered twice."""

import uuid
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.registry import panels
from hub.registry.actions import Action, ActionRequest, ActionResult, actions, perform
from hub.registry.base import NotRegistered, Registry, RegistryError
from hub.registry.facts import Fact, FactKind
from hub.registry.handlers import Announcement, Handler
from hub.registry.panels import NextStep, NextStepProvider


def nothing(tenant_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> None:
    return None


def fact(name: str = "seats", sql: str = "f.seats") -> Fact:
    return Fact(name=name, label="seats", kind=FactKind.NUMBER, sql=sql, source="billing", freshness="daily")


def test_a_key_registers_once() -> None:
    registry: Registry[Handler] = Registry("handler")
    registry.register(Handler("signals", nothing))
    with pytest.raises(RegistryError, match="'signals' is registered twice"):
        registry.register(Handler("signals", nothing))


@given(st.permutations([("b", 1), ("a", 2), ("c", 1), ("d", 0)]))
def test_order_is_the_same_whatever_started_first(entries: list[tuple[str, int]]) -> None:
    registry: Registry[Handler] = Registry("handler")
    for key, order in entries:
        registry.register(Handler(key, nothing, order))
    assert [item.key for item in registry] == ["d", "b", "c", "a"]
    assert list(registry.as_mapping()) == ["d", "b", "c", "a"]


def test_an_unknown_key_names_what_is_known() -> None:
    registry: Registry[Handler] = Registry("handler")
    registry.register(Handler("journeys", nothing))
    with pytest.raises(NotRegistered, match="no handler 'qbr'; known: journeys"):
        registry.get("qbr")


def test_an_announcement_reaches_handlers_in_order_and_skips_empty_lists() -> None:
    heard: list[str] = []
    announcement = Announcement("signal_recorded")
    announcement.connect("qbr", lambda tenant_id, ids: heard.append("qbr"), order=2)
    announcement.connect("journeys", lambda tenant_id, ids: heard.append("journeys"), order=1)
    announcement(uuid.uuid4(), [])
    assert heard == []
    announcement(uuid.uuid4(), [uuid.uuid4()])
    assert heard == ["journeys", "qbr"]


@pytest.mark.parametrize("name", ["Seats", "1seat", "", "seats-used", "x" * 64])
def test_a_fact_name_is_lower_snake_case(name: str) -> None:
    with pytest.raises(RegistryError, match="lower_snake_case"):
        fact(name=name)


def test_a_fact_cannot_smuggle_a_placeholder_into_a_statement() -> None:
    with pytest.raises(RegistryError, match="percent sign"):
        fact(sql="f.seats % 2")


def test_the_most_urgent_next_step_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    registry: Registry[NextStepProvider] = Registry("next step provider")
    monkeypatch.setattr(panels, "next_steps", registry)
    assert panels.next_step(object(), object()) is None
    registry.register(NextStepProvider("qbr", lambda account, contact: NextStep(50, "Read your QBR", "/q")))
    registry.register(NextStepProvider("plans", lambda account, contact: NextStep(10, "Invite users", "/m")))
    registry.register(NextStepProvider("asks", lambda account, contact: None))
    assert panels.next_step(object(), object()) == NextStep(10, "Invite users", "/m")


def test_an_action_runs_by_name_and_an_unknown_one_is_refused() -> None:
    request = ActionRequest(uuid.uuid4(), uuid.uuid4(), "step_run:1", {"block": "usage"})
    with pytest.raises(NotRegistered):
        perform("test.echo", request)
    actions.register(Action("test.echo", "Echo", lambda r: ActionResult(True, text=str(r.params["block"]))))
    try:
        assert perform("test.echo", request) == ActionResult(True, text="usage")
    finally:
        actions._items.pop("test.echo")
