"""How often a key may ask: a fixed window per minute, counted in the cache, told in RateLimit headers."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from django.http import HttpResponse

log = logging.getLogger(__name__)

PER_MINUTE = 1_200
WINDOW = 60


@dataclass(frozen=True)
class Allowance:
    """What is left of a key's minute; `reset` is in seconds."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool = False

    def tell(self, response: HttpResponse) -> None:
        response["RateLimit-Limit"] = str(self.limit)
        response["RateLimit-Remaining"] = str(self.remaining)
        response["RateLimit-Reset"] = str(self.reset)
        if self.exceeded:
            response["Retry-After"] = str(self.reset)


def take(credential_id: UUID) -> Allowance:
    """Count one request of the key. Without a cache everybody may ask: a limit must not be the reason for an outage."""
    window, passed = divmod(int(time.time()), WINDOW)
    name = f"rest:{credential_id}:{window}"
    try:
        cache.add(name, 0, timeout=2 * WINDOW)
        count = cache.incr(name)
    except Exception:  # whatever the cache's client raises
        log.warning("the cache does not answer; requests are not counted", exc_info=True)
        count = 1
    return Allowance(PER_MINUTE, max(PER_MINUTE - count, 0), WINDOW - passed, exceeded=count > PER_MINUTE)
