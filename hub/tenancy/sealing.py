"""Secrets at rest: text sealed so that a copy of the database does not hold it, and bound to the row that it is of.

AES-256-GCM under a key derived (HKDF-SHA256) from `SECRET_KEY`; `SECRET_KEY_FALLBACKS` open what was sealed before a
rotation. The place of a secret (table, column, tenant, row) is authenticated with it: moved elsewhere it does not open.
Sealed text is ``sealed:1:<key id>:<base64url of nonce and ciphertext>``; other text was written before there was any
sealing and is taken as it is. Python only, but for the setting.
"""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PREFIX: Final = "sealed:1:"
NONCE: Final = 12
KEY_ID: Final = 8


class SecretUnreadable(Exception):
    """A secret was sealed under a key that this installation does not have, or of another row."""

    def __init__(self) -> None:
        super().__init__(
            "it is kept encrypted under another SECRET_KEY: put that one into SECRET_KEY_FALLBACKS, or give it anew"
        )


@lru_cache(maxsize=16)
def _key(secret: str) -> tuple[str, AESGCM]:
    """The name and the cipher of the key that comes of a `SECRET_KEY`; the name tells nothing of either."""
    made = HKDF(SHA256(), KEY_ID // 2 + 32, salt=None, info=b"tandem secrets at rest").derive(secret.encode())
    return made[: KEY_ID // 2].hex(), AESGCM(made[KEY_ID // 2 :])


def place(table: str, column: str, tenant_id: UUID, pk: UUID) -> str:
    """Where a secret belongs: what it is authenticated with."""
    return f"{table}.{column}/{tenant_id}/{pk}"


def seal(text: str, where: str) -> str:
    """The text sealed under today's key; "" stays "", so that *no secret* can be seen and asked for."""
    if not text:
        return ""
    name, cipher = _key(settings.SECRET_KEY)
    nonce = os.urandom(NONCE)
    sealed = nonce + cipher.encrypt(nonce, text.encode(), where.encode())
    return f"{PREFIX}{name}:{base64.urlsafe_b64encode(sealed).decode()}"


def unseal(stored: str, where: str) -> str:
    """The text that was sealed for this place. Raises SecretUnreadable."""
    if not stored.startswith(PREFIX):
        return stored
    name, _, content = stored.removeprefix(PREFIX).partition(":")
    cipher = dict(map(_key, (*settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY))).get(name)
    try:
        sealed = base64.urlsafe_b64decode(content)
        if cipher is None:
            raise SecretUnreadable
        return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], where.encode()).decode()
    except (InvalidTag, ValueError):
        raise SecretUnreadable from None


def readable(row: object, *names: str) -> bool:
    """Whether these secrets of a row can be read here."""
    try:
        for name in names:
            getattr(row, name)
    except SecretUnreadable:
        return False
    return True


def is_current(stored: str) -> bool:
    """Whether the stored text is sealed under today's key, or none."""
    return not stored or stored.startswith(f"{PREFIX}{_key(settings.SECRET_KEY)[0]}:")
