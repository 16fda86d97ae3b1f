from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "hub.work"
    label = "work"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.registry.lists import ViewedList, viewed_lists
        from hub.work import actions, exports, panels, setup
        from hub.work.selectors import FILTERS

        viewed_lists.register(ViewedList("tasks", "Tasks", "today.view", "work:tasks", FILTERS, order=20))
        actions.register()
        exports.register()
        panels.register()
        setup.register()
