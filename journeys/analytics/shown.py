"""The figures of a journey with its steps as the version that runs now names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.registry.facts import known_facts
from journeys.analytics.figures import JourneyFigures, flat, journey_figures
from journeys.models import Journey
from journeys.tree import Shown, TreeNode, goals, tree
from journeys.world import published_graph
from signals.models import Trigger


@dataclass(frozen=True, slots=True)
class ShownFigures:
    """`goals` are the goals of the version that runs now."""

    figures: JourneyFigures
    goals: list[TreeNode]


def figures_of(journey: Journey, *, since: datetime | None) -> ShownFigures:
    """Figures of the accounts that entered a published journey since then; None: ever."""
    graph = published_graph(journey.pk, journey.live)
    drawn = Shown(known_facts(), {}, dict(Trigger.objects.values_list("key", "name")))
    ends = goals(graph, drawn)
    nodes = [*flat(tree(graph, drawn)), *ends]
    return ShownFigures(journey_figures(journey, nodes, since=since, has_goal=bool(ends)), ends)
