"""Writes of the shared record, one module per noun; every name that other apps use is offered here."""

from hub.accounts.services.attributes import (
    AttributeDefinitionError,
    AttributesError,
    attribute_change,
    attribute_define,
    attributes_set,
    attributes_set_many,
)
from hub.accounts.services.community import COMMUNITY_ACTIVITY, community_activity_upsert
from hub.accounts.services.happenings import change_record, timeline_record, timeline_record_many
from hub.accounts.services.hierarchy import HierarchyError, account_parent_set, rollup_rule, rollup_rule_set
from hub.accounts.services.locks import EVALUATE, facts_touch, facts_touch_free, states_ensure, states_lock
from hub.accounts.services.many import accounts_change_many, values_of
from hub.accounts.services.people import (
    PersonError,
    contact_left,
    contact_returned,
    contact_roles_set,
    people_link,
    person_merge,
    person_split,
    person_undo,
)
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
    "AttributeDefinitionError",
    "AttributesError",
    "HierarchyError",
    "MissingFieldError",
    "Noun",
    "OwnerError",
    "PersonError",
    "account_parent_set",
    "account_upsert",
    "accounts_change_many",
    "attribute_change",
    "attribute_define",
    "attributes_set",
    "attributes_set_many",
    "change_record",
    "community_activity_upsert",
    "contact_left",
    "contact_returned",
    "contact_roles_set",
    "contact_upsert",
    "facts_touch",
    "facts_touch_free",
    "owner_id_of",
    "owner_ids",
    "people_link",
    "person_merge",
    "person_split",
    "person_undo",
    "rollup_rule",
    "rollup_rule_set",
    "sourced_upsert",
    "states_ensure",
    "states_lock",
    "timeline_record",
    "timeline_record_many",
    "values_of",
]
