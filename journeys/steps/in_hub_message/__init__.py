"""A message in the customer's hub."""

from __future__ import annotations

from journeys.node_forms import NodeField, node_forms
from journeys.steps.base import Answer, Stand, Step, steps
from journeys.steps.messages import message_form, send


def run(stand: Stand) -> Answer:
    return send(stand, channel="in_hub", subject="title")


node_forms.register(
    message_form(
        "in_hub_message",
        NodeField("title", "Title", liquid=True),
        order=20,
        what="Shown to contacts when they open their hub.",
    )
)
steps.register(Step("in_hub_message", run, acts=True))
