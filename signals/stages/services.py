"""Writes of the stages: another version of the rules, and what people set against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from hub.accounts.models import Account, LifecycleStage
from hub.accounts.services import facts_touch, states_lock
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.tenancy.remembering import current_tenant
from signals.reopening import day_reopen
from signals.stages.flags import flags_checked
from signals.stages.models import StageOverride, StageVersion
from signals.stages.preview import Preview, preview
from signals.stages.rules import Stages, checked, current_stages, stages_of

LONGEST_OVERRIDE: Final = 90
USUAL_OVERRIDE: Final = 30


class StageError(ValueError):
    """A change that cannot be made; the message says why."""


class StaleError(Exception):
    """Somebody else has published rules since these were read."""


class WideError(Exception):
    """The rules would move many accounts at once, or so many that counting takes too long; it wants a confirmation."""

    def __init__(self, found: Preview | None) -> None:
        self.preview = found
        super().__init__("this moves many accounts; confirm it")


@transaction.atomic
def stages_publish(
    *, rules: Any, flags: Mapping[str, Any] | None = None, note: str, seen: int, user: User | None, actor: Actor,
    confirmed: bool = False,
) -> StageVersion:  # fmt: skip
    """Publish the next version of the rules (and of the flags; None: they stay). Accounts follow in the background.

    Raises RuleError, StageError, StaleError when the current version is not the one ``seen``, and WideError unless
    ``confirmed``.
    """
    now, found = current_stages(), checked(rules)
    kept = now.flags if flags is None else flags_checked(flags)
    if now.number != seen:
        raise StaleError
    words = note.replace("\x00", "").strip()[:500]
    if not words:
        raise StageError("say what is changed and why: it stands beside every account that moves by it")
    if not confirmed:
        _check_width(replace(now, rules=found))
    return _publish(now, [dict(row) for row in replace(now, rules=found).stored()],
                    kept, words, user, actor)  # fmt: skip


def _publish(
    now: Stages, rules: Sequence[Mapping[str, Any]], flags: Mapping[str, Any], note: str, user: User | None,
    actor: Actor,
) -> StageVersion:  # fmt: skip
    try:
        with transaction.atomic():
            version: StageVersion = StageVersion.objects.create(
                number=now.number + 1, rules=list(rules), flags=dict(flags), note=note, published_by=user
            )
    except IntegrityError:
        # Somebody published at this very moment.
        raise StaleError from None
    audit(actor, "stages.publish", version, version=version.number, before=now.stored(), after=list(rules))
    day_reopen()
    return version


def _check_width(stages: Stages) -> None:
    found = preview(stages, current_tenant())
    if found is None or found.is_wide:
        raise WideError(found)


@transaction.atomic
def stages_restore(*, number: int, seen: int, user: User | None, actor: Actor, confirmed: bool = False) -> StageVersion:
    """Make the rules of an earlier version (0: those that ship) the next one; raises as `stages_publish`, and
    StageError when there is none."""
    version = StageVersion.objects.filter(number=number).first()
    if version is None and number:
        raise StageError(f"there is no version {number}")
    back, words = stages_of(version), f"Version {number} again" if number else "The shipped rules again"
    return stages_publish(
        rules=back.stored(), flags=back.flags, note=words, seen=seen, user=user, actor=actor, confirmed=confirmed
    )


# --- By hand ------------------------------------------------------------------------------------------------------


@transaction.atomic
def stage_override_set(
    *, account: Account, stage: str, reason: str, until: date, today: date, user: User | None, actor: Actor
) -> StageOverride:
    """Set a stage against the rules until a day, at most 90 days off; it replaces the one that stands.

    The account's stage follows with its evaluation, within seconds. Raises StageError.
    """
    words = reason.replace("\x00", "").strip()[:500]
    if stage not in LifecycleStage.values:
        raise StageError(f"choose one of the stages: {', '.join(LifecycleStage.values)}")
    if not words:
        raise StageError("say why: whoever reads the stage must know")
    if not today <= until <= today + timedelta(days=LONGEST_OVERRIDE):
        raise StageError(f"it ends today or within {LONGEST_OVERRIDE} days")
    states_lock([account.pk])
    now = timezone.now()
    StageOverride.objects.filter(account=account, ended_at__isnull=True).update(ended_at=now)
    row: StageOverride = StageOverride.objects.create(
        account=account, stage=stage, reason=words, until=until, set_by=user, set_at=now
    )
    audit(actor, "stage.override", account, stage=stage, until=until.isoformat())
    facts_touch([account.pk])
    return row


@transaction.atomic
def stage_override_end(*, account: Account, actor: Actor) -> bool:
    """Let the rules say the stage again; False when nothing was set by hand."""
    states_lock([account.pk])
    standing = StageOverride.objects.filter(account=account, ended_at__isnull=True)
    if not standing.update(ended_at=timezone.now()):
        return False
    audit(actor, "stage.override_end", account)
    facts_touch([account.pk])
    return True
