from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "hub.feedback"
    label = "feedback"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.feedback import exports, facts, measures, panels, reading, setup, texts
        from hub.tenancy.wake import register_queue

        exports.register()
        facts.register()
        measures.register()
        panels.register()
        setup.register()
        texts.register()
        register_queue(reading.QUEUE, drain=reading.drain, backlog=reading.backlog, lane="bulk", rest=2.0)
