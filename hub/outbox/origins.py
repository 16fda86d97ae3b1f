"""What the apps above tell the outbox about the causes of their messages.

The outbox decides whether a message may go; it asks the app that wanted it whether it is still wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from hub.outbox.gates import Purpose
from hub.registry.base import Registry

REPLIED: Final = "message.replied"
"""The change by which a person's answer is told; its data names the `message` answered ("" unknown) and a `subject`."""


@dataclass(frozen=True, slots=True)
class CauseState:
    """How a cause stands: paused, over (the reason why it let the account go, "" while it wants its messages).

    `held_out`: it does nothing at this account, so that others compare with it. `own_holdout`: by a draw of its
    own, not by that of all marketing; then what a person would have written is part of it, too.
    """

    paused: bool = False
    over: str = ""
    goal_met: bool = False
    held_out: bool = False
    own_holdout: bool = False


States: TypeAlias = Callable[[Sequence[UUID]], Mapping[UUID, CauseState]]
Purposes: TypeAlias = Callable[[Sequence[UUID]], Mapping[UUID, frozenset[Purpose]]]


@dataclass(frozen=True, slots=True)
class Origin:
    """An app that has messages sent; everything is called inside the tenant's context, under the accounts' locks.

    `settle(account_ids)` brings the accounts' facts and their consequences up to date, so that a goal met a second
    ago stops the message. `states(cause_ids)` says how causes stand. `purposes(account_ids)` names what the app is
    about to do with an account, for arbitration. `bounced(message_id)` is told of an address that takes nothing.
    """

    key: str
    settle: Callable[[Sequence[UUID]], None]
    states: States
    purposes: Purposes
    bounced: Callable[[UUID], None]
    order: int = 100


origins: Registry[Origin] = Registry("message origin")
