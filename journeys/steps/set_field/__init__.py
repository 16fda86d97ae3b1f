"""Set something about the account: an attribute of the tenant, or its stage for some days.

What follows in the journey comes after the account's next evaluation, so that it sees what was set.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hub.accounts.models import LifecycleStage
from hub.accounts.services import attributes_set
from hub.accounts.services.attributes import AttributesError
from hub.people.audit import SYSTEM
from hub.registry.facts import Fact, known_facts
from journeys.node_forms import NOWHERE, FieldKind, NodeField, NodeForm, Options, node_forms
from journeys.node_kinds import Config, Flaw, Flaws, NodeKind, node_kinds
from journeys.steps.base import Answer, Go, Stand, Step, steps
from signals.stages.services import LONGEST_OVERRIDE, USUAL_OVERRIDE, StageError, stage_override_set

ATTRIBUTE = "attribute."


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    field, value = config.get("field"), config.get("value")
    if field == "stage":
        if value not in LifecycleStage.values:
            yield Flaw("/value", f"stage must be one of {', '.join(LifecycleStage.values)}")
        days = config.get("days", USUAL_OVERRIDE)
        if type(days) is not int or not 1 <= days <= LONGEST_OVERRIDE:
            yield Flaw("/days", f"days must be a whole number from 1 to {LONGEST_OVERRIDE}")
        return
    if not isinstance(field, str) or not field.startswith(ATTRIBUTE) or field not in facts:
        yield Flaw("/field", "field must be stage or one of the tenant's attributes (attribute.<key>)")
    if "days" in config:
        yield Flaw("/days", "only a stage has days")
    if isinstance(value, dict):
        yield Flaw("/value", "value must be a text, a number, a day, true, false, a list of texts, or null")


def words(config: Config, facts: Mapping[str, Fact]) -> str:
    field, value = str(config.get("field", "")), config.get("value")
    if field == "stage":
        return f"set the stage to {value} for {config.get('days', USUAL_OVERRIDE)} days"
    label = facts[field].label if field in facts else field
    return f"set {label} to {value}" if value is not None else f"clear {label}"


def run(stand: Stand) -> Answer:
    config = stand.node.config
    try:
        if config["field"] == "stage":
            _set_stage(stand)
        else:
            key = config["field"].removeprefix(ATTRIBUTE)
            source = f"journey:{stand.journey.key}"
            attributes_set(account=stand.account, values={key: config.get("value")}, source=source, actor=SYSTEM)
    except (AttributesError, StageError) as error:
        return Go(outcome="failed", reason=f"field_refused: {error}"[:200])
    return Go(evidence={"field": config["field"], "value": config.get("value")}, settle=True)


def _set_stage(stand: Stand) -> None:
    today = stand.world.clock.today
    stage_override_set(
        account=stand.account,
        stage=str(stand.node.config.get("value")),
        reason=f"Set by the journey “{stand.journey.name}”",
        until=today + timedelta(days=stand.node.config.get("days", USUAL_OVERRIDE)),
        today=today,
        user=None,
        actor=SYSTEM,
    )


node_kinds.register(
    NodeKind(
        key="set_field",
        title="Set a field",
        check=check,
        words=words,
        required=frozenset({"field"}),
        fields=frozenset({"field", "value", "days"}),
        order=62,
    )
)


def fields_offered() -> Options:
    """The stage, and the attributes that the tenant has."""
    known = known_facts()
    return [("stage", "stage"), *((name, known[name].label) for name in known if name.startswith(ATTRIBUTE))]


node_forms.register(
    NodeForm(
        "set_field",
        (
            NodeField("field", "Field", FieldKind.CHOICE, choices=fields_offered),
            NodeField("value", "Value", help="Empty takes the value away.", optional=True),
            NodeField(
                "days", "Days that a stage holds", FieldKind.NUMBER, optional=True, least=1, most=LONGEST_OVERRIDE
            ),
        ),
        {"field": "stage", "value": "", "next": NOWHERE},
        acts=True,
        order=62,
        what="Writes a field of the account, or its stage.",
    )
)
steps.register(Step("set_field", run, acts=True, holds_out=True))
