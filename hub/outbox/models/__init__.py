"""Rows of the outbox: messages and attempts, consent, guards."""

from hub.outbox.models.clicks import Click
from hub.outbox.models.consent import (
    Consent,
    ConsentChange,
    ConsentStatus,
    LegalBasis,
    Silence,
    Suppression,
    Topic,
)
from hub.outbox.models.content import Logo, MailTemplate, Snippet, Story
from hub.outbox.models.guards import Holdout, Stop, StopKind
from hub.outbox.models.message import COUNTED_CLASSES, FELT, LEASE, WAITING, Delivery, Message, MessageStatus

__all__ = [
    "COUNTED_CLASSES",
    "FELT",
    "LEASE",
    "WAITING",
    "Click",
    "Consent",
    "ConsentChange",
    "ConsentStatus",
    "Delivery",
    "Holdout",
    "LegalBasis",
    "Logo",
    "MailTemplate",
    "Message",
    "MessageStatus",
    "Silence",
    "Snippet",
    "Stop",
    "StopKind",
    "Story",
    "Suppression",
    "Topic",
]
