"""The vocabulary of message templates, with sample values; publishing checks every variable against it."""

from __future__ import annotations

from typing import Any, Final

_PERSON: Final = {"name": "Kim Park", "first_name": "Kim", "email": "kim@northwind.example"}


class _Facts(dict[str, Any]):
    """Every registered fact, whenever it was registered."""

    def __contains__(self, name: object) -> bool:
        from hub.registry.facts import facts

        return name in facts

    def __missing__(self, name: str) -> None:
        return None


SAMPLE: Final[dict[str, Any]] = {
    "account": {"name": "Northwind", "industry": "Logistics", "tier": "Team"},
    "contact": _PERSON,
    "csm": {"name": "Ada Brandt", "first_name": "Ada", "email": "ada@acme.example"},
    "company": {"name": "Acme", "currency": "USD"},
    "facts": _Facts(),
    "signal": {"sentence": "Reached the milestone “Connect your data”", "title": "Connect your data", "text": ""},
    "milestones": {
        "done": 2,
        "total": 4,
        "left": 2,
        "latest": "Connect your data",
        "next": "Share the first report",
        "next_description": "Send a result to somebody who asked for it.",
    },
    "objectives": [{"title": "Close the month in 3 days", "target": 3, "current": 5, "unit": "days", "due_on": None}],
    "story": {
        "title": "Month-end close in three days",
        "customer": "a logistics company of 300 people",
        "text": "They shared the first report in week two and closed the books five days sooner.",
        "url": "https://acme.example/stories/close",
    },
    "hub_url": "https://hub.example/",
    "plan_url": "https://hub.example/plan/",
}
