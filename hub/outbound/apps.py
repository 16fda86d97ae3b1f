from django.apps import AppConfig


class OutboundConfig(AppConfig):
    name = "hub.outbound"
    label = "outbound"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.outbound import outgoing, panels
        from hub.outbound.exports import writing
        from hub.outbound.exports.services import EXPORTS
        from hub.outbound.webhooks import actions, sending
        from hub.outbound.webhooks.services import WEBHOOKS, receive, wanted
        from hub.registry.outgoing import connect
        from hub.tenancy.wake import register_queue

        register_queue(EXPORTS, drain=writing.drain, backlog=writing.backlog, lane="bulk")
        register_queue(WEBHOOKS, drain=sending.drain, backlog=sending.backlog, lane="outbound")
        outgoing.register()
        connect(wanted, receive)
        actions.register()
        panels.register()
