from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.outbox.gates import Purpose


@dataclass(frozen=True)
class ReadyJourney:
    """A journey as it is installed: its first version's graph and the NRR hypothesis that it is registered with."""

    key: str
    name: str
    description: str
    purpose: Purpose
    owner: str
    hypothesis: dict[str, str]
    graph: dict[str, Any]


def button(url: str, label: str) -> str:
    """The one primary action of a message; the letter's style makes a link in a heading a button."""
    return f'<h2><a href="{url}">{label}</a></h2>'


GREETING = "<p>Hi{% if contact.first_name != '' %} {{ contact.first_name }}{% endif %},</p>"
SIGNED_CSM = "<p>{% if csm.first_name != '' %}{{ csm.first_name }}, {% endif %}{{ company.name }}</p>"
