from __future__ import annotations

from hub.registry.panels import NavItem, nav_items


def register() -> None:
    nav_items.register(
        NavItem(
            "metrics",
            "Metrics",
            70,
            "metrics.view",
            "metrics:dashboard",
            icon="chart-bar",
            what="Net revenue retention, its movements, and the account behind each.",
        )
    )
