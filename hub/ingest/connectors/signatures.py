"""How sources sign, each by its own published scheme; compared in constant time. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from hub.ingest.connectors.base import WINDOW, NotVerified, moment

Digest = Literal["sha1", "sha256"]


def mac(secret: bytes, content: bytes, digest: Digest = "sha256") -> bytes:
    return hmac.new(secret, content, getattr(hashlib, digest)).digest()


def mac_hex(secret: str, content: bytes, digest: Digest = "sha256") -> str:
    return mac(secret.encode(), content, digest).hex()


def mac_base64(secret: str | bytes, content: bytes) -> str:
    key = secret.encode() if isinstance(secret, str) else secret
    return base64.b64encode(mac(key, content)).decode()


def check_one_of(given: Iterable[str], expected: str) -> None:
    """Raise NotVerified unless one of the given signatures is the expected one; every one is compared."""
    wanted = expected.encode()
    found = [hmac.compare_digest(entry.encode("utf-8", "replace"), wanted) for entry in given]
    if not any(found):
        raise NotVerified("the signature is not that of the secret")


def check_time(stamp: object, now: datetime) -> None:
    """Raise NotVerified when a signed time is more than five minutes away."""
    at = moment(stamp)
    if at is None:
        raise NotVerified("the call carries no time")
    if abs(now - at) > WINDOW:
        raise NotVerified("the time of the call is more than five minutes away")


def key_of(secret: str) -> bytes:
    """The key of a `whsec_…` secret of Standard Webhooks: its base64 part, decoded."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def check_basic(header: str, secret: str) -> None:
    """Raise NotVerified unless the Authorization header is Basic with `user:password` as in the secret."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        raise NotVerified("the call carries no Basic user name and password")
    check_one_of([credentials.strip()], base64.b64encode(secret.encode()).decode())
