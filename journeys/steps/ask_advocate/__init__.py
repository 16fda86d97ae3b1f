"""Ask a contact of the account for something: a review, a call, a story. Fairness is advocacy's to guard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.outbox.rendering import TemplateError, render_text
from hub.registry.facts import Fact
from journeys.node_forms import NOWHERE, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import Config, Flaw, Flaws, NodeKind, check_choice, check_text, node_kinds
from journeys.steps.acting import ask
from journeys.steps.base import Answer, Go, Stand, Step, steps

ASKS: Final = {
    "testimonial": "a testimonial",
    "review": "a review",
    "call": "a reference call",
    "logo": "the logo",
    "case_study": "a case study",
    "blog": "a blog post",
    "talk": "a talk",
    "webinar": "a webinar",
    "community": "help in the community",
    "board": "a seat on the advisory board",
    "referral": "a referral",
}


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_choice(config, "ask", ASKS)
    yield from check_text(config, "text", "role")
    if not isinstance(config.get("role", ""), str):
        yield Flaw("/role", "role must be a text")


def words(config: Config, facts: Mapping[str, Fact]) -> str:
    who = f"the {config['role'].replace('_', ' ')}" if isinstance(config.get("role"), str) else "an advocate"
    return f"ask {who} for {ASKS.get(str(config.get('ask')), 'something')}"


def run(stand: Stand) -> Answer:
    config = stand.node.config
    values = stand.world.values(stand.enrollment.account_id, None, stand.signal)
    try:
        text = render_text(config.get("text", ""), values, part="text")
    except TemplateError as error:
        return Go(outcome="failed", reason=f"template: {error}"[:200])
    roles = [config["role"]] if config.get("role") else []
    return ask(stand, "ask.create", {"kind": config["ask"], "roles": roles, "text": text})


node_kinds.register(
    NodeKind(
        key="ask_advocate",
        title="Ask an advocate",
        check=check,
        words=words,
        required=frozenset({"ask"}),
        fields=frozenset({"ask", "role", "text"}),
        templates=("text",),
        order=35,
    )
)
node_forms.register(
    NodeForm(
        "ask_advocate",
        (
            NodeField("ask", "For", FieldKind.CHOICE, choices=tuple(ASKS.items())),
            NodeField(
                "role", "Role of who is asked", help="Empty: somebody put forward as an advocate.", optional=True
            ),
            NodeField(
                "text", "What is said", FieldKind.LONG, "Words in double braces are filled in.", True, liquid=True
            ),
        ),
        {"ask": "review", "next": NOWHERE},
        acts=True,
        order=35,
        what="Asks a contact for a reference, a review, a story.",
    )
)
steps.register(Step("ask_advocate", run, acts=True, holds_out=True))
