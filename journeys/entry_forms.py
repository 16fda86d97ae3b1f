"""What a person may say about how a journey begins, a form for each way in, and when it is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from journeys.config_paths import with_values
from journeys.node_forms import FieldKind, NodeField, NodeForm, days_known
from journeys.node_kinds import Config

_AGAIN: Final = (
    NodeField(
        "reentry/rule",
        "The same account again",
        FieldKind.CHOICE,
        choices=(
            ("once", "never: once ever"),
            ("after_finish", "after finishing"),
            ("after_days", "after so many days"),
            ("per_key", "once per key (a renewal, an opportunity)"),
        ),
    ),
    NodeField("reentry/days", "Days between", FieldKind.NUMBER, optional=True, least=1, most=3650),
)
_ONLY: Final = NodeField("when", "Only accounts for which", FieldKind.RULE, optional=True)
ENTRIES: Final[Mapping[str, tuple[str, tuple[NodeField, ...]]]] = {
    "trigger": (
        "A signal",
        (
            NodeField("trigger", "Begins with the signal", FieldKind.SIGNAL),
            *_AGAIN,
            NodeField(
                "max_age_hours",
                "Signals no older than, in hours",
                FieldKind.NUMBER,
                "An older signal begins nothing: 24 unless told.",
                optional=True,
                least=1,
                most=8760,
            ),
            _ONLY,
        ),
    ),
    "segment": (
        "A segment",
        (
            NodeField("segment", "Segment", FieldKind.SEGMENT),
            NodeField(
                "on",
                "Begins when an account",
                FieldKind.CHOICE,
                choices=(("joined", "joins it"), ("left", "leaves it")),
            ),
            NodeField(
                "existing",
                "Also those who are in it when it is published",
                FieldKind.FLAG,
                "How many they are is shown before publishing.",
                optional=True,
            ),
            *_AGAIN,
            _ONLY,
        ),
    ),
    "date": (
        "A date",
        (
            NodeField("date", "Date of the account", FieldKind.CHOICE, choices=days_known),
            NodeField(
                "offset_days",
                "Days after it",
                FieldKind.NUMBER,
                "Below 0 for days before it.",
                optional=True,
                least=-730,
                most=730,
            ),
            NodeField("at", "At (local time)", help="Such as 09:00.", optional=True),
            *_AGAIN,
            _ONLY,
        ),
    ),
    "by": ("Somebody, or a program", (*_AGAIN, _ONLY)),
}
"""How a journey begins (the graph's ``entry``), by its way in: what it is called, and its fields."""


def entry_way(entry: Config) -> str:
    """Which of the ways in an entry is."""
    return next((way for way in ENTRIES if way in entry), "trigger")


def entry_with(entry: Config, way: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with these values, without what belongs to the other ways in."""
    own = {field.name.split("/")[0] for field in ENTRIES[way][1]}
    others = {field.name.split("/")[0] for _, fields in ENTRIES.values() for field in fields} | {"by"}
    kept = {name: value for name, value in entry.items() if name in own or name not in others}
    return with_values(kept, values) | ({"by": "hand"} if way == "by" else {})


EXIT_WHEN: Final = NodeForm("exit_when", (NodeField("exit_when", "Leave when", FieldKind.RULE, optional=True),))
"""The rule that takes an account out wherever it stands: the graph's own field."""
