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
from hub.accounts.services.provenance import RuleBook, Voice, words_restore
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
from hub.accounts.services.winning import (
    WinningError,
    conflict_keep,
    conflict_let_win,
    fields_set_by_hand,
    source_rule_preview,
    source_rule_remove,
    source_rule_set,
    source_withdraw,
)

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
    "RuleBook",
    "Voice",
    "WinningError",
    "account_parent_set",
    "account_upsert",
    "accounts_change_many",
    "attribute_change",
    "attribute_define",
    "attributes_set",
    "attributes_set_many",
    "change_record",
    "community_activity_upsert",
    "conflict_keep",
    "conflict_let_win",
    "contact_left",
    "contact_returned",
    "contact_roles_set",
    "contact_upsert",
    "facts_touch",
    "facts_touch_free",
    "fields_set_by_hand",
    "owner_id_of",
    "owner_ids",
    "people_link",
    "person_merge",
    "person_split",
    "person_undo",
    "rollup_rule",
    "rollup_rule_set",
    "source_rule_preview",
    "source_rule_remove",
    "source_rule_set",
    "source_withdraw",
    "sourced_upsert",
    "states_ensure",
    "states_lock",
    "timeline_record",
    "timeline_record_many",
    "values_of",
    "words_restore",
]
