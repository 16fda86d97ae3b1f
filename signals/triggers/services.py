"""What people change about triggers: make one, give it another rule or other settings, switch it, take a version back.

Nothing here fires: a rule that is new, or comes back, is looked at for the first time by the evaluation of every
account that follows, and what it finds true is taken as it is.
"""

from __future__ import annotations

from typing import Any, Final
from zlib import crc32

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from hub.people.audit import Actor, audit
from hub.registry.facts import known_facts
from hub.rules.language import Node, parse, parse_stored
from hub.tenancy.remembering import current_tenant
from signals.models import Trigger, TriggerVersion
from signals.reopening import day_reopen
from signals.services import check_composition, keep_version, trigger_edit
from signals.triggers.trying import Blast, blast

SETTINGS: Final = ("name", "family", "severity", "cooldown_days", "fire_on_first_sight")
KEY_LENGTH: Final = 64
# Every evaluation asks all that are on.
MOST: Final = 300


class StaleError(Exception):
    """Somebody else changed the trigger since it was read."""


class WideError(Exception):
    """The change would make a rule true of many accounts at once; it waits for a confirmation. ``fires``: it makes a
    signal for each of them, instead of taking them as already true."""

    def __init__(self, blast: Blast, *, fires: bool) -> None:
        self.blast, self.fires = blast, fires
        super().__init__(f"this {'fires for' if fires else 'takes'} many accounts at once; confirm it")


def stamp_of(trigger: Trigger) -> str:
    """What a trigger was when it was read: it differs after every change of it."""
    told = "|".join(str(getattr(trigger, name)) for name in (*SETTINGS, "is_active"))
    return f"{trigger.version}.{crc32(told.encode())}"


@transaction.atomic
def trigger_create(
    *,
    name: str,
    family: str,
    severity: str,
    cooldown_days: int,
    rule: Any,
    actor: Actor,
    key: str = "",
    fire_on_first_sight: bool = False,
    confirmed: bool = False,
) -> Trigger:
    """Make a computed trigger; its key comes from the name unless it is given.

    Raises RuleError for the rule and ValidationError for a key that is taken, or a trigger too many. Accounts of which
    the rule is true already are taken as baseline; a trigger that fires on first sight makes a signal for each of them,
    and raises WideError when they are many, unless that is ``confirmed``.
    """
    node = parse(rule, known_facts())
    trigger = Trigger(
        key=key or _free_key(name),
        name=name,
        family=family,
        kind=Trigger.Kind.COMPUTED,
        severity=severity,
        cooldown_days=cooldown_days,
        fire_on_first_sight=fire_on_first_sight,
        rule=rule,
    )
    check_composition(trigger, node)
    _check_number()
    if fire_on_first_sight and not confirmed:
        _check_width(trigger, node, None, fires=True)
    try:
        with transaction.atomic():
            trigger.save(force_insert=True)
    except IntegrityError:
        raise ValidationError({"key": [f"there is a trigger {trigger.key} already"]}) from None
    keep_version(trigger)
    audit(actor, "trigger.create", trigger, rule=rule, version=trigger.version)
    day_reopen()
    return trigger


def _free_key(name: str) -> str:
    base = slugify(name)[: KEY_LENGTH - 4].strip("-") or "trigger"
    taken = set(Trigger.objects.filter(key__startswith=base).values_list("key", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(key for key in numbered if key not in taken)


@transaction.atomic
def trigger_change(
    *,
    trigger: Trigger,
    actor: Actor,
    rule: Any = None,
    settings: dict[str, Any] | None = None,
    seen: str = "",
    confirmed: bool = False,
) -> Trigger:
    """Change a trigger's rule (None: it stays) and settings (of `SETTINGS`; what is left out stays).

    Raises RuleError; StaleError when the trigger is not what was ``seen``; WideError when the new rule is true of many
    accounts of which the old one is not, unless that is ``confirmed``.
    """
    locked = _locked(trigger, seen)
    if rule is not None and rule != locked.rule:
        node = parse(rule, known_facts())
        if locked.is_active and not confirmed:
            fires = bool((settings or {}).get("fire_on_first_sight", locked.fire_on_first_sight))
            # Under another version every account is seen for the first time.
            known_before = None if fires else parse_stored(locked.rule, known_facts())
            _check_width(locked, node, known_before, fires=fires)
        trigger_edit(trigger=locked, rule=rule, actor=actor)
        locked.refresh_from_db()
    asked = {name: value for name, value in (settings or {}).items() if getattr(locked, name) != value}
    if asked:
        before = {name: getattr(locked, name) for name in asked}
        for name, value in asked.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(asked))
        audit(actor, "trigger.change", locked, before=before, after=asked)
    return locked


@transaction.atomic
def trigger_switch(*, trigger: Trigger, is_active: bool, actor: Actor, confirmed: bool = False) -> Trigger:
    """Switch a trigger on or off. On again it looks at every account as if for the first time, under the next version:
    what became true while it was off fires nothing. Raises WideError, RuleError for a rule whose facts are gone, and
    ValidationError for a trigger too many."""
    locked = _locked(trigger, "")
    if locked.is_active == is_active:
        return locked
    if is_active:
        node = parse(locked.rule, known_facts())
        _check_number()
        if not confirmed:
            _check_width(locked, node, None, fires=locked.fire_on_first_sight)
    locked.is_active = is_active
    locked.version += is_active
    locked.save(update_fields=["is_active", "version"])
    if is_active:
        keep_version(locked)
    # Switched off it stands no more, which others may read.
    day_reopen()
    audit(actor, f"trigger.{'on' if is_active else 'off'}", locked, version=locked.version)
    return locked


@transaction.atomic
def trigger_restore(*, trigger: Trigger, version: int, actor: Actor, confirmed: bool = False) -> Trigger:
    """Give a trigger the rule of an earlier version, as its next one. Raises TriggerVersion.DoesNotExist, RuleError for
    a rule whose facts are gone, and WideError."""
    rule = TriggerVersion.objects.values_list("rule", flat=True).get(trigger=trigger, version=version)
    return trigger_change(trigger=trigger, rule=rule, actor=actor, confirmed=confirmed)


def _locked(trigger: Trigger, seen: str) -> Trigger:
    # Evaluations refer to the trigger while it is edited; nobody waits for anybody.
    locked: Trigger = Trigger.objects.select_for_update(no_key=True).get(pk=trigger.pk)
    if seen and stamp_of(locked) != seen:
        raise StaleError
    return locked


def _check_number() -> None:
    if Trigger.objects.filter(is_active=True).count() >= MOST:
        raise ValidationError({"name": [f"{MOST} triggers are on; switch one off first"]})


def _check_width(trigger: Trigger, node: Node, before: Node | None, *, fires: bool) -> None:
    if trigger.kind != Trigger.Kind.COMPUTED:
        return
    found = blast(node, before, current_tenant())
    if found.is_wide:
        raise WideError(found, fires=fires)
