"""The past of what a signal is about: the fact's value week by week until it was made, drawn beside its sentence.

It is read once, in the background, from what the fact keeps of its past, and stored with the signal: a page that shows
fifty signals asks nothing for it, and it shows what was so then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from string import Formatter
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from hub.registry.facts import Fact, FactKind, known_facts
from hub.rules.compile import Clock
from hub.rules.language import Compare, Node, comparisons, parse_stored
from hub.rules.reading import read_facts
from hub.tenancy.prepared import Places, Prepared
from signals.catalogue import BY_KEY
from signals.models import Signal, TriggerVersion

WEEKS: Final = 26
BATCH: Final = 100
NUMBERS: Final = (FactKind.NUMBER, FactKind.MONEY)


def drawn_fact(node: Node, words: str = "") -> Fact | None:
    """The fact of a rule that is worth drawing: a number that keeps a past.

    One that the signal's ``words`` tell comes first, then one that is no money: what an account pays is mostly a
    condition beside the cause. None when there is no number with a past.
    """
    told = {name for _, name, _, _ in Formatter().parse(words) if name}
    found = [leaf.fact for leaf in comparisons(node) if _draws(leaf)]
    by_words = [fact for fact in found if fact.name.partition("(")[0] in told]
    other = [fact for fact in found if fact.kind is not FactKind.MONEY]
    return next(iter((*by_words, *other, *found)), None)


def _draws(leaf: Compare) -> bool:
    return leaf.fact.past is not None and leaf.fact.kind in NUMBERS and leaf.fact.ago == 0


@Prepared[Signal]
def _wanted(the: Places) -> Any:
    wanted = Signal.objects.filter(trail_wanted=True).order_by("pk").select_related("trigger")
    return wanted.select_for_update(skip_locked=True, of=("self",))[:BATCH]


def trails_read(zone: ZoneInfo) -> int:
    """Read the trails of some signals that want one; returns how many there were. Two workers never take the same."""
    signals = _wanted()
    for fact, at, own in _alike(signals):
        _read(fact, at, own, zone)
    Signal.objects.filter(pk__in=[signal.pk for signal in signals]).update(trail_wanted=False)
    return len(signals)


def _alike(signals: Sequence[Signal]) -> list[tuple[Fact, datetime, list[Signal]]]:
    """Signals by what is drawn of them and by the hour at which they were made; those of a rule that can be read no
    more are left out."""
    rules = _rules(signals)
    found: dict[tuple[str, datetime], tuple[Fact, datetime, list[Signal]]] = {}
    for signal in signals:
        if fact := rules.get((signal.trigger_id, signal.trigger_version)):
            at = signal.recorded_at.replace(minute=0, second=0, microsecond=0)
            found.setdefault((fact.name, at), (fact, at, []))[2].append(signal)
    return list(found.values())


def _rules(signals: Sequence[Signal]) -> dict[tuple[UUID, int], Fact]:
    known, words = known_facts(), {s.trigger_id: BY_KEY.get(s.trigger.key) for s in signals}
    versions = TriggerVersion.objects.filter(trigger_id__in=words, version__in={s.trigger_version for s in signals})
    found = {}
    for trigger_id, version, rule in versions.values_list("trigger_id", "version", "rule"):
        shipped = words[trigger_id]
        node = parse_stored(rule, known)
        if node is None:
            continue
        drawn = known[shipped.draws] if shipped and shipped.draws and rule == shipped.rule else None
        if fact := drawn or drawn_fact(node, shipped.sentence if shipped else ""):
            found[trigger_id, version] = fact
    return found


def _read(fact: Fact, at: datetime, signals: Sequence[Signal], zone: ZoneInfo) -> None:
    weeks = {f"{back}": fact.days_ago(7 * back) for back in range(WEEKS, -1, -1)}
    clock = Clock(at, timezone.localdate(at, zone), past=True)
    rows = read_facts(weeks, list({signal.account_id for signal in signals}), clock)
    for signal in signals:
        signal.trail = _trail(fact, rows.get(signal.account_id, {}))
    Signal.objects.bulk_update(signals, ["trail"])


def _trail(fact: Fact, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Values from the first week that has one; weeks without are none. None for fewer than two that differ."""
    values = [None if value is None else float(value) for value in row.values()]
    first = next((place for place, value in enumerate(values) if value is not None), len(values))
    kept = values[first:]
    if len({value for value in kept if value is not None}) < 2:
        return None
    return {"label": fact.label, "unit": fact.unit, "kind": str(fact.kind), "values": kept}
