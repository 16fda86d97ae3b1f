"""Write a line into the account's QBR of this quarter, for colleagues alone or for the customer, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.outbox.rendering import TemplateError, render_text
from hub.registry.facts import Fact
from journeys.node_forms import NOWHERE, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import Config, Flaw, Flaws, NodeKind, check_choice, check_text, node_kinds
from journeys.steps.acting import ask
from journeys.steps.base import Answer, Go, Stand, Step, steps

BLOCKS: Final = {"narrative": "the narrative", "goals": "the goals", "next_steps": "the next steps"}


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_text(config, "text")
    yield from check_choice(config, "block", BLOCKS)
    if not isinstance(config.get("shared", False), bool):
        yield Flaw("/shared", "shared is true or false")


def run(stand: Stand) -> Answer:
    config = stand.node.config
    values = stand.world.values(stand.enrollment.account_id, None, stand.signal)
    try:
        text = render_text(config["text"], values, part="text")
    except TemplateError as error:
        return Go(outcome="failed", reason=f"template: {error}"[:200])
    params = {"block": config.get("block", "narrative"), "text": text, "shared": bool(config.get("shared"))}
    return ask(stand, "qbr.update", params)


node_kinds.register(
    NodeKind(
        key="update_qbr",
        title="Update the QBR",
        check=check,
        words=lambda c, f: (
            f"write “{c.get('text', '')}” into {BLOCKS.get(str(c.get('block', 'narrative')), 'the QBR')}"
        ),
        required=frozenset({"text"}),
        fields=frozenset({"text", "block", "shared"}),
        templates=("text",),
        order=36,
    )
)
node_forms.register(
    NodeForm(
        "update_qbr",
        (
            NodeField("text", "Line", FieldKind.LONG, "Words in double braces are filled in.", liquid=True),
            NodeField("block", "Into", FieldKind.CHOICE, choices=tuple(BLOCKS.items())),
            NodeField("shared", "The customer sees it", FieldKind.FLAG, optional=True),
        ),
        {"text": "", "block": "narrative", "next": NOWHERE},
        acts=True,
        order=36,
        what="Adds a line to the review of this quarter.",
    )
)
steps.register(Step("update_qbr", run, acts=True, holds_out=True))
