"""Take the account out of another journey: what was still to come there does not come."""

from __future__ import annotations

from journeys.engine import after_leaving, leave
from journeys.models import Enrollment, EnrollmentStatus
from journeys.node_forms import NOWHERE, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import NodeKind, node_kinds
from journeys.steps.base import Answer, Go, Stand, Step, steps
from journeys.steps.start_journey import check, journey_of, journeys_offered
from journeys.storing import store_positions


def run(stand: Stand) -> Answer:
    journey = journey_of(stand)
    if journey is None:
        return Go(outcome="failed", reason="no_such_journey", evidence={"journey": stand.node.config["journey"]})
    inside = Enrollment.objects.select_related("journey").filter(
        account_id=stand.enrollment.account_id, journey=journey, status=EnrollmentStatus.ACTIVE
    )
    leaving = list(inside.exclude(pk=stand.enrollment.pk).order_by("id"))
    for enrollment in leaving:
        leave(enrollment, f"stopped:{stand.journey.key}", stand.world.now)
    moved = store_positions([(enrollment, enrollment.visit) for enrollment in leaving])
    after_leaving([enrollment for enrollment in leaving if enrollment.pk in moved])
    stand.effects.stopped |= moved
    if not moved:
        return Go(outcome="skipped", reason="not_inside", evidence={"journey": journey.key})
    return Go(evidence={"journey": journey.key, "stopped": [str(pk) for pk in sorted(moved)]})


node_kinds.register(
    NodeKind(
        key="stop_journey",
        title="Stop a journey",
        check=check,
        words=lambda c, f: f"stop the journey {c.get('journey', '')}",
        required=frozenset({"journey"}),
        fields=frozenset({"journey"}),
        order=64,
    )
)
node_forms.register(
    NodeForm(
        "stop_journey",
        (NodeField("journey", "Journey", FieldKind.CHOICE, choices=journeys_offered),),
        {"journey": "", "next": NOWHERE},
        acts=True,
        order=64,
        what="The account leaves another journey.",
    )
)
steps.register(Step("stop_journey", run, acts=True, holds_out=True))
