from hub.accounts.models.account import Account, AccountExternalId, AccountState, LifecycleStage
from hub.accounts.models.attributes import (
    AttributeChange,
    AttributeDefinition,
    AttributeEntity,
    AttributeKind,
    AttributeValue,
)
from hub.accounts.models.change import Change
from hub.accounts.models.community import ActivityKind, CommunityActivity
from hub.accounts.models.contact import Contact, ContactExternalId, ContactRole, ContactStatus
from hub.accounts.models.facts import AccountFacts
from hub.accounts.models.person import Person, PersonAddress, PersonEvent, PersonEventKind
from hub.accounts.models.provenance import ConflictState, DecisionDue, FieldConflict, SourceAlarm, SourceRule, WinKind
from hub.accounts.models.rollup import RollupDue
from hub.accounts.models.sourced import SourcedModel
from hub.accounts.models.timeline import TimelineEntry

__all__ = [
    "Account",
    "AccountExternalId",
    "AccountFacts",
    "AccountState",
    "ActivityKind",
    "AttributeChange",
    "AttributeDefinition",
    "AttributeEntity",
    "AttributeKind",
    "AttributeValue",
    "Change",
    "CommunityActivity",
    "ConflictState",
    "Contact",
    "ContactExternalId",
    "ContactRole",
    "ContactStatus",
    "DecisionDue",
    "FieldConflict",
    "LifecycleStage",
    "Person",
    "PersonAddress",
    "PersonEvent",
    "PersonEventKind",
    "RollupDue",
    "SourceAlarm",
    "SourceRule",
    "SourcedModel",
    "TimelineEntry",
    "WinKind",
]
