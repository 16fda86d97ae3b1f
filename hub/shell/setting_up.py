"""The set-up guide and the six-month plan, as far as a person's role may see what their steps lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse

from hub.people.permissions import allowed
from hub.registry.panels import TodayPanel, today_panels
from hub.registry.setup import PLAN, Part, SetupState, SetupStep, setup_steps


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step with its state and, for those who may do it, where."""

    step: SetupStep
    state: SetupState
    url: str


@dataclass(frozen=True, slots=True)
class PartShown:
    """A part of the six-month plan."""

    title: str
    when: str
    steps: list[StepShown]

    @property
    def done(self) -> int:
        return sum(shown.state.done for shown in self.steps)


def steps_of(part: Part, slug: str, role: str) -> Iterator[StepShown]:
    """The steps of a part in order; each is read when it is asked for."""
    for step in setup_steps:
        if step.part == part:
            url = reverse(step.url_name, kwargs={"tenant": slug}) if allowed(role, step.permission) else ""
            yield StepShown(step, step.read(), url)


def plan_of(slug: str, role: str) -> list[PartShown]:
    """The six-month plan."""
    return [PartShown(title, when, list(steps_of(part, slug, role))) for part, (title, when) in PLAN.items()]


def today_panel(request: Any) -> str | None:
    """The next step of the guide, until all of them are done. It asks no further than the first that is not."""
    guide = steps_of("guide", request.tenant.slug, request.membership.role)
    following = next((shown for shown in guide if not shown.state.done), None)
    if following is None:
        return None
    return render_to_string("shell/_setup_panel.html", {"next": following}, request=request)


def register() -> None:
    today_panels.register(TodayPanel("setup", "Set-up", 5, "today.view", today_panel))
