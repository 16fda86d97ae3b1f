"""How many of the causes planted in some hundred accounts the shipped triggers find, and what they find beside them.

For each trigger accounts are made in which its cause happens, accounts in which nearly the cause happens (use that
falls a little less, thirteen days over the capacity, a renewal a day too far), and accounts that only live. All of it
is written through the services that the doors use; then the evaluation runs. Precision and recall are those of all
signals against what was planted (`bench/plants.py`).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from bench.database import database
from bench.result import Result, result

if TYPE_CHECKING:
    from bench.planter import Stage
    from bench.plants import Act, Plant
    from hub.accounts.models import Account
    from hub.tenancy.models import Tenant


@dataclass
class Tally:
    """A trigger's signals: rightly made, wrongly made, missed; accounts by name."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / (self.right + len(self.wrong)) if self.right or self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + len(self.missed)) if self.right or self.missed else 1.0


@dataclass(frozen=True)
class Life:
    """An account, what happens to it, and the triggers that this fires."""

    account: Account
    act: Act
    fires: frozenset[str]


def measure(scale: float) -> list[Result]:
    """Two accounts with the cause and two with what is nearly one for each plant, and a hundred that only live."""
    with database():
        from django.utils import timezone

        from bench.planter import ACTOR
        from hub.tenancy.context import tenant_context
        from hub.tenancy.models import Tenant
        from signals.services import triggers_install

        tenant = Tenant.objects.create(slug="planted", name="Planted", timezone="UTC")
        with tenant_context(tenant):
            triggers_install(actor=ACTOR)
        tallies = planted(tenant, settled(timezone.now()), each=max(1, round(2 * scale)), noise=round(100 * scale))
    return [*(_told(key, tally) for key, tally in sorted(tallies.items())), *_together(tallies.values())]


def _told(key: str, tally: Tally) -> Result:
    name, found = f"planted: {key}", tally.right
    return result(
        name, "precision", tally.precision, limit=1.0,
        recall=tally.recall, signals=found, wrong=tally.wrong, missed=tally.missed,
    )  # fmt: skip


def _together(tallies: Iterable[Tally]) -> list[Result]:
    whole = Tally()
    for tally in tallies:
        whole.right += tally.right
        whole.wrong += tally.wrong
        whole.missed += tally.missed
    return [
        result("planted: all triggers", "precision", whole.precision, limit=1.0, signals=whole.right),
        result("planted: all triggers", "recall", whole.recall, limit=1.0, signals=whole.right),
    ]


def settled(now: datetime) -> datetime:
    """A moment from which three weeks back lie in one year, as the period of a quota does."""
    return now if now.timetuple().tm_yday > 21 else now - timedelta(days=25)


def planted(tenant: Tenant, now: datetime, *, each: int, noise: int, plants: Sequence[Plant] = ()) -> dict[str, Tally]:
    """Plant (all of `PLANTS` by default), evaluate and compare, by trigger; the tenant has no accounts yet."""
    from bench.planter import Stage
    from bench.plants import PLANTS
    from hub.accounts.services import facts_touch
    from hub.tenancy.context import tenant_context
    from signals.models import Signal

    stage = Stage(tenant, now)
    with tenant_context(tenant):
        lives = [*_planned(stage, plants or PLANTS, each), *_unplanned(stage, noise)]
    stage.flush()
    _evaluate(tenant, now - timedelta(minutes=5))
    with tenant_context(tenant):
        before = set(Signal.objects.values_list("pk", flat=True))
        for life in lives:
            life.act(stage, life.account)
        facts_touch([life.account.pk for life in lives])
    stage.flush()
    _evaluate(tenant, now)
    fired: dict[UUID, set[str]] = defaultdict(set)
    with tenant_context(tenant):
        for account_id, key in Signal.objects.exclude(pk__in=before).values_list("account_id", "trigger__key"):
            fired[account_id].add(key)
    return _compare(lives, fired)


def _planned(stage: Stage, plants: Sequence[Plant], each: int) -> list[Life]:
    """The lives of accounts up to the cause, or up to what is nearly one."""
    from bench.plants import nothing

    lives = []
    for place, plant in enumerate(plants):
        fires = frozenset({plant.trigger, *plant.also} if plant.cause is not nothing else ())
        both = (("cause", plant.cause, fires), ("near", plant.near, frozenset(plant.near_fires)))
        for number in range(each):
            for kind, act, meant in both:
                account = stage.account(f"{plant.trigger} {place} {kind} {number}")
                plant.before(stage, account)
                lives.append(Life(account, act, meant))
    return lives


def _unplanned(stage: Stage, count: int) -> list[Life]:
    """Accounts to which happens what happens to everybody: passive answers, some tickets, uneven use."""
    from bench.plants import healthy, nothing

    chance, lives = random.Random(7), []
    for number in range(count):
        account = stage.account(f"noise {number}")
        healthy(stage, account)
        for _ in range(chance.randrange(3)):
            stage.ticket(account, chance.randrange(1, 80), csat=chance.choice((None, 4)))
        if chance.random() < 0.5:
            stage.answer(account, chance.choice((7, 8)))
        for ago in range(84):
            if chance.random() < 0.1:
                stage.use(account, ago, "Export", user=chance.randrange(10))
        stage.renews(account, chance.randrange(280, 700))
        lives.append(Life(account, nothing, frozenset()))
    return lives


def _evaluate(tenant: Tenant, now: datetime) -> None:
    from hub.tenancy.context import tenant_context
    from signals.engine import evaluate_batch

    while True:
        with tenant_context(tenant):
            if not evaluate_batch(tenant, now=now):
                return


def _compare(lives: Iterable[Life], fired: Mapping[UUID, set[str]]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    for life in lives:
        found = fired.get(life.account.pk, set())
        for key in life.fires | found:
            if key not in found:
                tallies[key].missed.append(life.account.name)
            elif key in life.fires:
                tallies[key].right += 1
            else:
                tallies[key].wrong.append(life.account.name)
    return dict(tallies)
