"""What a contact wants to hear about: the choices that the preference centre shows, and what they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict

from hub.accounts.models import Contact
from hub.outbox.channels.base import channels
from hub.outbox.gates import Consent as Counts
from hub.outbox.models import Consent
from hub.outbox.policy import sending_rules
from hub.outbox.topics import KnownTopic, Silent, silences, topics_known, word_of
from hub.tenancy.models import Tenant


@dataclass(frozen=True, slots=True)
class Choice:
    """A box: whether messages about the topic come by the channel. ``name`` is the form's."""

    channel: str
    title: str
    topic: str
    on: bool

    @property
    def name(self) -> str:
        return f"{self.channel}:{self.topic}"


@dataclass(frozen=True, slots=True)
class Preferences:
    """Topics with a choice for each channel; ``before`` is what counts now, by (channel, topic)."""

    rows: tuple[tuple[KnownTopic, tuple[Choice, ...]], ...]
    titles: tuple[str, ...]

    @property
    def before(self) -> dict[tuple[str, str], bool]:
        return {(choice.channel, choice.topic): choice.on for _, choices in self.rows for choice in choices}

    @property
    def nothing_left(self) -> bool:
        return not any(self.before.values())

    def wanted(self, posted: QueryDict) -> dict[tuple[str, str], bool]:
        """What a form says; only what the page showed can be said."""
        return {(choice.channel, choice.topic): choice.name in posted for _, choices in self.rows for choice in choices}


def said_by(contact: Contact) -> dict[tuple[str, str], str]:
    """(channel, topic) → status of everything that the contact has said."""
    rows = Consent.objects.filter(contact=contact).values_list("channel", "topic", "status")
    return {(channel, topic): status for channel, topic, status in rows}


def preferences_of(contact: Contact, tenant: Tenant, *, also: str = "") -> Preferences:
    """The choices of a contact; ``also`` is a topic to show though nobody has described it."""
    known = topics_known()
    topics = [topic for topic in known if not topic.is_off]
    if also and also not in {topic.key for topic in topics}:
        topics.append(next((topic for topic in known if topic.key == also), KnownTopic(also, also.title(), "")))
    said = said_by(contact)
    silent = Silent(silences(known), sending_rules(tenant.settings).assume_consent)
    rows = tuple((topic, _choices(topic.key, said, silent)) for topic in topics)
    return Preferences(rows, tuple(channel.title for channel in channels))


def _choices(topic: str, said: Mapping[tuple[str, str], str], silent: Silent) -> tuple[Choice, ...]:
    return tuple(
        Choice(channel.key, channel.title, topic, _is_on(said, silent, channel.key, channel.consent_by_default, topic))
        for channel in channels
    )


def _is_on(said: Mapping[tuple[str, str], str], silent: Silent, channel: str, default: Counts, topic: str) -> bool:
    word = word_of(said, channel, topic) or silent.word(topic, default)
    return word == Counts.GRANTED
