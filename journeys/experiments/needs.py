"""How many accounts a plan needs and how long the journey takes to let them in."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from journeys.experiments.arms import arms_of
from journeys.experiments.kinds import Kind
from journeys.experiments.measures import measures
from journeys.experiments.models import Experiment, Reading
from journeys.experiments.selectors import baseline_of, entry_rate
from journeys.experiments.services import live_node


@dataclass(frozen=True)
class Need:
    """Accounts in each arm and in all, days until they have entered (None: nobody enters), and what they detect.

    ``spread`` is the standard deviation that amounts were reckoned with; ``assumed``: nobody knows it yet.
    """

    per_arm: int
    total: int
    days: int | None
    rate: float
    spread: float = 0.0
    assumed: bool = False


def need_of(experiment: Experiment) -> Need | None:
    """What an experiment needs; None while baseline or change are not said, or no number would do."""
    from journeys.experiments.sizing import Plan, accounts_for_amount, accounts_for_share

    baseline, change = experiment.baseline, experiment.change
    if baseline is None or not change:
        return None
    node = live_node(experiment) if experiment.node_id else None
    arms = len(arms_of(node.config)) if node else 2
    plan = Plan(arms, experiment.alpha, experiment.power, experiment.reading == Reading.SEQUENTIAL)
    measure, spread, assumed = measures.get(experiment.measure), 0.0, False
    if measure.kind is Kind.SHARE:
        per_arm = accounts_for_share(baseline, change, plan)
    else:
        known = baseline_of(experiment.journey, measure, experiment.argument, experiment.window_days)
        # Without accounts to learn it from: as uneven as amounts of accounts usually are, or more.
        spread, assumed = (known[1], False) if known and known[1] else (abs(baseline) or 1.0, True)
        per_arm = accounts_for_amount(spread, change, plan)
    if per_arm is None:
        return None
    rate = entry_rate(experiment.journey)
    total = _dealt(per_arm, experiment, arms)
    return Need(per_arm, total, ceil(total / rate) if rate else None, rate, spread, assumed)


def _dealt(per_arm: int, experiment: Experiment, arms: int) -> int:
    """Accounts in all so that the smallest arm has enough."""
    node = live_node(experiment) if experiment.node_id else None
    weights = [int(arm["weight"]) for arm in arms_of(node.config)] if node else []
    if not experiment.node_id and experiment.journey.holdout_percent:
        weights = [experiment.journey.holdout_percent, 100 - experiment.journey.holdout_percent]
    least = min((weight for weight in weights if weight), default=100 // arms)
    return ceil(per_arm * 100 / least)
