from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "hub.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.accounts import exports, facts, measures, outgoing, panels, setup
        from hub.accounts.services import deciding, hierarchy, winning
        from hub.registry.lists import ViewedList, viewed_lists
        from hub.tenancy.wake import register_queue

        kept = ("state", "entity", "field", "source")
        viewed_lists.register(ViewedList("conflicts", "Conflicts", "accounts.view", "record:conflicts", kept, order=60))
        exports.register()
        outgoing.register()
        facts.register()
        measures.register()
        panels.register()
        setup.register()
        register_queue(hierarchy.QUEUE, drain=hierarchy.drain, backlog=hierarchy.backlog, lane="evaluate")
        register_queue(winning.QUEUE, drain=deciding.drain, backlog=deciding.backlog, lane="bulk")
