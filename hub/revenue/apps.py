from django.apps import AppConfig


class RevenueConfig(AppConfig):
    name = "hub.revenue"
    label = "revenue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.revenue import exports, facts, measures, panels, setup
        from hub.revenue.services import recount, retention
        from hub.tenancy.wake import register_queue

        exports.register()
        facts.register()
        measures.register()
        panels.register()
        setup.register()
        register_queue(recount.QUEUE, drain=recount.drain, backlog=recount.backlog, lane="bulk")
        register_queue(retention.QUEUE, drain=retention.drain, backlog=retention.backlog, lane="bulk", rest=4.0)
