from django.apps import AppConfig


class ShellConfig(AppConfig):
    name = "hub.shell"
    label = "shell"

    def ready(self) -> None:
        from hub.registry.panels import NavItem, nav_items
        from hub.shell import exports, search

        exports.register()
        search.register()
        nav_items.register(NavItem("accounts", "Accounts", 20, "accounts.view", "accounts:list", icon="building"))

        nav_items.register(
            NavItem(
                key="today", title="Today", order=10, permission="today.view", url_name="shell:today", icon="sunrise"
            )
        )
