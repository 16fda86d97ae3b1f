"""What an account waits for: the arms of a wait, each a signal or an event with its way out, and since when they count.

Pure; no Django. A node of kind `wait_for` has ``{"signal": key, "next": id}``, one of kind `wait_any` has ``{"arms":
[{"signal": key} | {"event": name}, …]}``, an arm with its ``next``. ``scope`` says since when: ``"entry"`` (default),
``"ever"``, or the last ``days``: a whole number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

Config: TypeAlias = Mapping[str, Any]
SCOPES: Final = ("entry", "ever")
MOST_ARMS: Final = 10
MOST_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that ends a wait: ``what`` is signal or event, ``key`` its key or name, ``port`` the way out."""

    what: str
    key: str
    port: str

    def as_json(self) -> dict[str, str]:
        return {self.what: self.key, "port": self.port}


def arms_of(config: Config) -> list[Config]:
    arms = config.get("arms")
    return [arm for arm in arms if isinstance(arm, Mapping)] if isinstance(arms, list) else []


def wishes_of(config: Config) -> list[Wish]:
    """What a node waits for, in the order of its arms."""
    if "arms" not in config:
        return [Wish("signal", str(config.get("signal", "")), "next")]
    return [_wish(arm, f"arm:{index}") for index, arm in enumerate(arms_of(config))]


def wishes_stored(wait: Mapping[str, Any], awaits: str) -> list[Wish]:
    """What a resting enrollment waits for, as it was written down when it came to rest."""
    arms = wait.get("arms")
    return [_wish(arm, str(arm["port"])) for arm in arms] if arms else [Wish("signal", awaits, "next")]


def _wish(arm: Mapping[str, Any], port: str) -> Wish:
    what = "event" if "event" in arm else "signal"
    return Wish(what, str(arm.get(what, "")), port)


def since_of(config: Config, entered_at: datetime, now: datetime) -> datetime | None:
    """From when on what happened counts; None for ever."""
    scope = config.get("scope", "entry")
    if isinstance(scope, int):
        return now - timedelta(days=scope)
    return None if scope == "ever" else entered_at


def check(config: Config) -> Iterator[tuple[str, str]]:
    """What is wrong with arms and scope: JSON pointer and message."""
    if config.get("kind") == "wait_any":
        yield from _arm_flaws(config)
    scope = config.get("scope", "entry")
    if scope not in SCOPES and (type(scope) is not int or not 1 <= scope <= MOST_DAYS):
        yield ("/scope", f"scope is entry, ever, or the last so many days, from 1 to {MOST_DAYS}")


def _arm_flaws(config: Config) -> Iterator[tuple[str, str]]:
    arms = arms_of(config)
    if not 1 <= len(arms) <= MOST_ARMS:
        yield ("/arms", f"a wait has 1 to {MOST_ARMS} arms")
    for index, arm in enumerate(arms):
        said = [name for name in ("signal", "event") if isinstance(arm.get(name), str) and arm[name].strip()]
        if len(said) != 1:
            yield (f"/arms/{index}", "an arm waits for one signal or one event")
        if arm.get("label") is not None and not isinstance(arm["label"], str):
            yield (f"/arms/{index}/label", "label must be a text")


def words(config: Config) -> str:
    """What is waited for: ``usage-decline or the event “Report shared”``."""
    told = [wish.key if wish.what == "signal" else f"the event “{wish.key}”" for wish in wishes_of(config)]
    scope = config.get("scope", "entry")
    counted = {"entry": "", "ever": ", whenever it came"}.get(str(scope), "")
    if isinstance(scope, int):
        counted = f", also of the last {scope} days"
    return " or ".join(told) + counted
