from hub.accounts.models.account import Account, AccountExternalId, AccountState, LifecycleStage
from hub.accounts.models.contact import Contact, ContactExternalId, ContactRole
from hub.accounts.models.timeline import TimelineEntry

__all__ = [
    "Account",
    "AccountExternalId",
    "AccountState",
    "Contact",
    "ContactExternalId",
    "ContactRole",
    "LifecycleStage",
    "TimelineEntry",
]
