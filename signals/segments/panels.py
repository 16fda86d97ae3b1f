"""Segments in the navigation."""

from __future__ import annotations

from hub.registry.panels import NavItem, nav_items


def register() -> None:
    nav_items.register(
        NavItem(
            "segments",
            "Segments",
            22,
            "signals.view",
            "segments:list",
            icon="target",
            what="Groups of accounts by rule, owned by both teams and used everywhere.",
        )
    )
