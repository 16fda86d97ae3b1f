"""What a message may say of its reader: the tenant's documented variables, as apps above tell them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.accounts.models import Account, Contact
from hub.registry.base import Registry
from hub.tenancy.models import Tenant


@dataclass(frozen=True, slots=True)
class ValueProvider:
    """`values(tenant, account, contact)`: names and plain data, as at the moment of sending."""

    key: str
    values: Callable[[Tenant, Account, Contact | None], Mapping[str, Any]]
    order: int = 100


value_providers: Registry[ValueProvider] = Registry("message values")


def values_for(tenant: Tenant, account: Account, contact: Contact | None) -> dict[str, Any]:
    """Everything that a message to the contact may say; a later provider goes before an earlier one."""
    values: dict[str, Any] = {}
    for provider in value_providers:
        values |= provider.values(tenant, account, contact)
    return values


def names_in(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Every variable with its value, as ``account.name``; lists are told by their first item."""
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            found += names_in(value, f"{path}.")
        elif isinstance(value, list | tuple):
            found.append((path, f"{len(value)} in a list"))
        else:
            found.append((path, value))
    return found
