"""The topics of a tenant: those that ship, as the tenant has changed them, and its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.outbox.gates import Consent
from hub.outbox.models import Silence, Topic
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import configured


@dataclass(frozen=True, slots=True)
class KnownTopic:
    """A topic as it counts now; `ships`: it comes with the product, `changed`: the tenant has said otherwise."""

    key: str
    name: str
    description: str
    silence: str = Silence.RULE
    position: int = 100
    is_off: bool = False
    ships: bool = False
    changed: bool = False

    @property
    def silence_words(self) -> str:
        return str(Silence(self.silence).label)


def _ship(position: int, key: str, name: str, description: str) -> KnownTopic:
    return KnownTopic(key, name, description, position=position, ships=True)


SHIPPED: Final = (
    _ship(10, "onboarding", "Getting started", "The steps of your onboarding and what helps with them."),
    _ship(20, "success", "Getting more out of it", "Hints that fit how your team uses the product."),
    _ship(30, "growth", "Growing with us", "More seats, other plans and products that fit your use."),
    _ship(40, "newsletter", "News", "What is new, about once a month."),
    _ship(50, "events", "Events", "Webinars, user groups and conferences."),
    _ship(60, "advocacy", "Your story", "Invitations to references, reviews and case studies."),
)


def topics_known() -> list[KnownTopic]:
    """Every topic of the tenant in context, in order; those put away too. One query."""
    own = configured("topics", lambda: {row.key: row for row in _own()})
    shipped = {topic.key: topic for topic in SHIPPED}
    topics = [_as_known(row, key in shipped) for key, row in own.items()]
    topics += [topic for key, topic in shipped.items() if key not in own]
    return sorted(topics, key=lambda topic: (topic.position, topic.name))


@Prepared[Topic]
def _own(the: Places) -> Any:
    return Topic.objects.all()


def _as_known(row: Topic, ships: bool) -> KnownTopic:
    return KnownTopic(row.key, row.name, row.description, row.silence, row.position, row.is_off, ships, ships)


def topic_names() -> dict[str, str]:
    """Key → name; what a message names and nobody has described keeps its key."""
    return {topic.key: topic.name for topic in topics_known()}


def silences(topics: Iterable[KnownTopic]) -> dict[str, str]:
    return {topic.key: topic.silence for topic in topics}


@dataclass(frozen=True, slots=True)
class Silent:
    """What counts while a contact has said nothing: by the topic, else by the tenant's rule, else by the channel."""

    by_topic: Mapping[str, str]
    assume: bool

    def word(self, topic: str, channel_default: Consent) -> Consent:
        # Where silence lets everything through, as in the customer's own hub, no topic asks for more.
        if channel_default is Consent.GRANTED or self.by_topic.get(topic) == Silence.WRITE:
            return Consent.GRANTED
        if self.by_topic.get(topic) == Silence.ASK:
            return Consent.UNKNOWN
        return Consent.GRANTED if self.assume else channel_default


Said = Mapping[tuple[str, str], str]
"""(channel, topic) → status, of one contact."""


def word_of(said: Said, channel: str, topic: str) -> str:
    """The word on the topic, else on all topics of the channel, else ""."""
    return said.get((channel, topic)) or said.get((channel, "")) or ""
