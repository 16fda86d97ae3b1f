"""Limits on sign-in, counted in the cache: they must outlive a rolled-back request."""

from __future__ import annotations

import hashlib

from django.core.cache import cache

WINDOW_SECONDS = 15 * 60
PER_ADDRESS = 5
PER_IP = 30


def allowed(kind: str, subject: str, limit: int) -> bool:
    """Count one attempt; False once `limit` within 15 minutes is passed."""
    digest = hashlib.sha256(subject.encode()).hexdigest()[:32]
    key = f"throttle:{kind}:{digest}"
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        return int(cache.incr(key)) <= limit
    except ValueError:  # it expired in between
        return True
