"""Signatures of Standard Webhooks: HMAC-SHA256 over ``id.timestamp.body``. Source: standardwebhooks.com. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, *, id: str, timestamp: int, body: str) -> str:
    """One signature, ``v1,<base64>``."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def headers(secret_texts: Iterable[str], *, id: str, timestamp: int, body: str) -> dict[str, str]:
    """The headers of a call; during a rotation both secrets sign."""
    signed = [signature(secret, id=id, timestamp=timestamp, body=body) for secret in secret_texts]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Tandem-Webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signed),
    }
