from django.apps import AppConfig


class ShellConfig(AppConfig):
    name = "hub.shell"
    label = "shell"

    def ready(self) -> None:
        from hub.registry.lists import ViewedList, connect_opening, viewed_lists
        from hub.registry.panels import NavItem, nav_items
        from hub.shell import exports, search, setting_up
        from hub.shell.account_list.query import VIEWED, rule_problem
        from hub.shell.saved_views import list_opening
        from hub.shell.services import bulk
        from hub.tenancy.wake import register_queue

        exports.register()
        search.register()
        setting_up.register()
        nav_items.register(
            NavItem(
                "setup",
                "Set-up guide",
                80,
                "today.view",
                "shell:setup",
                icon="list-check",
                what="The first weeks and the six-month plan, read from what is there.",
            )
        )
        connect_opening(list_opening)
        register_queue(bulk.QUEUE, drain=bulk.drain, backlog=bulk.backlog, lane="bulk")
        viewed_lists.register(
            ViewedList("accounts", "Accounts", "accounts.view", "accounts:list", VIEWED, rule_problem, order=10)
        )
        nav_items.register(
            NavItem(
                "accounts",
                "Accounts",
                20,
                "accounts.view",
                "accounts:list",
                icon="building",
                covers=("people/", "contacts/", "views/"),
                what="Every customer with its facts, people, contracts, use and history.",
            )
        )

        nav_items.register(
            NavItem(
                key="today",
                title="Today",
                order=10,
                permission="today.view",
                url_name="shell:today",
                icon="sunrise",
                what="What needs you now: signals, tasks, renewals and reviews that wait.",
            )
        )
