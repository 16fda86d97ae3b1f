from django.apps import AppConfig


class QbrConfig(AppConfig):
    name = "qbr"
    label = "qbr"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.registry.lists import ViewedList, viewed_lists
        from qbr import actions, exports, outgoing, panels, setup, texts
        from qbr.blocks import load

        actions.register()
        exports.register()
        viewed_lists.register(ViewedList("qbrs", "QBRs", "qbr.view", "qbr:list", ("q", "state"), order=40))
        outgoing.register()
        load()
        panels.register()
        setup.register()
        texts.register()
