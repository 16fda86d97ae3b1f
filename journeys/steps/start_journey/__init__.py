"""Start another journey at the account; what speaks against it there is the reason here."""

from __future__ import annotations

from collections.abc import Mapping

from hub.registry.facts import Fact
from journeys.entries import Arrival, Entering
from journeys.models import Cause, Journey
from journeys.node_forms import NOWHERE, FieldKind, NodeField, NodeForm, Options, node_forms
from journeys.node_kinds import Config, Flaws, NodeKind, check_text, node_kinds
from journeys.steps.base import Answer, Go, Stand, Step, steps


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_text(config, "journey")


def journey_of(stand: Stand) -> Journey | None:
    wanted = stand.node.config["journey"]
    return next((journey for journey in stand.world.journeys.values() if journey.key == wanted), None)


def run(stand: Stand) -> Answer:
    journey = journey_of(stand)
    if journey is None:
        return Go(outcome="failed", reason="no_such_journey", evidence={"journey": stand.node.config["journey"]})
    entering = Entering(stand.world)
    arrival = Arrival(
        stand.enrollment.account_id,
        Cause.JOURNEY,
        stand.world.now,
        key=stand.key[:200],
        label=f"Started by the journey “{stand.journey.name}”",
        origin=f"journey:{stand.journey.key}",
        depth=stand.enrollment.depth + 1,
    )
    decision = entering.decide(arrival, [journey])
    entering.store()
    evidence = {"journey": journey.key, "decision": str(decision.pk)}
    if decision.outcome != "entered":
        return Go(outcome="skipped", reason=decision.outcome, evidence={**evidence, "why": decision.why})
    return Go(evidence={**evidence, "enrollment": str(decision.enrollment_id)})


def journeys_offered() -> Options:
    return [(journey.key, journey.name) for journey in Journey.objects.order_by("name", "id")]


node_kinds.register(
    NodeKind(
        key="start_journey",
        title="Start a journey",
        check=check,
        words=lambda c, f: f"start the journey {c.get('journey', '')}",
        required=frozenset({"journey"}),
        fields=frozenset({"journey"}),
        order=63,
    )
)
node_forms.register(
    NodeForm(
        "start_journey",
        (NodeField("journey", "Journey", FieldKind.CHOICE, choices=journeys_offered),),
        {"journey": "", "next": NOWHERE},
        acts=True,
        order=63,
        what="The account enters another journey, too.",
    )
)
steps.register(Step("start_journey", run, acts=True, holds_out=True))
