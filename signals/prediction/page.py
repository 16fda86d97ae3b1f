"""A model's card and an account's predictions in words, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hub.shell.charts import Series, Unit, XYChart
from signals.prediction.models import Kind, ModelStatus, Prediction, PredictionModel, Target

TONES: Final = {
    "validated": "success", "no_signal": "warning", "not_enough": "muted", "refused": "error", "failed": "error",
}  # fmt: skip
WORDS: Final = {
    Target.CHURN: "Churn by contract lines",
    Target.CLAIM: "Churn as sources report it",
    Target.EXPANSION: "Expansion",
}
MEANING: Final = {
    Target.CHURN: "an account that pays pays nothing 90 days later",
    Target.CLAIM: "a source reports churn of a paying account within 90 days",
    Target.EXPANSION: "an account that pays pays more 90 days later",
}
# As in signals/prediction/validation.py, which only workers import.
DRIFTED: Final = 0.25


@dataclass(frozen=True, slots=True)
class FeatureLine:
    """A feature on the card: how well it ranks alone, how often it is missing, how far it has moved."""

    label: str
    alone: float | None
    missing: float | None
    psi: float | None

    @property
    def drifted(self) -> bool:
        return self.psi is not None and self.psi > DRIFTED


def card_context(model: PredictionModel) -> dict[str, Any]:
    """What the page of a model shows."""
    found = model.validation
    return {
        "model": model,
        "words": WORDS[Target(model.target)],
        "meaning": MEANING[Target(model.target)],
        "tone": TONES.get(model.status, "info"),
        "found": found,
        "parts": _parts(found.get("parts", {})),
        "lines": _features(model),
        "chart": _reliability(found.get("reliability", [])),
        "may_be_published": model.status == ModelStatus.VALIDATED and not model.is_published,
        "drifted": [line.label for line in _features(model) if line.drifted],
    }


def _parts(parts: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    names = {"learned": "Learned from", "calibrated": "Calibrated with", "tested": "Tested on, later"}
    return [(words, parts[name]) for name, words in names.items() if name in parts]


def _features(model: PredictionModel) -> list[FeatureLine]:
    alone, missing = model.validation.get("alone", {}), model.validation.get("missing", {})
    psi = model.drift.get("psi", {})
    found = [
        FeatureLine(one["label"], alone.get(one["key"]), missing.get(one["key"]), psi.get(one["key"]))
        for one in model.features
    ]
    return sorted(found, key=lambda line: (-(line.alone or 0), line.label))


def _reliability(rows: Sequence[Mapping[str, Any]]) -> XYChart | None:
    if not rows:
        return None
    return XYChart(
        "line", "Predicted and what came, on the later days", Unit("percent", "of the accounts"),
        [f"{100 * row['predicted']:.1f}%" for row in rows],
        [
            Series("Predicted", [row["predicted"] for row in rows], dashed=True),
            Series("Came", [row["came"]["value"] for row in rows]),
        ],
        x_name="Predicted, by tenths of the rows",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A prediction on an account's page, with what moves it."""

    words: str
    prediction: Prediction
    tone: str
    raises: Sequence[Mapping[str, Any]]
    lowers: Sequence[Mapping[str, Any]]


def account_predictions(account_id: UUID) -> list[Said]:
    """What published models say of an account. One query."""
    rows = Prediction.objects.select_related("model").filter(account_id=account_id, model__is_published=True)
    return [_said(row) for row in rows.order_by("kind")]


def _said(row: Prediction) -> Said:
    tone = _tone(Kind(row.kind), row.percent)
    up = [one for one in row.reasons if one["effect"] > 0]
    return Said(Kind(row.kind).label, row, tone, up, [one for one in row.reasons if one["effect"] < 0])


def _tone(kind: Kind, percent: int) -> str:
    if kind is Kind.EXPANSION:
        return "success" if percent >= 50 else "muted"
    return "error" if percent >= 50 else "warning" if percent >= 20 else "muted"
