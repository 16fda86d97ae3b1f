"""Writes of the shared record, one module per noun; every name that other apps use is offered here."""

from hub.accounts.services.community import COMMUNITY_ACTIVITY, community_activity_upsert
from hub.accounts.services.happenings import change_record, timeline_record, timeline_record_many
from hub.accounts.services.locks import EVALUATE, facts_touch, facts_touch_free, states_ensure, states_lock
from hub.accounts.services.record import (
    ACCOUNT_FIELDS,
    CONTACT_FIELDS,
    OwnerError,
    account_upsert,
    contact_upsert,
    owner_id_of,
    owner_ids,
)
from hub.accounts.services.sourced import MissingFieldError, Noun, sourced_upsert

__all__ = [
    "ACCOUNT_FIELDS",
    "COMMUNITY_ACTIVITY",
    "CONTACT_FIELDS",
    "EVALUATE",
    "MissingFieldError",
    "Noun",
    "OwnerError",
    "account_upsert",
    "change_record",
    "community_activity_upsert",
    "contact_upsert",
    "facts_touch",
    "facts_touch_free",
    "owner_id_of",
    "owner_ids",
    "sourced_upsert",
    "states_ensure",
    "states_lock",
    "timeline_record",
    "timeline_record_many",
]
