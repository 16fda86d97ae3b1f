"""The themes of a tenant: those that ship, with its own words for them, and those that it added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.feedback.models import TextTheme
from hub.feedback.text.lexicon import SHIPPED
from hub.feedback.text.themes import Theme


@dataclass(frozen=True, slots=True)
class TenantTheme:
    """A theme as the tenant has it. ``ships``: it comes with the product; ``changed``: with phrases of the tenant's."""

    theme: Theme
    ships: bool
    changed: bool
    is_off: bool


def tenant_themes() -> Sequence[TenantTheme]:
    """Every theme, also those that are off: the shipped ones first, in their order, then the tenant's by title."""
    own = {row.key: row for row in TextTheme.objects.order_by("title", "key")}
    found = []
    for shipped in SHIPPED:
        row = own.pop(shipped.key, None)
        found.append(
            TenantTheme(_theme(row) if row else shipped, True, row is not None, row is not None and row.is_off)
        )
    return [*found, *(TenantTheme(_theme(row), False, True, row.is_off) for row in own.values())]


def _theme(row: TextTheme) -> Theme:
    return Theme(row.key, row.title, tuple(row.phrases))


def themes_in_use() -> Sequence[Theme]:
    """The themes that texts are read for. One query."""
    return [found.theme for found in tenant_themes() if not found.is_off]


def theme_titles() -> dict[str, str]:
    """Key → title of every theme, also of those that are off."""
    return {found.theme.key: found.theme.title for found in tenant_themes()}


def theme_keys() -> Sequence[str]:
    """The keys that rules may name, in order."""
    return [theme.key for theme in themes_in_use()]
