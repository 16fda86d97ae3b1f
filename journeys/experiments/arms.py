"""Arms of a step: what each does differently from the step itself. Pure.

``"arms": [{"label", "weight", …}]`` on a message, a wait or a split. An arm without further fields does what the step
says; the others replace its subject (or title), text, wordings in other languages, link, or rule, or send later by
``delay_hours``. The arms of a split are its ways.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from journeys.wordings import PARTS, check_wordings, variants_of

Config = Mapping[str, Any]
MOST: Final = 10
WORDS: Final = {
    "subject": "subject",
    "title": "title",
    "body": "content",
    "variants": "content",
    "action_url": "CTA",
    "delay_hours": "timing",
    "rule": "timing",
}
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("subject", "body", "variants", "action_url", "delay_hours"),
    "in_hub_message": ("title", "body", "variants", "action_url", "delay_hours"),
    "wait": ("rule",),
    "split": (),
}
"""What an arm of each kind of step may say; a kind that is not here has no arms."""
MOST_HOURS: Final = 24 * 14


def arms_of(config: Config) -> list[Config]:
    """The arms of a step that can be read."""
    arms = config.get("arms")
    return [arm for arm in arms if isinstance(arm, Mapping)] if isinstance(arms, list) else []


def check_shares(config: Config, noun: str) -> Iterator[tuple[str, str]]:
    """What is wrong with labels and shares: pointer and message."""
    arms = arms_of(config)
    if not 2 <= len(arms) <= MOST:
        yield "/arms", f"{noun} has 2 to {MOST} arms"
    for index, arm in enumerate(arms):
        if type(arm.get("weight")) is not int or not 0 <= arm["weight"] <= 100:
            yield f"/arms/{index}/weight", "weight must be a whole number of percent from 0 to 100"
        if not isinstance(arm.get("label"), str) or not arm["label"].strip():
            yield f"/arms/{index}/label", "label must be a text"
    weights = [arm["weight"] for arm in arms if type(arm.get("weight")) is int]
    if arms and len(weights) == len(arms) and sum(weights) != 100:
        yield "/arms", f"the weights add up to {sum(weights)}, not to 100"


def check_arms(config: Config) -> Iterator[tuple[str, str]]:
    """What is wrong with the arms of a message or a wait; none is no flaw."""
    if "arms" not in config:
        return
    yield from check_shares(config, "an experiment")
    allowed = FIELDS.get(str(config.get("kind")), ())
    for index, arm in enumerate(arms_of(config)):
        for name in sorted(set(arm) - {"label", "weight", *allowed}):
            yield f"/arms/{index}/{name}", f"an arm of this step has no {name}"
        yield from ((f"/arms/{index}{pointer}", message) for pointer, message in _arm_flaws(config, arm))


def _arm_flaws(config: Config, arm: Config) -> Iterator[tuple[str, str]]:
    for name in ("subject", "title", "body", "action_url"):
        if name in arm and not (isinstance(arm[name], str) and arm[name].strip()):
            yield f"/{name}", f"{name} must be a text"
    hours = arm.get("delay_hours", 0)
    if type(hours) is not int or not 0 <= hours <= MOST_HOURS:
        yield "/delay_hours", f"delay_hours must be a whole number from 0 to {MOST_HOURS}"
    yield from check_wordings(arm)
    says_else = any(name in arm for name in ("subject", "title", "body"))
    if says_else and (missing := sorted(set(variants_of(config)) - set(variants_of(arm)))):
        yield "/variants", f"this arm has no wording for {', '.join(missing)}, which the step has"


def with_arm(config: Config, index: int) -> dict[str, Any]:
    """The step as one of its arms does it; an arm that is not there does what the step says."""
    arms = arms_of(config)
    said = arms[index] if 0 <= index < len(arms) else {}
    own = {name: value for name, value in config.items() if name != "arms"}
    return own | {name: value for name, value in said.items() if name not in ("label", "weight", "next")}


def signature(config: Config) -> str:
    """A digest of what the arms do and of their shares: another one is another phase."""
    arms = [{name: value for name, value in arm.items() if name != "next"} for arm in arms_of(config)]
    own = {name: config.get(name) for name in FIELDS.get(str(config.get("kind")), ())}
    return sha256(json.dumps([own, arms], sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def shares_of(config: Config) -> list[dict[str, Any]]:
    """Label and share of each arm."""
    return [{"label": arm["label"], "weight": arm["weight"]} for arm in arms_of(config)]


def aspects(config: Config) -> str:
    """What is tested, in words: subject, content, CTA, timing or path."""
    if config.get("kind") == "split":
        return "path"
    said = {WORDS[name] for arm in arms_of(config) for name in arm if name in WORDS}
    return ", ".join(sorted(said)) or "nothing yet"


def arm_sources(config: Config, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every template that an arm says in its own words, with its pointer."""
    for index, arm in enumerate(arms_of(config)):
        yield from ((f"/arms/{index}/{name}", str(arm[name])) for name in names if name in arm)
        for locale, wording in variants_of(arm).items():
            yield from ((f"/arms/{index}/variants/{locale}/{part}", str(wording.get(part, ""))) for part in PARTS)
