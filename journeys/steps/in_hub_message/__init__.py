"""A message in the customer's hub."""

from __future__ import annotations

from journeys.steps.base import Answer, Stand, Step, steps
from journeys.steps.messages import send


def run(stand: Stand) -> Answer:
    return send(stand, channel="in_hub", subject="title")


steps.register(Step("in_hub_message", run, acts=True))
