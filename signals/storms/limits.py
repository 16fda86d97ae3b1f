"""How many signals of one trigger go out within a window before further ones are held.

The product's defaults, overridden by ``Tenant.settings["signals"]``: ``storm_least`` 200 signals or ``storm_percent``
10 per cent of the accounts, whichever is more, within ``storm_minutes`` 60. What cannot be used counts as the default:
a mistyped setting must not stop the evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from hub.people.audit import Actor, audit
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant

BOUNDS: Final = {"storm_least": (1, 100_000), "storm_percent": (1, 100), "storm_minutes": (1, 24 * 60)}
DEFAULTS: Final = {"storm_least": 200, "storm_percent": 10, "storm_minutes": 60}


@dataclass(frozen=True, slots=True)
class StormLimits:
    """A tenant's limits; ``least`` signals or ``percent`` of the accounts within ``minutes``."""

    least: int
    percent: int
    minutes: int

    def of(self, recent: int) -> int:
        """How many may go out, where ``recent`` have within the window. One query, only where the least is exceeded;
        no more accounts are counted than decide it."""
        if recent <= self.least:
            return self.least
        enough = -(-recent * 100 // self.percent)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM (SELECT 1 FROM accounts_account WHERE tenant_id = %s LIMIT %s) counted",
                [current_tenant_id(), enough],
            )
            accounts = int(cursor.fetchone()[0])
        return max(self.least, accounts * self.percent // 100)


def storm_limits(settings: Mapping[str, Any]) -> StormLimits:
    """The limits of a tenant; `settings` is ``Tenant.settings``."""
    found = settings.get("signals")
    given = found if isinstance(found, Mapping) else {}
    return StormLimits(*(_usable(given, name) for name in BOUNDS))


def _usable(given: Mapping[str, Any], name: str) -> int:
    value, (least, most) = given.get(name), BOUNDS[name]
    usable = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return value if isinstance(value, int) and usable else DEFAULTS[name]


@transaction.atomic
def storm_limits_set(*, tenant: Tenant, least: int, percent: int, minutes: int, actor: Actor) -> StormLimits:
    """Change a tenant's limits; signals that are held already stay held. Raises ValidationError by field."""
    asked = dict(zip(BOUNDS, (least, percent, minutes), strict=True))
    wrong = {name: [f"from {BOUNDS[name][0]} to {BOUNDS[name][1]}"] for name in BOUNDS if not _fits(asked[name], name)}
    if wrong:
        raise ValidationError(wrong)
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    before = {name: (row.settings.get("signals") or {}).get(name) for name in BOUNDS}
    row.settings = {**row.settings, "signals": {**(row.settings.get("signals") or {}), **asked}}
    row.save(update_fields=["settings"])
    audit(actor, "storm.limits", None, before=before, after=asked)
    return storm_limits(row.settings)


def _fits(value: int, name: str) -> bool:
    return BOUNDS[name][0] <= value <= BOUNDS[name][1]
