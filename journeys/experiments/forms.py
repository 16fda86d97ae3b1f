"""What is typed into the pages of experiments: a plan, and the arms of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from babel.numbers import get_currency_precision

from journeys.config_paths import with_values
from journeys.experiments.arms import FIELDS, MOST, MOST_HOURS, arms_of
from journeys.experiments.kinds import Kind
from journeys.experiments.measures import measures
from journeys.experiments.models import Experiment, Reading
from journeys.experiments.services import ExperimentError, Plan
from journeys.node_forms import FieldKind, Given, NodeField, Shown, read, show, show_typed
from journeys.node_kinds import Config

TEXTS: Final = ("name", "hypothesis", "measure", "argument", "reading", "stratify")
NUMBERS: Final = ("window_days", "horizon_days", "baseline", "change", "alpha", "power")
PERCENT: Final = ("alpha", "power")


def plan_values(experiment: Experiment | None, name: str = "", *, currency: str) -> dict[str, str]:
    """The inputs of a plan as they show it; shares are percents there, money is in whole units of the currency."""
    plan = experiment or Plan(name)
    told = {field: str(getattr(plan, field)) for field in TEXTS}
    for field in NUMBERS:
        value = getattr(plan, field)
        scale = _scale(field, plan.measure, currency)
        told[field] = "" if value is None else f"{round(value * scale, 6):g}"
    return told


def _scale(field: str, measure: str, currency: str) -> float:
    """How many of what is typed make one of what is kept."""
    if field in PERCENT:
        return 100
    if field not in ("baseline", "change"):
        return 1
    read = measures.get(measure)
    if read.money:
        return 1 / float(10 ** get_currency_precision(currency))
    return 1 if read.kind is Kind.AMOUNT else 100


def plan_of(given: Mapping[str, str], *, currency: str) -> Plan:
    """The plan that was typed; raises ExperimentError."""
    texts: dict[str, Any] = {field: given.get(field, "").strip() for field in TEXTS}
    texts["measure"] = texts["measure"] or "goal"
    texts["reading"] = texts["reading"] or Reading.FIXED
    if texts["measure"] not in measures:
        raise ExperimentError("measure", "choose what it is read by")
    numbers: dict[str, Any] = {}
    for field in NUMBERS:
        value = _number(given.get(field, ""), field)
        if value is not None:
            numbers[field] = value / _scale(field, texts["measure"], currency)
    for field in ("window_days", "horizon_days"):
        if field in numbers:
            numbers[field] = int(numbers[field])
    return Plan(**texts, **numbers)


def _number(text: str, field: str) -> float | None:
    plain = text.strip().removesuffix("%").strip().replace(",", ".")
    if not plain:
        return None
    try:
        value = float(plain)
    except ValueError:
        raise ExperimentError(field, f"{text[:20]!r} is no number") from None
    if not -1e12 < value < 1e12:
        raise ExperimentError(field, "this is too large")
    return value


# --- Arms -----------------------------------------------------------------------------------

_FORMS: Final[Mapping[str, NodeField]] = {
    "label": NodeField("label", "Name of the arm", help="Empty, the arm is taken away.", optional=True),
    "weight": NodeField("weight", "Share in percent", FieldKind.NUMBER, "All shares add up to 100.", True, most=100),
    "subject": NodeField("subject", "Subject", optional=True, liquid=True),
    "title": NodeField("title", "Title", optional=True, liquid=True),
    "body": NodeField("body", "Text", FieldKind.LONG, optional=True),
    "variants": NodeField("variants", "In other languages", FieldKind.WORDINGS, optional=True),
    "action_url": NodeField("action_url", "Address of the main link", optional=True),
    "delay_hours": NodeField(
        "delay_hours", "Later by how many hours", FieldKind.NUMBER, optional=True, most=MOST_HOURS
    ),
    "rule": NodeField("rule", "How long", FieldKind.WAIT, optional=True),
}


def arm_fields(kind: str, place: int) -> list[NodeField]:
    """The form of one arm; what is left empty is as the step says."""
    names = ("label", "weight", *FIELDS[kind])
    found = []
    for name in names:
        field = _FORMS[name]
        found.append(
            NodeField(
                f"a{place}/{name}", field.label, field.kind, field.help, field.optional, most=field.most,
                liquid=field.liquid,
            )
        )  # fmt: skip
    return found


def shown_arms(config: Config, count: int, given: Given | None = None) -> list[tuple[int, list[Shown]]]:
    """The forms of a step's arms, with blank ones up to a number."""
    arms = list(arms_of(config)) or [{"label": "As it is", "weight": 50}, {"label": "B", "weight": 50}]
    arms += [{"label": "", "weight": 0}] * (min(count, MOST) - len(arms))
    held = {f"a{place}": arm for place, arm in enumerate(arms)}
    kind = str(config["kind"])
    if given is None:
        return [(place, [show(f, held, {}) for f in arm_fields(kind, place)]) for place in range(len(arms))]
    return [(place, [show_typed(f, given, {}) for f in arm_fields(kind, place)]) for place in range(len(arms))]


def read_arms(config: Config, count: int, given: Given) -> tuple[list[dict[str, Any]], Sequence[str]]:
    """The arms that were typed, those without a name left out, and what is wrong."""
    arms, problems = [], []
    for place in range(min(max(count, len(arms_of(config))), MOST)):
        found = read(arm_fields(str(config["kind"]), place), given)
        problems += [f"arm {place + 1}: {message}" for message in found.problems.values()]
        arm = with_values({}, found.values).get(f"a{place}", {})
        if arm.get("label"):
            arms.append({"weight": 0, **arm})
    return arms, problems
