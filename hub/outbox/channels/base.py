"""What a channel is: how it hands one message over, and how sure it can be of that."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from hub.accounts.models import Contact
from hub.outbox.brand import Kit
from hub.outbox.gates import Consent
from hub.registry.base import Registry


class Outcome(StrEnum):
    """What became of a call. *Retry*: surely not delivered, worth another try. *Unknown*: nobody can tell."""

    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
    BOUNCED = "bounced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one call, with the provider's words.

    ``code`` is the reason that is stored with it ("" for the outcome's own); ``wait`` is what the provider asks for
    before the next attempt, in seconds.
    """

    outcome: Outcome
    detail: str = ""
    provider_id: str = ""
    code: str = ""
    wait: int = 0

    def __post_init__(self) -> None:
        # Providers say what they like; PostgreSQL takes no NUL in a text.
        object.__setattr__(self, "detail", self.detail.replace("\x00", "?"))
        object.__setattr__(self, "provider_id", self.provider_id.replace("\x00", "?"))


PLAIN: Final = Kit("")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as a channel gets it. ``key`` is the idempotency key, the same at every attempt.

    ``unsubscribe_url`` and ``unsubscribe_mail`` are empty where the class of the message needs none.
    ``kept``: the tenant's messages must not leave the house (``Tenant.settings["delivery"]`` is ``viewer``).
    """

    id: UUID
    key: str
    address: str
    name: str
    sender: str
    subject: str
    html: str
    text: str
    unsubscribe_url: str = ""
    unsubscribe_mail: str = ""
    preferences_url: str = ""
    kit: Kit = PLAIN
    kept: bool = False


class ChannelDown(Exception):
    """The provider cannot be reached at all: nothing was handed over, and no attempt is counted.

    ``code`` is the reason that its messages wait with.
    """

    def __init__(self, detail: str, code: str = "channel_down") -> None:
        self.code = code
        super().__init__(detail)


def down(error: OSError) -> ChannelDown:
    """What an error while connecting means; a name that nobody knows is told from a server that does not answer."""
    code = "channel_down:dns" if isinstance(error, socket.gaierror) else "channel_down"
    return ChannelDown(str(error)[:200], code)


Send: TypeAlias = Callable[[Outgoing], Result]


class Channel(Protocol):
    """A way to a contact. ``session`` opens the provider for one batch (raising `ChannelDown`) and gives ``send``.

    ``honours_keys``: the provider delivers a key once however often it is called. Without it every message is marked
    as being sent, and committed so, before its own call, and one whose fate a crash hides is never sent again blindly.
    ``consent_by_default`` is what silence means here.
    """

    @property
    def key(self) -> str: ...

    @property
    def order(self) -> int: ...

    @property
    def title(self) -> str: ...

    @property
    def consent_by_default(self) -> Consent: ...

    @property
    def honours_keys(self) -> bool: ...

    def address_of(self, contact: Contact) -> str: ...

    def session(self) -> AbstractContextManager[Send]: ...


channels: Registry[Channel] = Registry("channel")
