from django.apps import AppConfig


class OutboundConfig(AppConfig):
    name = "hub.outbound"
    label = "outbound"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.outbound.exports.services import EXPORTS
        from hub.outbound.exports.writing import backlog, drain
        from hub.registry.panels import NavItem, nav_items
        from hub.tenancy.wake import register_queue

        register_queue(EXPORTS, drain=drain, backlog=backlog, lane="bulk")
        nav_items.register(NavItem("exports", "Exports", 84, "exports.take", "outbound:exports", icon="download"))
