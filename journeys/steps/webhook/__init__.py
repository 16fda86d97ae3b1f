"""Tell another system: a signed webhook with the facts that the step names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from hub.registry.facts import Fact
from journeys.node_forms import NOWHERE, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import Config, Flaw, Flaws, NodeKind, check_text, node_kinds
from journeys.outgoing import WEBHOOK
from journeys.steps.acting import ask, where
from journeys.steps.base import Answer, Stand, Step, steps

_EVENT: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}\Z")
MOST_FACTS: Final = 50


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    event, told = config.get("event"), config.get("facts", [])
    if not isinstance(event, str) or not _EVENT.match(event):
        yield Flaw("/event", "event must be lower-case letters, digits, dots and dashes, such as trial.extended")
    yield from check_text(config, "to")
    if not isinstance(told, list) or len(told) > MOST_FACTS:
        yield Flaw("/facts", f"facts is a list of at most {MOST_FACTS}")
        return
    for index, name in enumerate(told):
        if not isinstance(name, str) or name not in facts:
            yield Flaw(f"/facts/{index}", f"unknown fact {name!r}")


def words(config: Config, facts: Mapping[str, Fact]) -> str:
    to = f" “{config['to']}”" if config.get("to") else ""
    return f"tell another system{to}: {config.get('event', '')}"


def run(stand: Stand) -> Answer:
    config = stand.node.config
    seen = stand.world.facts.get(stand.enrollment.account_id, {})
    facts = {name: seen.get(name) for name in config.get("facts", [])}
    data = {"event": config["event"], **where(stand), "facts": facts}
    return ask(stand, "outbound.tell", {"kind": WEBHOOK, "to": config.get("to", ""), "data": data})


node_kinds.register(
    NodeKind(
        key="webhook",
        title="Webhook",
        check=check,
        words=words,
        required=frozenset({"event"}),
        fields=frozenset({"event", "facts", "to"}),
        order=32,
    )
)
node_forms.register(
    NodeForm(
        "webhook",
        (
            NodeField("event", "What is told", help="A name for the other system, such as trial.extended."),
            NodeField(
                "facts", "With these facts", FieldKind.JSON, 'A list, such as ["seats", "stage"].', optional=True
            ),
            NodeField("to", "Only the endpoint called", help="Empty: all that are told of journeys.", optional=True),
        ),
        {"event": "", "next": NOWHERE},
        acts=True,
        order=32,
        what="Tells another system, signed.",
    )
)
steps.register(Step("webhook", run, acts=True, holds_out=True))
