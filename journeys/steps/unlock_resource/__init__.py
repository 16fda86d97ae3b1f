"""Let the account have a resource in its hub: a link or a file that the tenant keeps."""

from __future__ import annotations

from collections.abc import Mapping

from hub.registry.facts import Fact
from journeys.node_forms import NOWHERE, NodeField, NodeForm, node_forms
from journeys.node_kinds import Config, Flaws, NodeKind, check_text, node_kinds
from journeys.steps.acting import ask
from journeys.steps.base import Answer, Stand, Step, steps


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_text(config, "resource")


def run(stand: Stand) -> Answer:
    return ask(stand, "resource.unlock", {"resource": stand.node.config["resource"]})


node_kinds.register(
    NodeKind(
        key="unlock_resource",
        title="Unlock a resource",
        check=check,
        words=lambda c, f: f"unlock the resource {c.get('resource', '')}",
        required=frozenset({"resource"}),
        fields=frozenset({"resource"}),
        order=34,
    )
)
node_forms.register(
    NodeForm(
        "unlock_resource",
        (NodeField("resource", "Resource", help="Its name, as the list of resources shows it."),),
        {"resource": "", "next": NOWHERE},
        acts=True,
        order=34,
        what="A guide or file appears in the customer’s hub.",
    )
)
steps.register(Step("unlock_resource", run, acts=True, holds_out=True))
