"""Customers that leave, with a planted cause that shows beforehand and a planted decoy that has nothing to do with it.

Whoever is going to leave uses the product less from four months before; how many tickets an account opens is drawn
without looking at that. The same seed makes the same customers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

# A month: so many accounts begin to fade; every so many of those who leave never showed it.
FADING: Final = 0.035
SUDDEN: Final = 0.1
NOTICE: Final = timedelta(days=120)
# What the scorecard of the simulation measures.
CAUSE: Final[dict[str, Any]] = {
    "label": "Frequency", "fact": "use_days", "with": {"days": 30}, "worst": 0, "best": 15, "weight": 1,
}  # fmt: skip
DECOY: Final[dict[str, Any]] = {
    "label": "Tickets", "fact": "tickets", "with": {"days": 60}, "worst": 8, "best": 0, "weight": 1,
}  # fmt: skip
ALSO: Final[dict[str, Any]] = {
    "label": "Users", "fact": "users", "with": {"days": 30}, "worst": 0, "best": 6, "weight": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Life:
    """A customer's dates: when it began, when its use began to fade, when it left."""

    began: date
    fades: date | None
    left: date | None
    mrr: int


def lives(count: int, today: date, *, months: int = 24, seed: int = 1) -> list[Life]:
    """`count` customers up to `today`; the oldest began `months` before."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        began = today - timedelta(days=rng.randrange(60, 30 * months))
        mrr = 10_000 * rng.randrange(1, 100)
        fades: date | None = None
        day = began + timedelta(days=60)
        while day < today and fades is None:
            fades = day if rng.random() < FADING else None
            day += timedelta(days=30)
        left = fades + NOTICE if fades and fades + NOTICE <= today else None
        if left and rng.random() < SUDDEN:
            fades = None
        found.append(Life(began, fades, left, mrr))
    return found


def settle(found: list[Life], today: date, *, seed: int = 1) -> None:
    """Write the customers into the tenant in context: lines, use, users and tickets."""
    from hub.accounts.models import Account, AccountFacts, AccountState
    from hub.feedback.models import Ticket
    from hub.revenue.models import ContractLine
    from hub.usage.models import ActiveUserDaily, UsageDaily

    rng = random.Random(seed)
    accounts = Account.objects.bulk_create(
        [Account(name=f"Customer {n}", signed_up_on=life.began, industry="AB"[n % 2]) for n, life in enumerate(found)]
    )
    AccountState.objects.bulk_create([AccountState(account=account) for account in accounts], ignore_conflicts=True)
    uses: list[Any] = []
    users: list[Any] = []
    tickets: list[Any] = []
    lines: list[Any] = []
    for number, (account, life) in enumerate(zip(accounts, found, strict=True)):
        lines.append(
            ContractLine(
                account=account, source="sim", external_id=str(number), starts_on=life.began, ends_on=life.left,
                mrr_minor=life.mrr, currency="USD",
            )
        )  # fmt: skip
        for day in _days(life, today, rng):
            uses.append(UsageDaily(account=account, day=day, name="Report", count=rng.randrange(1, 9)))
            users.append(ActiveUserDaily(account=account, day=day, user_key=f"u{rng.randrange(6)}"))
        tickets += _tickets(account, life, today, rng)
    for model, rows in ((ContractLine, lines), (UsageDaily, uses), (ActiveUserDaily, users), (Ticket, tickets)):
        model.objects.bulk_create(rows, batch_size=5_000, ignore_conflicts=True)
    # What is asked of the past stands in no column: the row alone is needed.
    AccountFacts.objects.bulk_create([AccountFacts(account=account) for account in accounts])


def _days(life: Life, today: date, rng: random.Random) -> list[date]:
    """The days with use: every second, every tenth when it fades, never after it left."""
    found, day = [], life.began
    while day < (life.left or today):
        found.append(day)
        day += timedelta(days=rng.randrange(8, 13) if life.fades and day >= life.fades else rng.randrange(1, 4))
    return found


def _tickets(account: Any, life: Life, today: date, rng: random.Random) -> list[Any]:
    from hub.feedback.models import Ticket

    # From before the beginning on: else young accounts had fewer, and who is young does not leave yet.
    found, day = [], life.began - timedelta(days=rng.randrange(60, 100))
    while day < (life.left or today):
        at = datetime.combine(day, time(10), UTC)
        found.append(Ticket(account=account, source="sim", external_id=f"{account.pk}-{day}", opened_at=at))
        day += timedelta(days=rng.randrange(5, 40))
    return found
