"""What a signal has started. Apps above signals tell it; the pages of signals show it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hub.registry.base import Registry


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that a signal started, in words such as ``Journey “Save”, running · 2 messages``.

    ``url_name`` is reversed with the tenant's slug and ``url_args``.
    """

    words: str
    url_name: str
    url_args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EffectTeller:
    """An app's effects of signals: ``tell(signal_ids)`` gives those of each signal that has any, in few queries however
    many signals are asked about."""

    key: str
    tell: Callable[[Sequence[UUID]], Mapping[UUID, Sequence[Effect]]]
    order: int = 100


effect_tellers: Registry[EffectTeller] = Registry("effect teller")


def effects_of(signal_ids: Sequence[UUID]) -> dict[UUID, list[Effect]]:
    """The effects of signals by signal, those of the first teller first; signals without any are left out."""
    found: dict[UUID, list[Effect]] = {}
    if signal_ids:
        for teller in effect_tellers:
            for signal_id, effects in teller.tell(signal_ids).items():
                found.setdefault(signal_id, []).extend(effects)
    return found
