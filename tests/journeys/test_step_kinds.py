"""What an account can meet on its way besides messages, tasks and waits."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.accounts.models import Account, AccountState, LifecycleStage
from hub.accounts.services import attribute_define
from hub.outbound.models import EndpointDialect, WebhookDelivery, WebhookEndpoint, WebhookEvent
from hub.outbound.webhooks.services import endpoint_create
from hub.outbound.webhooks.slack import slack_body
from hub.registry.facts import known_facts
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys import engine, working
from journeys.experiments.assign import arm_at, place_of
from journeys.graph import load
from journeys.graph_words import sentences
from journeys.models import Enrollment
from journeys.node_kinds import node_kinds
from journeys.services import graph_problems
from journeys.steps.base import steps
from journeys.steps.split import salt_of
from journeys.tree import ICONS
from tests.journeys import stage
from tests.journeys.graphs import email, go, graph, inside, node, publish, step, world
from tests.world import ACTOR


@pytest.fixture
def account(acme: Tenant) -> Account:
    return world(acme)


def problems(tenant: Tenant, *nodes: dict[str, Any]) -> set[str]:
    with tenant_context(tenant):
        return {f"{p.node_id}{p.pointer}" for p in graph_problems(graph(*nodes))}


def test_every_kind_has_a_step_and_an_icon() -> None:
    assert set(node_kinds.as_mapping()) == set(steps.as_mapping())
    assert set(node_kinds.as_mapping()) <= set(ICONS)


# --- Split --------------------------------------------------------------------------------------------------------

ARMS = [{"label": "A", "weight": 30, "next": "a"}, {"label": "B", "weight": 70, "next": "end"}]
SPLIT = graph({"id": "step", "kind": "split", "arms": ARMS}, email("a"))


@settings(max_examples=30)
@given(weights=st.lists(st.integers(0, 100), min_size=2, max_size=9), last=st.integers(0, 9_999))
def test_every_place_has_one_arm_and_arms_get_their_share(weights: list[int], last: int) -> None:
    shares = [weight * 100 // (sum(weights) or 1) for weight in weights]
    shares = [*shares, 100 - sum(shares)]
    counted = Counter(arm_at(place, shares) for place in range(10_000))
    assert [counted[index] for index in range(len(shares))] == [share * 100 for share in shares]


@settings(max_examples=30)
@given(salt=st.text(max_size=20), account_id=st.uuids())
def test_a_place_is_the_same_for_ever(salt: str, account_id: UUID) -> None:
    assert place_of(salt, account_id) == place_of(salt, account_id)
    assert 0 <= place_of(salt, account_id) < 10_000


def test_a_place_is_that_of_sha256_over_salt_and_account() -> None:
    # Counted by hand, so that no later version deals anew.
    assert place_of("salt", UUID(int=1)) == 700


def test_the_arm_is_stored_at_first_sight_with_salt_and_place(acme: Tenant, account: Account) -> None:
    journey = publish(acme, SPLIT)
    go(acme, account)
    ran = step(acme)
    salt = salt_of(journey.pk, "step", {"arms": ARMS})
    place = place_of(salt, account.pk)
    index = arm_at(place, [30, 70])
    assert ran.evidence == {"salt": salt, "place": place, "arm": index, "label": "AB"[index]}
    assert ran.port == f"arm:{index}"


def test_changing_a_split_starts_a_new_phase(acme: Tenant) -> None:
    journey = publish(acme, SPLIT)
    other = [ARMS[0] | {"weight": 50}, ARMS[1] | {"weight": 50}]
    moved = [ARMS[0] | {"next": "end"}, ARMS[1]]
    assert salt_of(journey.pk, "step", {"arms": other}) != salt_of(journey.pk, "step", {"arms": ARMS})
    assert salt_of(journey.pk, "step", {"arms": moved}) == salt_of(journey.pk, "step", {"arms": ARMS})


def test_a_split_must_add_up(acme: Tenant) -> None:
    off = [ARMS[0] | {"weight": 31}, ARMS[1]]
    assert problems(acme, {"id": "step", "kind": "split", "arms": off}, email("a")) == {"step/arms"}
    bad = [ARMS[0] | {"weight": -1}, ARMS[1] | {"label": ""}]
    found = problems(acme, {"id": "step", "kind": "split", "arms": bad}, email("a"))
    assert {"step/arms/0/weight", "step/arms/1/label"} <= found
    assert "step/arms" in problems(acme, {"id": "step", "kind": "split", "arms": "nonsense"})


# --- Set a field --------------------------------------------------------------------------------------------------


def test_a_field_is_set_and_what_follows_sees_it(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="motion", label="Motion", kind="text", actor=ACTOR)
    rule = {"fact": "attribute.motion", "op": "eq", "value": "guided"}
    branch = {"id": "sees", "kind": "branch", "cases": [{"when": rule, "next": "a"}], "else": "end"}
    publish(
        acme, graph(node("set_field", following="sees", field="attribute.motion", value="guided"), branch, email("a"))
    )
    go(acme, account)
    assert step(acme, "sees").port == "case:0"
    with tenant_context(acme):
        assert Account.objects.get().attributes["motion"] == "guided"


def test_a_stage_is_set_for_some_days(acme: Tenant, account: Account) -> None:
    publish(acme, graph(node("set_field", field="stage", value="value", days=7)))
    go(acme, account)
    with tenant_context(acme):
        stage.run(acme)
        assert Account.objects.get().stage == LifecycleStage.VALUE


def test_a_value_that_the_attribute_does_not_take_is_a_reason(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="seats_wanted", label="Seats wanted", kind="number", actor=ACTOR)
    publish(acme, graph(node("set_field", field="attribute.seats_wanted", value="many")))
    go(acme, account)
    assert step(acme).outcome == "failed"
    assert step(acme).reason.startswith("field_refused: ")
    assert inside(acme).reason == "completed"


def test_a_field_must_be_one_of_the_tenants(acme: Tenant, account: Account) -> None:
    assert problems(acme, node("set_field", field="mrr", value=1)) == {"step/field"}
    assert problems(acme, node("set_field", field="stage", value="happy", days=0)) == {"step/value", "step/days"}


# --- Other systems ------------------------------------------------------------------------------------------------


def endpoint(tenant: Tenant, kind: str, **fields: Any) -> WebhookEndpoint:
    with tenant_context(tenant):
        return endpoint_create(url="https://hooks.example/in", kinds=[kind], actor=ACTOR, **fields)


def test_a_webhook_step_tells_those_who_want_to_know_once(acme: Tenant, account: Account) -> None:
    endpoint(acme, "journey.webhook", description="CRM")
    endpoint(acme, "signal.recorded", description="Other")
    publish(acme, graph(node("webhook", event="trial.extended", facts=["seats", "stage"])))
    go(acme, account)
    with tenant_context(acme):
        event = WebhookEvent.objects.get(kind="journey.webhook")
        assert WebhookDelivery.objects.filter(event=event).count() == 1
        enrollment = Enrollment.objects.get()
    data = json.loads(event.body)["data"]
    assert data["event"] == "trial.extended"
    assert data["account_name"] == account.name
    assert set(data["facts"]) == {"seats", "stage"}
    assert event.key == f"journey:{enrollment.pk}:step:1"


def test_a_webhook_step_names_one_endpoint(acme: Tenant, account: Account) -> None:
    endpoint(acme, "journey.webhook", description="CRM")
    wanted = endpoint(acme, "journey.webhook", description="Warehouse")
    publish(acme, graph(node("webhook", event="a", to="warehouse")))
    go(acme, account)
    with tenant_context(acme):
        assert WebhookDelivery.objects.get().endpoint_id == wanted.pk


def test_nobody_to_tell_is_a_reason(acme: Tenant, account: Account) -> None:
    publish(acme, graph(node("webhook", event="a")))
    go(acme, account)
    assert (step(acme).outcome, step(acme).reason) == ("skipped", "no_endpoint")


def test_a_slack_step_posts_its_words(acme: Tenant, account: Account) -> None:
    endpoint(acme, "journey.slack", description="#cs", dialect=EndpointDialect.SLACK)
    publish(acme, graph(node("slack", text="Look at {{ account.name }} <!channel>", to="#cs")))
    go(acme, account)
    with tenant_context(acme):
        event = WebhookEvent.objects.get(kind="journey.slack")
    sent = json.loads(slack_body(event.body))
    assert list(sent) == ["text"]
    assert sent["text"] == "Look at Northwind &lt;!channel&gt;"


def test_what_has_no_text_is_still_a_message_in_slack() -> None:
    told = {"type": "qbr.shared", "timestamp": "x", "data": {"account_name": "A&B", "quarter": "2026-Q1"}}
    assert json.loads(slack_body(json.dumps(told))) == {"text": "qbr.shared · A&amp;B"}


def test_bad_fields_are_named(acme: Tenant) -> None:
    assert problems(acme, node("webhook", event="No Blanks", facts=["no_such"])) == {"step/event", "step/facts/0"}
    assert problems(acme, node("slack", text="{{ nobody.name }}")) == {"step/text"}


def test_steps_are_left_out_for_held_out_accounts(acme: Tenant, account: Account) -> None:
    endpoint(acme, "journey.webhook")
    publish(acme, graph(node("webhook", event="a"), entry={"trigger": "qbr-expansion"}))
    stage.tag_expansion(acme, account)
    stage.evaluate(acme)
    with tenant_context(acme):
        Enrollment.objects.update(held_out=True)
    working.drain(acme.pk)
    assert (step(acme).outcome, step(acme).reason) == ("skipped", "holdout")
    with tenant_context(acme):
        assert not WebhookEvent.objects.exists()


def test_a_batch_that_is_walked_again_does_things_once(acme: Tenant, account: Account, monkeypatch: Any) -> None:
    endpoint(acme, "journey.webhook")
    publish(acme, graph(node("webhook", event="a")))
    stage.tag_expansion(acme, account)
    stage.evaluate(acme)

    def broken(effects: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "store", broken)
        engine.step_batch(acme.pk)
    with tenant_context(acme):
        assert not WebhookEvent.objects.exists()
        Enrollment.objects.update(due_at=Enrollment.objects.get().entered_at)
    working.drain(acme.pk)
    with tenant_context(acme):
        assert WebhookEvent.objects.count() == 1
        assert AccountState.objects.count() == 1


def test_the_new_kinds_read_as_sentences(acme: Tenant) -> None:
    raw = graph(
        node("set_field", "one", "two", field="stage", value="value"),
        node("webhook", "two", "three", event="trial.extended", to="CRM"),
        node("slack", "three", "four", text="Hello", to="#cs"),
        {"id": "four", "kind": "split", "arms": ARMS},
        email("a"),
    )
    with tenant_context(acme):
        told = [line.text for line in sentences(load(raw, known_facts()), known_facts())]
    assert "set the stage to value for 30 days" in told
    assert "tell another system “CRM”: trial.extended" in told
    assert "post to “#cs” in Slack: “Hello”" in told
    assert "split by chance: 30% “A”, 70% “B”" in told
    assert "A:" in told
