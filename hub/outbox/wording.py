"""Which wording a reader gets, and snippets put into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from hub.accounts.models import Contact
from hub.outbox.models import Snippet
from hub.outbox.rendering import TemplateError
from hub.tenancy.models import Tenant

T = TypeVar("T")
USE: Final = re.compile(r"\{\{-?\s*snippets\.([a-z0-9_-]{1,50})\s*-?\}\}")
LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\Z")


def worded(locale: str, otherwise: T, variants: Mapping[str, T]) -> T:
    """The wording of a locale such as de-AT, else of its language, else the one for everybody else."""
    by_name = {name.lower().replace("_", "-"): wording for name, wording in variants.items() if name}
    wanted = locale.lower().replace("_", "-")
    return by_name.get(wanted) or by_name.get(wanted.partition("-")[0]) or otherwise


def locale_of(contact: Contact | None, tenant: Tenant) -> str:
    """What a contact reads: their attribute ``locale`` or ``language``, else the tenant's."""
    told: Mapping[str, Any] = contact.attributes if contact is not None else {}
    return str(told.get("locale") or told.get("language") or tenant.locale)


def with_snippets(source: str, locale: str) -> str:
    """A template with its snippets in place. One query, and only where there are any; raises TemplateError."""
    keys = set(USE.findall(source))
    if not keys:
        return source
    found = {row.key: row.wordings for row in Snippet.objects.filter(key__in=keys, is_off=False)}
    if missing := sorted(keys - found.keys()):
        raise TemplateError("body", None, f"there is no snippet {missing[0]!r}")
    # A snippet is text of its own: what looks like another snippet in it is not looked up.
    return USE.sub(lambda use: str(worded(locale, found[use[1]].get("", ""), found[use[1]])), source)
