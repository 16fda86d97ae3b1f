"""A split: accounts are dealt to arms by chance that never changes its mind, or by the experiment that runs on it.

The place of an account is ``sha256(salt:account) % 10000``. The salt names journey, node and phase, so that splits do
not hang together; changed arms are another phase, which deals anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from hub.registry.facts import Fact
from journeys.experiments.arms import MOST, arms_of, check_shares
from journeys.experiments.assign import arm_at, place_of
from journeys.experiments.dealing import dealt
from journeys.node_forms import NOWHERE, Arms, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import Config, Flaw, Flaws, NodeKind, Ports, node_kinds, port
from journeys.steps.base import Answer, Go, Stand, Step, steps


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from (Flaw(*flaw) for flaw in check_shares(config, "a split"))


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


def run(stand: Stand) -> Answer:
    """Held-out accounts are dealt too, so that arms compare with what would have been done."""
    config = stand.node.config
    arms, told = arms_of(config), dealt(stand)
    if told:
        return Go(f"arm:{told['arm']}", evidence={**told, "label": arms[told["arm"]]["label"]})
    salt = salt_of(stand.enrollment.journey_id, stand.node.id, config)
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
            most=MOST,
        ),
        order=61,
        what="Deals accounts to ways by chance, in the shares you say.",
    )
)
steps.register(Step("split", run))
