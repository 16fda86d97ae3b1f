from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "hub.outbox"
    label = "outbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.outbox import channels, exports, models, panels, setup
        from hub.outbox.sending import backlog, drain
        from hub.outbox.services import SEND
        from hub.registry.lists import ViewedList, viewed_lists
        from hub.tenancy.remembering import configured_by
        from hub.tenancy.wake import register_queue

        exports.register()
        kept = ("status", "reason")
        viewed_lists.register(ViewedList("messages", "Messages", "outbox.view", "outbox:list", kept, order=50))
        channels.load()
        panels.register()
        setup.register()
        configured_by(models.Topic)
        register_queue(SEND, drain=drain, backlog=backlog)
