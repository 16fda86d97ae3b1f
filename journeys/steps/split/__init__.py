"""A split: accounts are dealt to arms by chance that never changes its mind.

The place of an account is ``sha256(salt:account) % 10000``. The salt names journey, node and phase, so that splits do
not hang together; changed arms are another phase, which deals anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from hub.registry.facts import Fact
from journeys.node_forms import NOWHERE, Arms, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import Config, Flaw, Flaws, NodeKind, Ports, node_kinds, port
from journeys.steps.base import Answer, Go, Stand, Step, steps

PLACES: Final = 10_000
MOST_ARMS: Final = 10


def arms_of(config: Config) -> list[Config]:
    arms = config.get("arms")
    return [arm for arm in arms if isinstance(arm, Mapping)] if isinstance(arms, list) else []


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    arms = arms_of(config)
    if not 2 <= len(arms) <= MOST_ARMS:
        yield Flaw("/arms", f"a split has 2 to {MOST_ARMS} arms")
    for index, arm in enumerate(arms):
        if type(arm.get("weight")) is not int or not 0 <= arm["weight"] <= 100:
            yield Flaw(f"/arms/{index}/weight", "weight must be a whole number of percent from 0 to 100")
        if not isinstance(arm.get("label"), str) or not arm["label"].strip():
            yield Flaw(f"/arms/{index}/label", "label must be a text")
    weights = [arm["weight"] for arm in arms if type(arm.get("weight")) is int]
    if arms and len(weights) == len(arms) and sum(weights) != 100:
        yield Flaw("/arms", f"the weights add up to {sum(weights)}, not to 100")


def words(config: Config, facts: Mapping[str, Fact]) -> str:
    shares = ", ".join(f"{arm.get('weight', '?')}% “{arm.get('label', '')}”" for arm in arms_of(config))
    return f"split by chance: {shares}"


def ports(config: Config) -> Ports:
    return [port(f"arm:{n}", f"/arms/{n}/next", arm.get("next")) for n, arm in enumerate(arms_of(config))]


def salt_of(journey_id: UUID, node_id: str, config: Config) -> str:
    """Names what is dealt: the journey, the node, and the phase, which is the arms with their weights."""
    arms = [[arm["label"], arm["weight"]] for arm in arms_of(config)]
    phase = sha256(json.dumps(arms, ensure_ascii=False).encode()).hexdigest()[:8]
    return f"{journey_id}:{node_id}:{phase}"


def place_of(salt: str, account_id: UUID) -> int:
    """The account's place, 0 to 9999; the same for ever under the same salt."""
    return int(sha256(f"{salt}:{account_id}".encode()).hexdigest(), 16) % PLACES


def arm_at(place: int, weights: Sequence[int]) -> int:
    """The index of the arm at a place; `weights` are percents that add up to 100."""
    end = 0
    for index, weight in enumerate(weights):
        end += weight * PLACES // 100
        if place < end:
            return index
    raise ValueError(f"no arm at {place} of {weights}")


def run(stand: Stand) -> Answer:
    """Held-out accounts are dealt too, so that arms compare with what would have been done."""
    arms = arms_of(stand.node.config)
    salt = salt_of(stand.enrollment.journey_id, stand.node.id, stand.node.config)
    place = place_of(salt, stand.enrollment.account_id)
    index = arm_at(place, [arm["weight"] for arm in arms])
    evidence: dict[str, Any] = {"salt": salt, "place": place, "arm": index, "label": arms[index]["label"]}
    return Go(f"arm:{index}", evidence=evidence)


node_kinds.register(
    NodeKind(
        key="split",
        title="Split",
        check=check,
        words=words,
        required=frozenset({"arms"}),
        fields=frozenset({"arms"}),
        ports=ports,
        order=61,
    )
)
node_forms.register(
    NodeForm(
        "split",
        (),
        {"arms": [{"label": label, "weight": 50, "next": NOWHERE} for label in "AB"]},
        Arms(
            "arms",
            "arm",
            (
                NodeField("label", "Name", help="Shown above its way."),
                NodeField("weight", "Share in percent", FieldKind.NUMBER, "All shares add up to 100.", most=100),
            ),
            {"label": "", "weight": 0},
            least=2,
            most=MOST_ARMS,
        ),
        order=61,
    )
)
steps.register(Step("split", run))
