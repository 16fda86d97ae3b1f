"""A message in a channel of Slack, for colleagues."""

from __future__ import annotations

from collections.abc import Mapping

from hub.outbox.rendering import TemplateError, render_text
from hub.registry.facts import Fact
from journeys.node_forms import NOWHERE, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import Config, Flaws, NodeKind, check_text, node_kinds
from journeys.outgoing import SLACK
from journeys.steps.acting import ask, where
from journeys.steps.base import Answer, Go, Stand, Step, steps


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_text(config, "text", "to")


def words(config: Config, facts: Mapping[str, Fact]) -> str:
    to = f" to “{config['to']}”" if config.get("to") else ""
    return f"post{to} in Slack: “{config.get('text', '')}”"


def run(stand: Stand) -> Answer:
    config = stand.node.config
    values = stand.world.values(stand.enrollment.account_id, None, stand.signal)
    try:
        text = render_text(config["text"], values, part="text")
    except TemplateError as error:
        return Go(outcome="failed", reason=f"template: {error}"[:200])
    data = {"text": text, **where(stand)}
    return ask(stand, "outbound.tell", {"kind": SLACK, "to": config.get("to", ""), "data": data})


node_kinds.register(
    NodeKind(
        key="slack",
        title="Slack",
        check=check,
        words=words,
        required=frozenset({"text"}),
        fields=frozenset({"text", "to"}),
        templates=("text",),
        order=33,
    )
)
node_forms.register(
    NodeForm(
        "slack",
        (
            NodeField("text", "Message", FieldKind.LONG, "Words in double braces are filled in.", liquid=True),
            NodeField("to", "Only the endpoint called", help="Such as #cs; empty: every one of Slack.", optional=True),
        ),
        {"text": "", "next": NOWHERE},
        acts=True,
        order=33,
        what="Writes a line into a channel.",
    )
)
steps.register(Step("slack", run, acts=True, holds_out=True))
