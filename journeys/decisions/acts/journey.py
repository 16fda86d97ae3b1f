"""Start a journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hub.registry.actions import Action, ActionRequest, ActionResult, actions
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake
from journeys.decisions.acts.base import Config, Hindrance, Hindrances, PlayAct, Plays
from journeys.decisions.models import Choice
from journeys.decisions.terms import PlayError, Terms
from journeys.engine import JOURNEYS, goal_since
from journeys.entries import Arrival, Entering
from journeys.models import Cause, Decision, Journey, JourneyStatus
from journeys.world import World
from signals.models import Signal

START = "journey.start"
INSIDE = ("already_inside",)


def start(request: ActionRequest) -> ActionResult:
    """Start the journey called ``journey`` at the account, whose lock the caller holds; once for each cause."""
    from django.utils import timezone

    journey = Journey.objects.filter(key=str(request.params["journey"])).first()
    if journey is None:
        return ActionResult(False, "no_such_journey", "there is no such journey")
    key = f"{journey.key}:{request.cause}"[:200]
    before = Decision.objects.filter(account_id=request.account_id, cause=Cause.CHOICE, key=key).first()
    if before is not None:
        return _told(before, journey)
    entering = Entering(World(Tenant.objects.get(pk=request.tenant_id), [request.account_id], timezone.now()))
    label = str(request.params.get("label", "")) or f"“{journey.name}” was chosen"
    about = Signal.objects.filter(pk=request.params["signal"]).first() if request.params.get("signal") else None
    arrival = Arrival(request.account_id, Cause.CHOICE, timezone.now(), key=key, label=label, about=about)
    decision = entering.decide(arrival, [journey])
    entering.store()
    wake(JOURNEYS)
    return _told(decision, journey)


def _told(decision: Decision, journey: Journey) -> ActionResult:
    if decision.enrollment_id:
        return ActionResult(True, text=f"“{journey.name}” began")
    return ActionResult(False, decision.outcome, decision.why or f"“{journey.name}” did not begin")


def register() -> None:
    actions.register(Action(START, "Start a journey", start, {"journey": "its key", "signal": "what it is about"}))


# --- As a play ----------------------------------------------------------------------------------------------------


def check(config: Config) -> None:
    key = config.get("journey")
    if not isinstance(key, str) or not Journey.objects.filter(key=key[:64]).exists():
        raise PlayError("config", "choose a journey that there is")


def words(config: Config) -> str:
    return f"start the journey “{config.get('journey', '')}”"


def hindrances(world: World, plays: Plays) -> Hindrances:
    """By the journey's own guards: paused, inside, no second time, its rule, its goal met, another that comes first."""
    by_key = {journey.key: journey for journey in world.journeys.values()}
    entering = Entering(world)
    found: dict[tuple[UUID, str], Hindrance] = {}
    for play, terms in plays.items():
        journey = by_key.get(str(terms.config.get("journey")))
        for account_id in world.account_ids:
            found[account_id, play] = _hindrance(entering, journey, account_id)
    return found


def _hindrance(entering: Entering, journey: Journey | None, account_id: UUID) -> Hindrance:
    if journey is None:
        return Hindrance(blocked=("no_such_journey", "the journey is gone"))
    if journey.status == JourneyStatus.ARCHIVED:
        return Hindrance(blocked=("archived", f"“{journey.name}” was archived"))
    code, text = entering.refusal(journey, Arrival(account_id, Cause.CHOICE, entering.world.now))
    if code in INSIDE:
        return Hindrance(running=f"the account is in “{journey.name}”")
    return Hindrance(blocked=(code, text))


def programme(config: Config, world: World) -> bool:
    journey = next((j for j in world.journeys.values() if j.key == config.get("journey") and j.live), None)
    if journey is None:
        return False
    graph = world.graph(journey.pk, journey.live)
    return any(node.config.get("class") == "programme" for node in graph.nodes.values())


def params(choice: Choice, terms: Terms) -> dict[str, Any]:
    label = f"Next best action: {choice.play.name}"
    return {"journey": terms.config["journey"], "signal": choice.signal_id, "label": label}


def measured(world: World, terms: Terms, choices: Sequence[Choice]) -> Mapping[UUID, bool]:
    """Whether the journey's goal was reached since the choice; of a journey without one nothing is said."""
    journey = next((j for j in world.journeys.values() if j.key == terms.config.get("journey") and j.live), None)
    graph = world.graph(journey.pk, journey.live) if journey else None
    if graph is None or not graph.goals:
        return {}
    return {c.pk: goal_since(world, graph, c.account_id, c.at) is not None for c in choices}


ACT = PlayAct(
    START,
    "Start a journey",
    check,
    words,
    hindrances,
    programme,
    params,
    outcomes=measured,
    measured=measured,
    order=10,
)
