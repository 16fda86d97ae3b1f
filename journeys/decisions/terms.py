"""The terms of a play: what it does, for whom, for what worth, and how freely. Read from JSON and checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from hub.outbox.gates import Purpose
from journeys.decisions.worths import FORMULAS

ANYBODY: Final[Mapping[str, Any]] = {"all": []}
MOST_DAYS: Final = 730
MOST_HOLDOUT: Final = 50
LONGEST: Final = 300


class Autonomy(StrEnum):
    """How freely a play acts: it is shown, it waits for somebody's word, or it is done after the time to undo it."""

    SUGGEST = "suggest"
    ASK = "ask"
    ACT = "act"


AUTONOMY_WORDS: Final = {
    Autonomy.SUGGEST: "Suggest: shown, nothing waits for it",
    Autonomy.ASK: "Ask first: somebody approves or vetoes it",
    Autonomy.ACT: "Act: done by itself after the time to undo it",
}


class PlayError(ValueError):
    """Terms that a play cannot have; ``field`` says which, the message why."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a play does (``action`` of the action registry with ``config``), and on which terms.

    It answers open signals of ``triggers`` and accounts in ``stages``, where ``rule`` is true. ``worth`` names a
    formula, ``worth_percent`` its share where it is not the usual one. ``prior`` is Beta(a, b), ``prior_source`` where
    that comes from. Days are counted from the choice: ``cooldown_days`` until it may be chosen again, ``window_days``
    until its outcome is read. ``success`` is a rule, None for what the action itself says.
    """

    action: str
    config: Mapping[str, Any]
    triggers: tuple[str, ...]
    stages: tuple[str, ...]
    rule: Mapping[str, Any]
    purpose: Purpose
    worth: str
    prior: tuple[float, float]
    prior_source: str
    worth_percent: int | None = None
    autonomy: Autonomy = Autonomy.ASK
    cooldown_days: int = 30
    window_days: int = 30
    holdout_percent: int = 10
    success: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "config": dict(self.config),
            "triggers": list(self.triggers),
            "stages": list(self.stages),
            "rule": dict(self.rule),
            "purpose": self.purpose.value,
            "worth": self.worth,
            "worth_percent": self.worth_percent,
            "prior": list(self.prior),
            "prior_source": self.prior_source,
            "autonomy": self.autonomy.value,
            "cooldown_days": self.cooldown_days,
            "window_days": self.window_days,
            "holdout_percent": self.holdout_percent,
            "success": dict(self.success) if self.success is not None else None,
        }


def terms_of(raw: Mapping[str, Any]) -> Terms:
    """Stored terms; they were checked when they were written."""
    a, b = raw["prior"]
    return Terms(
        action=raw["action"],
        config=raw["config"],
        triggers=tuple(raw["triggers"]),
        stages=tuple(raw["stages"]),
        rule=raw["rule"],
        purpose=Purpose(raw["purpose"]),
        worth=raw["worth"],
        worth_percent=raw["worth_percent"],
        prior=(a, b),
        prior_source=raw["prior_source"],
        autonomy=Autonomy(raw["autonomy"]),
        cooldown_days=raw["cooldown_days"],
        window_days=raw["window_days"],
        holdout_percent=raw["holdout_percent"],
        success=raw["success"],
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What terms may name: the tenant's triggers, the stages, the actions."""

    triggers: frozenset[str]
    stages: frozenset[str]
    actions: frozenset[str] = field(default=frozenset())


def terms_read(raw: Any, known: Known) -> Terms:
    """Terms as somebody sent them. Raises PlayError; rules and the action's own config are checked elsewhere."""
    if not isinstance(raw, dict):
        raise PlayError("terms", "expected an object")
    read = _Reader(raw)
    terms = Terms(
        action=read.choice("action", known.actions),
        config=read.mapping("config"),
        triggers=read.names("triggers", known.triggers),
        stages=read.names("stages", known.stages),
        rule=read.mapping("rule") or ANYBODY,
        purpose=Purpose(read.choice("purpose", frozenset(p.value for p in Purpose))),
        worth=read.choice("worth", frozenset(FORMULAS)),
        worth_percent=read.whole("worth_percent", 1, 1000) if raw.get("worth_percent") is not None else None,
        prior=read.prior(),
        prior_source=read.words("prior_source"),
        autonomy=Autonomy(read.choice("autonomy", frozenset(a.value for a in Autonomy), Autonomy.ASK.value)),
        cooldown_days=read.whole("cooldown_days", 1, MOST_DAYS, 30),
        window_days=read.whole("window_days", 1, MOST_DAYS, 30),
        holdout_percent=read.whole("holdout_percent", 0, MOST_HOLDOUT, 10),
        success=read.mapping("success") or None,
    )
    if not terms.triggers and not terms.stages:
        raise PlayError("triggers", "choose at least one signal or stage that it answers")
    return terms


class _Reader:
    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw

    def choice(self, name: str, choices: frozenset[str], default: str | None = None) -> str:
        value = self._raw.get(name, default)
        if not isinstance(value, str) or value not in choices:
            raise PlayError(name, f"choose one of {', '.join(sorted(choices))}")
        return value

    def names(self, name: str, known: frozenset[str]) -> tuple[str, ...]:
        value = self._raw.get(name, [])
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise PlayError(name, "expected a list of names")
        if unknown := sorted(set(value) - known):
            raise PlayError(name, f"there is no {', '.join(each[:64] for each in unknown[:5])}")
        return tuple(sorted(set(value)))

    def mapping(self, name: str) -> dict[str, Any]:
        value = self._raw.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise PlayError(name, "expected an object")
        return value

    def words(self, name: str) -> str:
        value = self._raw.get(name)
        words = value.replace("\0", "").strip() if isinstance(value, str) else ""
        if not words or len(words) > LONGEST:
            raise PlayError(name, f"say where it comes from, in at most {LONGEST} characters")
        return words

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self._raw.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise PlayError(name, f"expected a whole number from {least} to {most}")
        return value

    def prior(self) -> tuple[float, float]:
        value = self._raw.get("prior")
        pair = value if isinstance(value, list | tuple) and len(value) == 2 else ()
        if len(pair) != 2 or not all(_positive(part) for part in pair):
            raise PlayError("prior", "expected two numbers from 0.1 to 1000: successes and failures that are supposed")
        return float(pair[0]), float(pair[1])


def _positive(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0.1 <= value <= 1000
