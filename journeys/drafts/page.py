"""A draft as its page shows it: the tree with a gap between any two steps, what is wrong at each, a map, a search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.registry.facts import Fact, known_facts
from journeys.drafts.diff import words
from journeys.drafts.outline import Arm, Item, outline
from journeys.drafts.shape import BEGINNING, Shape
from journeys.drafts.validation import Finding
from journeys.entry_forms import entry_way
from journeys.graph_words import beginning, port_words_of
from journeys.node_forms import NodeForm, node_forms
from journeys.node_kinds import Port, node_kinds, rule_words
from journeys.tree import ICONS, spoken
from signals.models import Trigger

MAP_ABOVE = 25


@dataclass(frozen=True)
class Card:
    """A step as it is drawn; ``number`` counts in the order of reading. ``arms`` may be added to where ``more`` names
    what one is called."""

    id: str
    item: Item
    title: str
    words: str
    icon: str
    number: int
    depth: int
    problems: Sequence[str] = ()
    arms: Sequence[Way] = ()
    more: str = ""
    movable: bool = False


@dataclass(frozen=True)
class Way:
    """A way out of a step with several; ``place`` in the list of those that may be edited, None for the others."""

    label: str
    gap: str
    cards: Sequence[Card]
    place: int | None = None
    first: bool = False
    last: bool = False
    many: bool = False


@dataclass
class Drawing:
    """What a draft is drawn with."""

    shape: Shape
    facts: Mapping[str, Fact]
    names: Mapping[str, str]
    problems: Mapping[str, Sequence[str]]
    drawn: list[Card] = field(default_factory=list)

    def cards(self, items: Sequence[Item], depth: int = 0) -> list[Card]:
        return [self._card(item, depth) for item in items]

    def _card(self, item: Item, depth: int) -> Card:
        node = self.shape.nodes[item.node]
        kind = self.shape.kind(item.node)
        number = len(self.drawn) + 1
        form = node_forms.get(kind) if kind in node_forms else None
        card = Card(
            id=item.node,
            item=item,
            title=node_kinds.get(kind).title,
            words=spoken(words(node, self.facts), self.names),
            icon=ICONS.get(kind, "circle"),
            number=number,
            depth=depth,
            problems=() if item.again else self.problems.get(item.node, ()),
            more=form.arms.noun if form and form.arms and not item.again else "",
            movable=item.after is not None and not item.again,
        )
        if item.again:
            return card
        self.drawn.append(card)
        place = len(self.drawn) - 1
        arms = [self._way(item.node, form, arm, depth + 1) for arm in item.arms]
        self.drawn[place] = whole = Card(**{**card.__dict__, "arms": arms})
        return whole

    def _way(self, node_id: str, form: NodeForm | None, arm: Arm, depth: int) -> Way:
        node, place, count = self.shape.nodes[node_id], None, 0
        if form and form.arms and arm.port.pointer.startswith(f"/{form.arms.name}/"):
            place = int(arm.port.pointer.split("/")[2])
            count = len(node.get(form.arms.name) or [])
        return Way(
            label=self._label(node, arm.port, place, form),
            gap=str(arm.gap),
            cards=self.cards(arm.items, depth),
            place=place,
            first=place == 0,
            last=place == count - 1,
            many=bool(form and form.arms and count > form.arms.least),
        )

    def _label(self, node: Mapping[str, Any], port: Port, place: int | None, form: NodeForm | None) -> str:
        if place is not None and form and form.arms:
            arm = node[form.arms.name][place]
            if not arm.get("label") and "when" in arm:
                return f"if {rule_words(arm['when'], self.facts)}"
        return port_words_of(node, port)


def draft_context(raw: Mapping[str, Any], findings: Sequence[Finding], search: str = "") -> dict[str, Any]:
    """What the template of a draft shows."""
    triggers = {trigger.key: trigger for trigger in Trigger.objects.all()}
    problems: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        problems[finding.node].append(finding.text)
    shape, facts = Shape(raw), known_facts()
    drawing = Drawing(shape, facts, {key: trigger.name for key, trigger in triggers.items()}, problems)
    cards = drawing.cards(outline(shape))
    return {
        "cards": cards,
        "beginning": str(BEGINNING),
        "goal_cards": list(_goals(drawing)),
        "trigger": triggers.get(str((raw.get("entry") or {}).get("trigger", ""))),
        "begins": spoken(beginning(raw.get("entry") or {}), {}),
        "way_in": entry_way(raw.get("entry") or {}),
        "entry_rule": _rule((raw.get("entry") or {}).get("when"), facts),
        "leave_rule": _rule(raw.get("exit_when"), facts),
        "map": drawing.drawn if len(drawing.drawn) > MAP_ABOVE else [],
        "found": [card for card in drawing.drawn if search.lower() in f"{card.title} {card.words}".lower()]
        if search
        else [],
    }


def _rule(raw: Any, facts: Mapping[str, Fact]) -> str:
    return rule_words(raw, facts) if raw is not None else ""


def _goals(drawing: Drawing) -> Iterator[Card]:
    for node_id in drawing.shape.nodes:
        if drawing.shape.kind(node_id) == "goal" and node_id not in drawing.shape.reached:
            yield drawing.cards([Item(node_id, None)])[0]
