"""Back-tests of a draft to their end, without a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.people.audit import Actor
from signals.backtest.draft import Draft
from signals.backtest.models import BacktestRun
from signals.backtest.services import backtest_start
from signals.backtest.working import run_step
from signals.health.cards import checked
from signals.health.models import Scorecard
from tests.world import ACTOR

EVERY: dict[str, Any] = {"all": []}


def finished(run: BacktestRun) -> BacktestRun:
    """The run after all of its steps, in the caller's transaction."""
    while run_step(run):
        pass
    return run


def backtested(
    measures: Sequence[Mapping[str, Any]],
    bands: tuple[int, int] = (40, 70),
    *,
    rule: Any = None,
    card: Scorecard | None = None,
    actor: Actor = ACTOR,
) -> BacktestRun:
    """A finished back-test of a draft, for the tenant in context."""
    draft = Draft(checked(measures, *bands), *bands, rule or (card.rule if card else EVERY))
    position = card.position if card else 0
    return finished(backtest_start(draft=draft, name="draft", position=position, scorecard=card, actor=actor))
