"""Writes of plays. Every change of the terms is the next version; what choices were made on stays as it was."""

from __future__ import annotations

from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from hub.accounts.models import LifecycleStage
from hub.people.audit import Actor, audit
from hub.registry.actions import actions
from hub.registry.facts import known_facts
from hub.rules.language import RuleError, parse
from journeys.decisions.acts.base import play_acts
from journeys.decisions.models import OPEN, TO_REVIEW, Choice, ChoiceStatus, Play, PlayVersion
from journeys.decisions.shipped import SHIPPED
from journeys.decisions.terms import Known, PlayError, Terms, terms_of, terms_read
from journeys.models import Journey
from signals.models import Trigger

MOST: Final = 100


class StalePlay(Exception):
    """Somebody else has changed the play since it was read."""


def known() -> Known:
    """What terms may name at the tenant in context."""
    triggers = frozenset(Trigger.objects.values_list("key", flat=True))
    offered = frozenset(act.key for act in play_acts if act.key in actions)
    return Known(triggers, frozenset(LifecycleStage.values), offered)


def terms_checked(raw: Any) -> Terms:
    """Terms as somebody sent them, checked whole. Raises PlayError; rules name their place in its message."""
    terms = terms_read(raw, known())
    for name, rule in (("rule", terms.rule), ("success", terms.success)):
        if rule is not None:
            try:
                parse(rule, known_facts())
            except RuleError as error:
                told = "; ".join(f"{each.pointer or '/'} {each.message}" for each in error.problems)
                raise PlayError(name, told[:500]) from None
    play_acts.get(terms.action).check(terms.config)
    return terms


@transaction.atomic
def plays_install(*, actor: Actor) -> int:
    """Give the tenant in context the plays that ship and that it lacks; returns how many."""
    there = set(Play.objects.values_list("key", flat=True))
    journeys = set(Journey.objects.values_list("key", flat=True))
    number = 0
    for shipped in SHIPPED:
        if shipped.key in there or shipped.config.get("journey", "") not in {"", *journeys}:
            continue
        _make(shipped.key, shipped.name, shipped.description, shipped.terms(), actor)
        number += 1
    return number


def _make(key: str, name: str, description: str, terms: Terms, actor: Actor) -> Play:
    play: Play = Play.objects.create(key=key, name=name, description=description, terms=terms.as_json())
    _keep(play, actor)
    audit(actor, "play.create", play, terms=play.terms)
    return play


def _keep(play: Play, actor: Actor) -> None:
    PlayVersion.objects.create(
        play=play, number=play.version, name=play.name, terms=play.terms, made_by=actor.label[:200]
    )


@transaction.atomic
def play_create(*, name: str, description: str = "", terms: Any, actor: Actor) -> Play:
    """Make a play; its key comes from its name and never changes. Raises PlayError."""
    title, checked = _named(name), terms_checked(terms)
    if Play.objects.filter(archived_at__isnull=True).count() >= MOST:
        raise PlayError("name", f"there are {MOST} plays already; put one away first")
    try:
        with transaction.atomic():
            return _make(_free_key(title), title, _words(description), checked, actor)
    except IntegrityError:
        raise PlayError("name", "somebody else has just made a play of this name; try again") from None


@transaction.atomic
def play_change(*, play: Play, name: str, description: str, terms: Any, seen: int, actor: Actor) -> Play:
    """Give a play other terms, which is its next version. Another action begins to learn anew.

    Raises PlayError, and StalePlay when it is not at the version ``seen``.
    """
    locked: Play = Play.objects.select_for_update(no_key=True).get(pk=play.pk)
    if locked.version != seen or locked.archived_at is not None:
        raise StalePlay
    checked = terms_checked(terms)
    before = {"name": locked.name, "description": locked.description, "terms": locked.terms}
    after = {"name": _named(name), "description": _words(description), "terms": checked.as_json()}
    if before == after:
        return locked
    old = terms_of(locked.terms)
    if (old.action, dict(old.config)) != (checked.action, dict(checked.config)):
        locked.learns_since = timezone.now()
    locked.name, locked.description, locked.terms = _named(name), _words(description), checked.as_json()
    locked.version += 1
    locked.save(update_fields=["name", "description", "terms", "version", "learns_since"])
    _keep(locked, actor)
    audit(actor, "play.change", locked, before=before, after=after)
    return locked


@transaction.atomic
def play_switch(*, play: Play, on: bool, actor: Actor) -> bool:
    """Switch a play on or off; False when it was so. What is decided already is not done while it is off."""
    changed = Play.objects.filter(pk=play.pk, archived_at__isnull=True).exclude(is_on=on).update(is_on=on)
    if changed:
        audit(actor, "play.switch", play, on=on)
    return bool(changed)


@transaction.atomic
def play_archive(*, play: Play, actor: Actor) -> bool:
    """Put a play away; choices that wait for review lapse, what was done stays. False when it was put away before."""
    changed = Play.objects.filter(pk=play.pk, archived_at__isnull=True).update(archived_at=timezone.now(), is_on=False)
    if changed:
        waiting = Choice.objects.filter(play=play, status__in=TO_REVIEW)
        lapsed = waiting.update(status=ChoiceStatus.LAPSED, reason="play_off", expires_at=None)
        audit(actor, "play.archive", play, lapsed=lapsed)
    return bool(changed)


def open_count(play: Play) -> int:
    """How many of its choices are open."""
    found: int = Choice.objects.filter(play=play, status__in=OPEN).count()
    return found


def _named(name: str) -> str:
    words = name.replace("\0", "").strip() if isinstance(name, str) else ""
    if not words or len(words) > 120:
        raise PlayError("name", "give the play a name of at most 120 characters")
    return words


def _words(text: str) -> str:
    return text.replace("\0", "").strip()[:500]


def _free_key(name: str) -> str:
    base = slugify(name)[:56].strip("-") or "play"
    taken = set(Play.objects.values_list("key", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(key for key in numbered if key not in taken)
