"""A tenant's sending rules: the product's defaults, overridden by ``Tenant.settings["outbox"]``.

``contact_cap`` 2 and ``account_cap`` 6 messages in ``cap_days`` 7; ``quiet_from`` "20:00", ``quiet_until`` "08:00",
``quiet_days`` ["sat", "sun"]; ``held_hours`` 72; ``holdout_percent`` 5; ``blast_percent`` 10 and ``blast_least`` 50
(more contacts than both at once are held for a person; 100 percent: never); ``assume_consent`` false (true where the
tenant may write to its customers until they object). Unknown names and impossible values raise PolicyError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from typing import Any, Final
from uuid import UUID

from hub.outbox.gates import Policy

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BUCKETS: Final = 10_000


class PolicyError(ValueError):
    """A sending rule that cannot be used."""


@dataclass(frozen=True, slots=True)
class SendingRules:
    """What the gates need of a tenant's settings."""

    policy: Policy = field(default_factory=Policy)
    holdout_percent: float = 5
    blast_percent: float = 10
    blast_least: int = 50
    assume_consent: bool = False


def sending_rules(settings: Mapping[str, Any]) -> SendingRules:
    """The rules of a tenant; `settings` is ``Tenant.settings``."""
    raw = dict(settings.get("outbox") or {})
    rules = SendingRules(
        policy=_policy(raw),
        holdout_percent=_number(raw, "holdout_percent", 5, 0, 50),
        blast_percent=_number(raw, "blast_percent", 10, 1, 100),
        blast_least=int(_number(raw, "blast_least", 50, 1, 1_000_000)),
        assume_consent=bool(raw.pop("assume_consent", False)),
    )
    if raw:
        raise PolicyError(f"unknown sending rule {', '.join(sorted(raw))}")
    return rules


def bucket_of(salt: str, account_id: UUID) -> int:
    """An account's bucket, 0 … 9999, the same for ever: ``int(sha256(salt:account)) % 10000``."""
    return int(hashlib.sha256(f"{salt}:{account_id}".encode()).hexdigest(), 16) % BUCKETS


def _policy(raw: dict[str, Any]) -> Policy:
    default = Policy()
    days = raw.pop("quiet_days", None)
    return replace(
        default,
        contact_cap=int(_number(raw, "contact_cap", default.contact_cap, 0, 1000)),
        account_cap=int(_number(raw, "account_cap", default.account_cap, 0, 1000)),
        cap_window=timedelta(days=_number(raw, "cap_days", default.cap_window.days, 1, 365)),
        quiet_from=_clock(raw, "quiet_from", default.quiet_from),
        quiet_until=_clock(raw, "quiet_until", default.quiet_until),
        quiet_days=default.quiet_days if days is None else _days(days),
        longest_hold=timedelta(hours=_number(raw, "held_hours", 72, 1, 24 * 30)),
    )


def _number(raw: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = raw.pop(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise PolicyError(f"{name} must be a number from {least:g} to {most:g}")
    return value


def _clock(raw: dict[str, Any], name: str, default: time) -> time:
    value = raw.pop(name, None)
    if value is None:
        return default
    try:
        return time.fromisoformat(value)
    except (TypeError, ValueError):
        raise PolicyError(f'{name} must be a wall time like "20:00"') from None


def _days(names: object) -> frozenset[int]:
    if not isinstance(names, list) or not all(name in DAYS for name in names):
        raise PolicyError(f"quiet_days must be a list of {', '.join(DAYS)}")
    return frozenset(DAYS.index(name) for name in names)
