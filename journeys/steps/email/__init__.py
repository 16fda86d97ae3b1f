"""E-mail to the contacts that hold a role."""

from __future__ import annotations

from journeys.steps.base import Answer, Stand, Step, steps
from journeys.steps.messages import send


def run(stand: Stand) -> Answer:
    return send(stand, channel="email", subject="subject")


steps.register(Step("email", run, acts=True))
