"""What the gates need to know about messages, looked up for a whole batch at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Q

from hub.accounts.models import AccountFacts, ContactStatus
from hub.outbox import models as m
from hub.outbox.channels.base import channels
from hub.outbox.gates import BLOCKED_BY_TROUBLE, COUNTED, Consent, MessageClass, Purpose, Situation
from hub.outbox.origins import CauseState, origins
from hub.outbox.policy import SendingRules, bucket_of
from hub.outbox.reach import AT_ONCE, reach_of
from hub.outbox.services import blast_hold, reason_of, suppressions
from hub.outbox.topics import Silent, silences, topics_known, word_of
from hub.registry.troubles import troubles_of
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared


def zone_of(*names: str) -> ZoneInfo:
    """The first of these time zones that exists."""
    for name in names:
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                continue
    return ZoneInfo("UTC")


@dataclass
class Surroundings:
    """The facts behind a batch of messages (with contact and account loaded), read once, under the accounts' locks."""

    tenant: Tenant
    rules: SendingRules
    messages: Sequence[m.Message]
    now: datetime
    contact_sent: dict[UUID, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    account_sent: dict[UUID, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        since = self.now - self.rules.policy.cap_window
        mine = [message.pk for message in self.messages]
        for contact_id, account_id, at in _felt(accounts=self.account_ids, since=since, mine=mine):
            self.contact_sent[contact_id].append(at)
            self.account_sent[account_id].append(at)

    def count(self, message: m.Message) -> None:
        """Add a message that goes now to the pressure that the next ones of the batch meet."""
        if message.message_class in COUNTED and message.channel == "email":
            self.contact_sent[message.contact_id].append(self.now)
            self.account_sent[message.account_id].append(self.now)

    def situation(self, message: m.Message) -> Situation:
        """Everything that is known about one message."""
        state = self.causes.get(message.cause_id, CauseState()) if message.cause_id else CauseState()
        channel = channels.get(message.channel)
        address = channel.address_of(message.contact)
        counted = message.channel == "email"
        return Situation(
            message_class=MessageClass(message.message_class),
            purpose=Purpose(message.purpose),
            now=self.now,
            wanted_at=message.wanted_at,
            zone=zone_of(message.contact.timezone, message.account.timezone, self.tenant.timezone),
            expires_at=message.expires_at,
            has_contact=bool(address) and message.contact.status != ContactStatus.LEFT,
            suppressed=self.suppressed.get((message.channel, address), ""),
            consent=self.consent(message) if message.message_class in COUNTED else Consent.UNKNOWN,
            # What waits quietly in the hub presses on nobody.
            contact_sent=self.contact_sent[message.contact_id] if counted else (),
            account_sent=self.account_sent[message.account_id] if counted else (),
            rivals=self.rivals(message),
            open_p1=message.account_id in self.urgent if _may_wait(message) else False,
            red_health=message.account_id in self.troubled.get("red_health", ()) if _may_wait(message) else False,
            goal_met=state.goal_met,
            journey_paused=state.paused,
            journey_over=state.over,
            stopped=self.stopped(message),
            blast=self.blast(message),
            holdout=message.message_class == MessageClass.PROGRAMME
            and (state.held_out or self.held_out[message.account_id]),
            own_holdout=state.own_holdout,
        )

    @cached_property
    def account_ids(self) -> list[UUID]:
        return sorted({message.account_id for message in self.messages})

    @cached_property
    def causes(self) -> dict[UUID, CauseState]:
        by_origin: dict[str, set[UUID]] = defaultdict(set)
        for message in self.messages:
            if message.cause_id and message.cause in origins:
                by_origin[message.cause].add(message.cause_id)
        return {
            cause_id: state
            for key, ids in by_origin.items()
            for cause_id, state in origins.get(key).states(sorted(ids)).items()
        }

    @cached_property
    def suppressed(self) -> dict[tuple[str, str], str]:
        return suppressions((x.channel, channels.get(x.channel).address_of(x.contact)) for x in self.messages)

    @cached_property
    def _consents(self) -> dict[UUID, dict[tuple[str, str], str]]:
        found: dict[UUID, dict[tuple[str, str], str]] = defaultdict(dict)
        contacts = sorted({message.contact_id for message in self.messages})
        for contact_id, channel, topic, status in _consents(contacts=contacts):
            found[contact_id][channel, topic] = status
        return found

    @cached_property
    def _silent(self) -> Silent:
        return Silent(silences(topics_known()), self.rules.assume_consent)

    def consent(self, message: m.Message) -> Consent:
        """The word on the topic, else on all topics, else what silence means for the topic, tenant and channel."""
        if word := word_of(self._consents[message.contact_id], message.channel, message.topic):
            return Consent(word)
        return self._silent.word(message.topic, channels.get(message.channel).consent_by_default)

    @cached_property
    def urgent(self) -> set[UUID]:
        return set(_urgent(accounts=self.account_ids))

    @cached_property
    def troubled(self) -> dict[str, frozenset[UUID]]:
        return troubles_of(self.account_ids)

    @cached_property
    def _stops(self) -> list[m.Stop]:
        """Stops that hold something now, and blasts that were let go and may go on."""
        return _stops(since=self.now - AT_ONCE)

    def stopped(self, message: m.Message) -> str:
        """The code of what stops a message, "" when nothing does. What stopped by itself stops mail that caps count."""
        counted = message.message_class in COUNTED and message.channel == "email"
        for stop in self._stops:
            mine = stop.group_id is None or stop.group_id == message.group_id
            if mine and (stop.kind == m.StopKind.PERSON or (stop.is_automatic and counted)):
                return reason_of(stop)
        return ""

    def blast(self, message: m.Message) -> bool:
        """Whether a message is one of too many; who finds that out first says so."""
        counted = message.message_class in COUNTED and message.channel == "email"
        if message.group_id is None or not counted:
            return False
        return self._blasts[message.group_id]

    @cached_property
    def _blasts(self) -> dict[UUID, bool]:
        sizes = Counter(message.group_id for message in self.messages if message.group_id)
        labels = {message.group_id: message.cause_label for message in self.messages}
        return {group_id: self._is_blast(group_id, labels[group_id], more) for group_id, more in sizes.items()}

    def _is_blast(self, group_id: UUID, label: str, more: int) -> bool:
        known = [stop for stop in self._stops if stop.kind == m.StopKind.BLAST and stop.group_id == group_id]
        if known:
            return any(stop.ended_at is None for stop in known)
        reach = reach_of(group_id, self.rules, self.now, more=more)
        if reach.is_too_far:
            blast_hold(group_id=group_id, label=label, contacts=reach.contacts, total=reach.total, limit=reach.limit)
        return reach.is_too_far

    @cached_property
    def _wanted(self) -> dict[UUID, list[tuple[UUID, Purpose]]]:
        """Purposes of what else is on its way to the accounts: other messages, and what the apps are about to do."""
        wanted: dict[UUID, list[tuple[UUID, Purpose]]] = defaultdict(list)
        for pk, account_id, purpose in _soon(accounts=self.account_ids):
            wanted[account_id].append((pk, Purpose(purpose)))
        for origin in origins:
            for account_id, purposes in origin.purposes(self.account_ids).items():
                wanted[account_id] += [(account_id, purpose) for purpose in purposes]
        return wanted

    def rivals(self, message: m.Message) -> frozenset[Purpose]:
        return frozenset(purpose for pk, purpose in self._wanted[message.account_id] if pk != message.pk)

    @cached_property
    def held_out(self) -> dict[UUID, bool]:
        return holdouts(self.tenant, self.account_ids, self.rules)


def _may_wait(message: m.Message) -> bool:
    return Purpose(message.purpose) in BLOCKED_BY_TROUBLE


def holdouts(tenant: Tenant, account_ids: Sequence[UUID], rules: SendingRules) -> dict[UUID, bool]:
    """Whether each account is held out; those that have no place yet draw one and keep it."""
    ids = set(account_ids)
    known = dict(_drawn_before(accounts=sorted(ids)))
    missing = sorted(ids - known.keys())
    if missing:
        m.Holdout.objects.bulk_create([_drawn(tenant, pk, rules) for pk in missing], ignore_conflicts=True)
        known |= dict(m.Holdout.objects.filter(account_id__in=missing).values_list("account_id", "held_out"))
    return known


def _drawn(tenant: Tenant, account_id: UUID, rules: SendingRules) -> m.Holdout:
    bucket = bucket_of(f"holdout:{tenant.pk}", account_id)
    return m.Holdout(account_id=account_id, bucket=bucket, held_out=bucket < rules.holdout_percent * 100)


# --- What is read, for every claim ----------------------------------------------------------------------------------


@Prepared[tuple[UUID, UUID, datetime]]
def _felt(the: Places) -> Any:
    """What presses on the accounts, but for the messages in hand: those that were cleared already are asked anew."""
    sent = m.Message.objects.filter(
        account_id__in=the.uuids("accounts"),
        sent_at__gt=the.moment("since"),
        message_class__in=m.COUNTED_CLASSES,
        status__in=m.FELT,
        channel="email",
    )
    return sent.exclude(pk__in=the.uuids("mine")).values_list("contact_id", "account_id", "sent_at")


@Prepared[tuple[UUID, UUID, str]]
def _soon(the: Places) -> Any:
    waiting = m.Message.objects.filter(account_id__in=the.uuids("accounts"), status__in=m.WAITING)
    counted = waiting.exclude(message_class__in=[MessageClass.ACCESS, MessageClass.SERVICE])
    return counted.values_list("pk", "account_id", "purpose")


@Prepared[tuple[UUID, str, str, str]]
def _consents(the: Places) -> Any:
    found = m.Consent.objects.filter(contact_id__in=the.uuids("contacts"))
    return found.values_list("contact_id", "channel", "topic", "status")


@Prepared[UUID]
def _urgent(the: Places) -> Any:
    urgent = AccountFacts.objects.filter(account_id__in=the.uuids("accounts"), open_urgent_tickets__gt=0)
    return urgent.values_list("account_id", flat=True)


@Prepared[m.Stop]
def _stops(the: Places) -> Any:
    let_go = Q(kind=m.StopKind.BLAST, ended_at__gt=the.moment("since"), outcome="lifted")
    return m.Stop.objects.filter(Q(ended_at__isnull=True) | let_go)


@Prepared[tuple[UUID, bool]]
def _drawn_before(the: Places) -> Any:
    return m.Holdout.objects.filter(account_id__in=the.uuids("accounts")).values_list("account_id", "held_out")
