"""E-mail to the contacts that hold a role."""

from __future__ import annotations

from journeys.node_forms import NodeField, node_forms
from journeys.steps.base import Answer, Stand, Step, steps
from journeys.steps.messages import message_form, send


def run(stand: Stand) -> Answer:
    return send(stand, channel="email", subject="subject")


node_forms.register(
    message_form(
        "email",
        NodeField("subject", "Subject", liquid=True),
        order=10,
        what="To contacts by role, in the language of each.",
    )
)
steps.register(Step("email", run, acts=True))
