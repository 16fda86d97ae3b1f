from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "hub.usage"
    label = "usage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from datetime import timedelta

        from hub.registry.schedules import Schedule, schedules
        from hub.usage import exports, facts, measures, panels, setup
        from hub.usage.upkeep import moves_forget, partitions_keep

        exports.register()
        schedules.register(Schedule("event-partitions", timedelta(hours=1), partitions_keep))
        schedules.register(Schedule("identity-moves", timedelta(hours=1), moves_forget))
        facts.register()
        measures.register()
        panels.register()
        setup.register()
