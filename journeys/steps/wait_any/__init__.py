"""A wait for the first of several signals and events, each with its own way on."""

from __future__ import annotations

from journeys.awaiting import MOST_ARMS
from journeys.node_forms import NOWHERE, Arms, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import NodeKind, check_wait_for, node_kinds, wait_for_ports, wait_for_words
from journeys.steps.base import Step, steps
from journeys.steps.wait_for import resume, run

node_kinds.register(
    NodeKind(
        key="wait_any",
        title="Wait for one of several",
        required=frozenset({"arms", "timeout", "on_timeout"}),
        fields=frozenset({"arms", "scope", "timeout", "on_timeout"}),
        check=check_wait_for,
        words=wait_for_words,
        ports=wait_for_ports,
        takes_time=True,
        timing=frozenset({"timeout", "arms"}),
        order=51,
    )
)
node_forms.register(
    NodeForm(
        "wait_any",
        (NodeField("timeout", "At most", FieldKind.WAIT),),
        {
            "arms": [{"signal": "", "next": NOWHERE}],
            "timeout": {"business_days": 5, "at": "09:00"},
            "on_timeout": NOWHERE,
        },
        Arms(
            "arms",
            "way",
            (
                NodeField("signal", "Until this signal comes", FieldKind.SIGNAL, optional=True),
                NodeField("event", "or this event of the product", optional=True),
                NodeField("label", "Name", help="Shown above its way.", optional=True),
            ),
            {"signal": ""},
            most=MOST_ARMS,
        ),
        order=51,
        what="Several signals or events, each with its own way on.",
    )
)
steps.register(Step("wait_any", run, resume))
