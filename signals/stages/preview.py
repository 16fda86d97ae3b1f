"""What rules would do: how many accounts each stage has, and whom other rules would move. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account, LifecycleStage
from hub.rules.columns import TABLES
from hub.rules.compile import Clock
from hub.rules.patience import OutOfPatienceError, patience
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from signals.stages.models import StageState
from signals.stages.rules import Stages

PATIENCE: Final = 3.0
# Rules that move more than a tenth of the accounts, and more than a handful, wait for a confirmation.
WIDE_SHARE, WIDE_LEAST = 10, 10


@dataclass(frozen=True, slots=True)
class Move:
    """So many accounts would go from one stage to another."""

    before: str
    stage: str
    accounts: int

    @property
    def words(self) -> str:
        return f"{LifecycleStage(self.before).label} → {LifecycleStage(self.stage).label}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules say of all accounts: by place, how many; and who would move, most first."""

    accounts: int
    places: Mapping[int, int]
    moves: Sequence[Move]

    @property
    def moved(self) -> int:
        return sum(move.accounts for move in self.moves)

    @property
    def is_wide(self) -> bool:
        return self.moved >= WIDE_LEAST and 100 * self.moved > WIDE_SHARE * self.accounts


# What the rules said last counts, not what somebody set against them.
ASKED: Final = f"""
WITH said AS MATERIALIZED (
    SELECT {{case}} AS place, coalesce(k.stage, a.stage) AS before FROM {TABLES}
    LEFT JOIN signals_stagestate k ON k.tenant_id = a.tenant_id AND k.account_id = a.id WHERE a.tenant_id = %s
)
SELECT place, before, count(*) FROM said GROUP BY place, before
"""


def preview(stages: Stages, tenant: Tenant) -> Preview | None:
    """Ask the rules of every account, in one statement; None when that takes too long."""
    now = timezone.now()
    case, params = stages.case_sql(Clock(now, today_of(tenant, now)))
    try:
        with patience(PATIENCE), connection.cursor() as cursor:
            cursor.execute(ASKED.format(case=case), [*params, current_tenant_id()])
            rows = cursor.fetchall()
    except OutOfPatienceError:
        return None
    places: dict[int, int] = {}
    moves: dict[tuple[str, str], int] = {}
    for place, before, count in rows:
        places[place] = places.get(place, 0) + count
        if before != stages.rules[place].stage:
            way = before, stages.rules[place].stage.value
            moves[way] = moves.get(way, 0) + count
    listed = [Move(before, stage, count) for (before, stage), count in moves.items()]
    ordered = sorted(listed, key=lambda move: (-move.accounts, move.words))
    return Preview(sum(places.values()), places, ordered)


def counts_by_place(stages: Stages) -> dict[int, int]:
    """How many accounts each rule said the stage of, as last evaluated. One query."""
    rows = StageState.objects.filter(version=stages.number).values_list("place").annotate(n=Count("pk")).order_by()
    return dict(rows)


def counts_by_stage() -> dict[str, int]:
    """How many accounts are in each stage, whoever says so. One query."""
    return dict(Account.objects.values_list("stage").annotate(n=Count("pk")).order_by())
