"""The write keys of the event doors: looked up once, confirmed in every commit.

A door that asked the database about each request's key would spend a tenth of its time on it. So a key that was good
is remembered, and the transaction that stores the calls confirms that it still is: a key taken away stops at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hub.ingest.segment import RequestError
from hub.people.models import Credential
from hub.people.selectors import credential_for

SCOPE = "ingest"
REMEMBERED = 60.0
MOST = 10_000


def credential_with_scope(key: str) -> Credential:
    """The live credential of a write key; raises RequestError 401 when there is none that may send events."""
    credential = credential_for(key)
    if credential is None:
        raise unknown_key()
    if SCOPE not in credential.scopes:
        raise RequestError(401, "this key may not send events: it lacks the scope ingest")
    return credential


def unknown_key() -> RequestError:
    """What is answered to a key that does not exist any more, or never did."""
    return RequestError(401, "this write key is unknown or revoked")


class Remembered:
    """Credentials by key for `REMEMBERED` seconds, at most `MOST`; what is refused is not remembered."""

    def __init__(self, look_up: Callable[[str], Credential] = credential_with_scope) -> None:
        self._look_up = look_up
        self._known: dict[str, tuple[float, Credential]] = {}

    def __call__(self, key: str) -> Credential:
        """The credential that the key had when it was last looked up. Raises RequestError 401."""
        until, credential = self._known.get(key, (0.0, None))
        if credential is None or until < time.monotonic():
            credential = self._look_up(key)
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = time.monotonic() + REMEMBERED, credential
        return credential

    def forget(self, key: str) -> None:
        """Ask again the next time."""
        self._known.pop(key, None)
