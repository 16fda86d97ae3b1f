from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "hub.ingest"
    label = "ingest"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.ingest import following
        from hub.ingest.services import QUEUE
        from hub.tenancy.wake import register_queue

        register_queue(QUEUE, drain=following.drain, backlog=following.backlog)
