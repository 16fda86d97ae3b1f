"""What models may read: facts of a day that keep a past, and nothing that knows what came afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.registry.facts import Fact, FactKind, known_facts
from hub.registry.measures import ArgumentError, measure_of

TENURE: Final = "months_as_customer"
READ: Final = (FactKind.NUMBER, FactKind.MONEY)
# What is written when somebody leaves, or is made of it: it would tell the outcome, and be of no use beforehand.
AFTERWARDS: Final[Mapping[str, str]] = {
    "stage": "it turns to churned when an account leaves",
    "renews_on": "the end of a contract line is often written when notice is given",
    "source_churned": "it is the outcome in a source's words",
    "health_score": "it is made of other facts, and of what people know by then",
    "health_band": "it is made of other facts, and of what people know by then",
    "health_change": "it is made of other facts, and of what people know by then",
    "signals": "signals tell of renewals and of churn",
    "trigger_stands": "signals tell of renewals and of churn",
    "churn_risk": "a model does not read a model",
    "expansion_likelihood": "a model does not read a model",
}


class LeakageError(ValueError):
    """Features that know the outcome; the message names each and says why."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A number that a model reads of a day, by key: the fact that reads it, in words."""

    key: str
    fact: Fact

    @property
    def label(self) -> str:
        return self.fact.label


def _read(name: str, **given: Any) -> tuple[str, dict[str, Any]]:
    return name, given


USUAL: Final = (
    _read(TENURE),
    _read("mrr_minor"),
    _read("uses", days=30),
    _read("use_days", days=30),
    _read("events_used", days=30),
    _read("new_events", days=30),
    _read("users", days=30),
    _read("uses_change", days=30),
    _read("users_change", days=30),
    _read("use_days_change", days=30),
    _read("top_event_share", days=30),
    _read("seats_used", days=30),
    _read("tickets", days=30),
    _read("tickets", priority="urgent", days=90),
    _read("escalations", days=90),
    _read("tickets_standing"),
    _read("survey_score", survey="nps", days=180),
    _read("survey_score", survey="csat", days=180),
    _read("csat_90d"),
    _read("negative_texts", days=90),
    _read("mean_sentiment", days=90),
    _read("invoices_paid_late", days=180),
    _read("payments", status="failed", days=90),
    _read("people_left", days=90),
    _read("community_activities", days=90),
    _read("milestones_overdue"),
)


def usual_features() -> list[Feature]:
    """The features that a model reads when nothing else is said."""
    return features_checked([{"fact": name, "with": given} for name, given in USUAL])


def features_checked(asked: Sequence[Mapping[str, Any]]) -> list[Feature]:
    """Features from ``fact`` and ``with``. Raises LeakageError for what knows the outcome, ValueError for nonsense."""
    known, found, leaks = known_facts(), dict[str, Feature](), list[str]()
    for one in asked:
        name = str(one.get("fact") or "")
        if name in AFTERWARDS:
            leaks.append(f"{name}: {AFTERWARDS[name]}")
            continue
        fact = _fact(name, one.get("with") or {}, known)
        if fact.past is None:
            leaks.append(f"{fact.label}: it keeps no past, so today's value would be taken for the day")
            continue
        found[fact.name] = Feature(fact.name, fact)
    if leaks:
        raise LeakageError("these would know what came afterwards: " + "; ".join(leaks))
    return list(found.values())


def _fact(name: str, given: Mapping[str, Any], known: Mapping[str, Fact]) -> Fact:
    measure = measure_of(name)
    try:
        fact = measure.fact(given) if measure else known[name]
    except KeyError:
        raise ValueError(f"there is no fact {name!r}") from None
    except ArgumentError as error:
        raise ValueError(f"{name}: {error}") from None
    if fact.kind not in READ:
        raise ValueError(f"{fact.label} is not a number")
    return fact


def stored(features: Sequence[Feature]) -> list[dict[str, Any]]:
    """Features as a model keeps them."""
    return [
        {
            "key": feature.key,
            "label": feature.label,
            "fact": feature.fact.measure or feature.fact.name,
            "with": dict(feature.fact.arguments),
            "money": feature.fact.kind is FactKind.MONEY,
        }
        for feature in features
    ]


def is_tenure(feature: Mapping[str, Any]) -> bool:
    return bool(feature["fact"] == TENURE)
