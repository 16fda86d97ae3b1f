"""The actions that plays can choose, a module each."""

from __future__ import annotations

from journeys.decisions.acts.base import play_acts


def load() -> None:
    """Register every action that a play can choose."""
    from journeys.decisions.acts import ask, journey, task

    for act in (journey.ACT, task.ACT, ask.ACT):
        play_acts.register(act)
