"""The plays that ship: made of the ready journeys, of tasks with a playbook, and of asks. Each asks first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from hub.outbox.gates import Purpose
from journeys.decisions.terms import Autonomy, Terms

# What the field quotes: composite triggers convert more than 40%, single ones 10 to 15% (docs/next-best-action.md).
COMPOSITE: Final = ((4.0, 6.0), "supposed: composite triggers are said to convert more than 40%")
SINGLE: Final = ((1.0, 7.0), "supposed: single triggers are said to convert 10 to 15%")
EVEN: Final = ((2.0, 2.0), "supposed: nobody knows yet, even chances")
PAYS: Final = {"fact": "mrr_minor", "op": "gt", "value": 0}


@dataclass(frozen=True)
class ShippedPlay:
    """A play as it is installed."""

    key: str
    name: str
    description: str
    action: str
    config: dict[str, Any]
    triggers: tuple[str, ...]
    purpose: Purpose
    worth: str
    belief: tuple[tuple[float, float], str]
    stages: tuple[str, ...] = ()
    rule: dict[str, Any] = field(default_factory=lambda: dict(PAYS))
    more: dict[str, Any] = field(default_factory=dict)

    def terms(self) -> Terms:
        prior, source = self.belief
        return Terms(
            action=self.action, config=self.config, triggers=tuple(sorted(self.triggers)), stages=self.stages,
            rule=self.rule, purpose=self.purpose, worth=self.worth, prior=prior, prior_source=source,
            autonomy=Autonomy.ASK, **self.more,
        )  # fmt: skip


def _journey(key: str) -> dict[str, Any]:
    return {"journey": key}


def _task(title: str, playbook: str, days: int = 2) -> dict[str, Any]:
    return {"title": title, "playbook": playbook, "due_business_days": days}


SHIPPED: Final = (
    ShippedPlay(
        "save-journey", "Help with their goals", "Starts the save journey where its own trigger has not fired yet.",
        "journey.start", _journey("save"), ("users-falling", "frequency-falling", "health-red", "use-narrow"),
        Purpose.SAVE, "at_risk", SINGLE, more={"window_days": 60, "cooldown_days": 60},
    ),
    ShippedPlay(
        "upsell-journey", "Educate before they buy", "Starts the upsell journey where an account is ready to expand.",
        "journey.start", _journey("upsell"),
        ("expansion-ready", "expansion-seats", "expansion-tier", "expansion-cross-sell", "seats-near-limit",
         "quota-near-limit", "team-growth", "use-case-new"),
        Purpose.EXPANSION, "expansion", COMPOSITE, more={"window_days": 90, "cooldown_days": 60},
    ),
    ShippedPlay(
        "call-at-risk", "Call before the renewal", "The owner talks to the sponsor while there is time to change it.",
        "task.open",
        _task(
            "Call the sponsor about the renewal",
            "Before the call: read the value ledger, open tickets and the last review. Ask what has to be true for"
            " them to renew, agree on one thing that you will mend and by when, and write the answer down as a note.",
        ),
        ("renewal-at-risk", "health-dropped"), Purpose.RENEWAL, "at_risk", COMPOSITE, more={"window_days": 45},
    ),
    ShippedPlay(
        "meet-champion", "Meet the new champion", "Somebody new is won over within five business days.",
        "task.open",
        _task(
            "Meet whoever follows the champion",
            "Ask the sponsor who takes over. Show the newcomer what was promised and what was reached, offer a"
            " session for their team, and check whether the sponsor still stands behind it.", 5,
        ),
        ("champion-departed", "champion-missing", "single-threaded"), Purpose.CHAMPION_SUCCESSION, "at_risk", SINGLE,
        more={
            "window_days": 30,
            "success": {"fact": "trigger_stands", "with": {"trigger": "champion-missing"}, "op": "eq", "value": False},
        },
    ),
    ShippedPlay(
        "unstick-onboarding", "Unstick the onboarding", "Finds out what is in the way and agrees on a date.",
        "task.open",
        _task(
            "Get the onboarding going again",
            "Look which milestone stands still and who owns it. Call, ask what is in the way, do the next step"
            " together on the call, and agree on the date of the one after it.",
        ),
        ("onboarding-stalled", "milestone-overdue"), Purpose.ONBOARDING, "adoption", EVEN,
        rule={"all": []}, more={"window_days": 21},
    ),
    ShippedPlay(
        "show-more-features", "Show what they do not use", "A session on what others like them get most from.",
        "task.open",
        _task(
            "Offer a session on what they do not use yet",
            "Pick one feature that fits a goal of theirs. Bring an example from an account like theirs, set it up"
            " with them, and look after two weeks whether it is used.", 3,
        ),
        ("adoption-narrow-day-45", "use-narrow"), Purpose.ADOPTION, "adoption", SINGLE, more={"window_days": 45},
    ),
    ShippedPlay(
        "mend-after-low-score", "Answer an unhappy customer", "A person answers within two days.",
        "task.open",
        _task(
            "Answer the low score in person",
            "Read what they wrote and their open tickets first. Thank them, say what you understood, promise only"
            " what you can keep, and tell them when it is done.", 2,
        ),
        ("nps-detractor", "csat-low"), Purpose.SAVE, "at_risk", SINGLE, more={"window_days": 30},
    ),
    ShippedPlay(
        "ask-review", "Ask for a review", "Asked while they are happiest, and nobody twice within 60 days.",
        "ask.create",
        {"ask": "review", "role": "champion", "text": "Would you write a few honest lines about us?"},
        ("nps-promoter", "csat-high", "advocacy-shown", "community-active"), Purpose.ADVOCACY, "reference", EVEN,
        rule={"all": [PAYS, {"fact": "health_band", "op": "ne", "value": "red"}]},
        more={"window_days": 21, "cooldown_days": 90},
    ),
)  # fmt: skip
