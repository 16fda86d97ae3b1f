"""What the success of a play is worth in a year, in minor units: stated formulas, each with its words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

# The share of revenue that is at risk where no churn model is published; stated, and named in every reason.
RISK_OF_BAND: Final[Mapping[str, int]] = {"red": 40, "yellow": 15, "green": 5}
RISK_UNKNOWN: Final = 10
USUAL_EXPANSION: Final = 20
USUAL_ADOPTION: Final = 10
USUAL_REFERENCE: Final = 5

FACTS: Final = ("mrr_minor", "health_band", "churn_risk")
"""What the formulas read."""


@dataclass(frozen=True, slots=True)
class Worth:
    """An amount a year in minor units, and how it came about."""

    minor: int
    words: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A way to say what a success is worth. ``percent`` is the share that it takes unless a play says another."""

    key: str
    title: str
    percent: int | None
    words: Callable[[int], str]


FORMULAS: Final[Mapping[str, Formula]] = {
    formula.key: formula
    for formula in (
        Formula("at_risk", "Revenue at risk", None, lambda n: f"{n}% of ARR is at risk"),
        Formula("expansion", "A usual expansion", USUAL_EXPANSION, lambda n: f"an expansion of {n}% of ARR"),
        Formula("adoption", "What adoption keeps", USUAL_ADOPTION, lambda n: f"adoption keeps {n}% of ARR"),
        Formula("reference", "A reference", USUAL_REFERENCE, lambda n: f"a reference is worth {n}% of ARR"),
    )
}


def worth_of(formula: str, percent: int | None, facts: Mapping[str, Any]) -> Worth:
    """What the success of a play is worth at an account with these facts."""
    arr = 12 * int(facts.get("mrr_minor") or 0)
    known = FORMULAS[formula]
    share = percent if percent is not None else known.percent
    if share is not None:
        return Worth(arr * share // 100, known.words(share))
    risk, why = _risk(facts)
    return Worth(arr * risk // 100, f"{known.words(risk)}: {why}")


def _risk(facts: Mapping[str, Any]) -> tuple[int, str]:
    predicted = facts.get("churn_risk")
    if predicted is not None:
        return round(float(predicted)), "what the churn model predicts"
    band = str(facts.get("health_band") or "")
    if band in RISK_OF_BAND:
        return RISK_OF_BAND[band], f"the usual share where health is {band}"
    return RISK_UNKNOWN, "the usual share where health is not known"
